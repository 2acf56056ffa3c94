package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const versionPackage = "github.com/vendgate/vendgate/internal/version"

// binary builds the program for a platform, once.
func (r *release) binary(ctx context.Context, platform string) (string, error) {
	if path := r.binaries[platform]; path != "" {
		return path, nil
	}
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return "", fmt.Errorf("platform %q is invalid: write it like linux/amd64", platform)
	}
	path := filepath.Join(r.work, goos+"-"+goarch, "vendgate")
	// Version and commit come by -X and not by Go's own stamp, which is missing outside of a checkout.
	flags := fmt.Sprintf("-s -w -buildid= -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s",
		versionPackage, r.version, r.commit)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-pgo="+r.profile,
		"-ldflags", flags, "-o", path, "./cmd/vendgate")
	cmd.Dir = r.root
	cmd.Env = buildEnv(goos, goarch)
	if _, err := output(cmd); err != nil {
		return "", err
	}
	r.binaries[platform] = path
	return path, nil
}

// buildEnv is the environment without what would make a binary depend on it.
func buildEnv(goos, goarch string) []string {
	return append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOFLAGS=", "GOWORK=off",
		"GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
}

// hostBinary is one that runs here, to generate what the program says of itself.
func (r *release) hostBinary(ctx context.Context) (string, error) {
	return r.binary(ctx, runtime.GOOS+"/"+runtime.GOARCH)
}
