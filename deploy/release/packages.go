package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	// The packager that needs no Debian or Fedora machine; its configuration is
	// deploy/packages/nfpm.yaml.
	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

func (r *release) deb(ctx context.Context) error { return r.packages(ctx, "deb") }
func (r *release) rpm(ctx context.Context) error { return r.packages(ctx, "rpm") }

// packages writes a package for each Linux platform.
func (r *release) packages(ctx context.Context, format string) error {
	assets, err := r.assets(ctx)
	if err != nil {
		return err
	}
	for _, platform := range r.platforms {
		arch, ok := strings.CutPrefix(platform, "linux/")
		if !ok {
			continue
		}
		binary, err := r.binary(ctx, platform)
		if err != nil {
			return err
		}
		notices, err := r.debNotices(ctx, platform)
		if err != nil {
			return err
		}
		values := map[string]string{
			"ARCH": arch, "VERSION": r.version, "BINARY": binary, "ASSETS": assets, "ROOT": r.root,
			"NOTICES":  filepath.Dir(notices),
			"PACKAGES": filepath.Join(r.root, "deploy", "packages"),
			"SYSTEMD":  filepath.Join(r.root, "deploy", "systemd"),
		}
		if err := r.pack(format, values); err != nil {
			return err
		}
	}
	return nil
}

// debNotices compresses them, as Debian's documents are.
func (r *release) debNotices(ctx context.Context, platform string) (string, error) {
	plain, err := r.notices(ctx, platform)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(plain)
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(plain), "third-party-notices.gz")
	return path, r.writeGzip(path, text)
}

// pack writes one package, under the name that its own tools give it.
func (r *release) pack(format string, values map[string]string) error {
	expand := func(name string) string { return values[name] }
	config, err := nfpm.ParseFileWithEnvMapping(filepath.Join(values["PACKAGES"], "nfpm.yaml"), expand)
	if err != nil {
		return err
	}
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	info.MTime = r.time
	for _, script := range []*string{&info.Scripts.PreInstall, &info.Scripts.PostInstall,
		&info.Scripts.PreRemove, &info.Scripts.PostRemove} {
		*script = os.Expand(*script, expand) // which nfpm leaves to its caller
	}
	info = nfpm.WithDefaults(info)
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	f, err := os.Create(r.file(packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	if err := packager.Package(info, f); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}
