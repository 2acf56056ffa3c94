package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// source is which state of the repository a release is built from.
type source struct {
	version, commit string
	time            time.Time
}

var semver = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// What releases get that are built without git. The time is the first that each kind of archive can
// say.
const (
	unknownCommit = "unknown"
	noCommitTime  = 315532800
)

// readSource asks git. SOURCE_DATE_EPOCH replaces the commit's time. A commit without a tag is a
// pre-release of the patch version that comes after the last tag, so that packages upgrade from and
// to it. Sources that are no checkout have neither.
func readSource(ctx context.Context, root, version string) (source, error) {
	s := source{version: version, commit: unknownCommit, time: time.Unix(noCommitTime, 0).UTC()}
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		if err := s.readCommit(ctx, root); err != nil {
			return source{}, err
		}
	}
	if seconds := os.Getenv("SOURCE_DATE_EPOCH"); seconds != "" {
		if err := s.setTime(seconds); err != nil {
			return source{}, fmt.Errorf("reading SOURCE_DATE_EPOCH: %w", err)
		}
	}
	if s.version == "" {
		s.version = s.nextVersion(ctx, root)
	}
	if !semver.MatchString(s.version) {
		return source{}, fmt.Errorf("version %q is invalid: write it like v1.2.3 or v1.2.3-rc.1", s.version)
	}
	return s, nil
}

func (s *source) readCommit(ctx context.Context, root string) error {
	found, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	commit, seconds, _ := strings.Cut(found, " ")
	changed, err := git(ctx, root, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return err
	}
	if s.commit = commit; changed != "" {
		s.commit += "+modified"
	}
	return s.setTime(seconds)
}

func (s *source) setTime(seconds string) error {
	unix, err := strconv.ParseInt(seconds, 10, 64)
	s.time = time.Unix(unix, 0).UTC()
	return err
}

// nextVersion is the commit's tag, or what follows the last one.
func (s *source) nextVersion(ctx context.Context, root string) string {
	next := "v0.0.0"
	if s.commit != unknownCommit { // else git would find a repository around these sources
		if tag, err := git(ctx, root, "describe", "--exact-match", "--match", "v*"); err == nil {
			return tag
		}
		if tag, err := git(ctx, root, "describe", "--abbrev=0", "--match", "v*"); err == nil {
			next = nextPatch(tag)
		}
	}
	return next + "-dev." + s.time.Format("20060102150405")
}

func nextPatch(tag string) string {
	release, pre, _ := strings.Cut(tag, "-")
	dot := strings.LastIndexByte(release, '.')
	patch, err := strconv.Atoi(release[dot+1:])
	if err != nil || pre != "" {
		return release
	}
	return release[:dot+1] + strconv.Itoa(patch+1)
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := output(exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...))
	return strings.TrimSpace(string(out)), err
}

// output runs a program. An error has what it wrote to standard error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), err
}
