package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var hostPlatform = "linux/" + runtime.GOARCH

// buildDir holds the program that the tests pack.
var buildDir string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if buildDir, err = os.MkdirTemp("", "vendgate-release-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(buildDir)
	return m.Run()
}

// profile is [release]'s in tests: for a build by the profile, all dependencies are compiled once
// more, in minutes. With VENDGATE_SOAK it is as shipped.
func profile() string {
	if os.Getenv("VENDGATE_SOAK") != "" {
		return "auto"
	}
	return "off"
}

// program builds the working tree once, as a release is built.
var program = sync.OnceValues(func() (string, error) {
	r, err := newRelease(context.Background(), "../..", buildDir, "v1.0.0", []string{hostPlatform})
	if err != nil {
		return "", err
	}
	defer r.close()
	r.profile = profile()
	built, err := r.binary(context.Background(), hostPlatform)
	if err != nil {
		return "", err
	}
	path := filepath.Join(buildDir, "vendgate")
	return path, os.Rename(built, path)
})
