package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// readSource asks git. SOURCE_DATE_EPOCH replaces the commit's time. A commit without a tag is a
// pre-release of the patch version that comes after the last tag, so that packages upgrade from and
// to it.
func readSource(ctx context.Context, root, version string) (source, error) {
	commit, err := git(ctx, root, "rev-parse", "HEAD")
	if err != nil {
		return source{}, err
	}
	seconds := os.Getenv("SOURCE_DATE_EPOCH")
	if seconds == "" {
		if seconds, err = git(ctx, root, "log", "-1", "--format=%ct"); err != nil {
			return source{}, err
		}
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("reading the time of the commit: %w", err)
	}
	s := source{version: version, commit: commit, time: time.Unix(unix, 0).UTC()}
	changed, err := git(ctx, root, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return source{}, err
	}
	if changed != "" {
		s.commit += "+modified"
	}
	if s.version == "" {
		s.version = taggedVersion(ctx, root, s.time)
	}
	if !semver.MatchString(s.version) {
		return source{}, fmt.Errorf("version %q is invalid: write it like v1.2.3 or v1.2.3-rc.1", s.version)
	}
	return s, nil
}

// taggedVersion is the commit's tag, or what follows the last one.
func taggedVersion(ctx context.Context, root string, at time.Time) string {
	if tag, err := git(ctx, root, "describe", "--exact-match", "--match", "v*"); err == nil {
		return tag
	}
	next := "v0.0.0"
	if tag, err := git(ctx, root, "describe", "--abbrev=0", "--match", "v*"); err == nil {
		next = nextPatch(tag)
	}
	return next + "-dev." + at.Format("20060102150405")
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
