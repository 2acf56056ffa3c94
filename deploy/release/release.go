package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// allPlatforms are those that a release is built for. Packages and images are Linux's. Windows is
// left out: the store trusts the owner and the mode of its files.
var allPlatforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// release is one build of all artefacts.
type release struct {
	root, out string
	// work holds what is generated on the way, and is deleted.
	work      string
	version   string // vX.Y.Z
	commit    string
	time      time.Time // the commit's, UTC
	platforms []string
	// profile is go build's option -pgo: auto is the profile of cmd/vendgate.
	profile string
	// binaries are what was built, by platform.
	binaries map[string]string
}

func newRelease(ctx context.Context, root, out, version string, platforms []string) (*release, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return nil, err
	}
	s, err := readSource(ctx, root, version)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "vendgate-release-")
	if err != nil {
		return nil, err
	}
	return &release{
		root: root, out: out, work: work, version: s.version, commit: s.commit, time: s.time,
		platforms: platforms, profile: "auto", binaries: make(map[string]string),
	}, nil
}

func (r *release) close() { _ = os.RemoveAll(r.work) }

// step makes one kind of artefact.
type step struct {
	name string
	make func(*release, context.Context) error
}

var steps = []step{
	{"archives", (*release).archives},
	{"deb", (*release).deb},
	{"rpm", (*release).rpm},
	{"image", (*release).image},
	{"sbom", (*release).sboms},
	{"chart", (*release).chart},
}

// run makes the artefacts that are named, or all, and then the checksums of what is in out.
func (r *release) run(ctx context.Context, names []string) error {
	if slices.Contains(names, "rootfs") {
		return r.rootfs(ctx)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(steps, func(s step) bool { return s.name == name }) {
			return fmt.Errorf("unknown artefact %q", name)
		}
	}
	for _, s := range steps {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		if err := s.make(r, ctx); err != nil {
			return fmt.Errorf("making %s: %w", s.name, err)
		}
	}
	return r.checksums()
}

// file is the path of an artefact.
func (r *release) file(name string) string { return filepath.Join(r.out, name) }

// bare is the version without its v, as file names and packages have it.
func (r *release) bare() string { return r.version[1:] }
