package tests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// chart is the chart's folder, from here.
const chart = "../vendgate"

// helm and vendgate are the programs that the tests run, and database is what gateways share.
var (
	helm, vendgate string
	database       *postgres
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vendgate-helm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	helm, vendgate = filepath.Join(dir, "helm"), os.Getenv("VENDGATE_BIN")
	err = build("", helm, "helm.sh/helm/v4/cmd/helm")
	if vendgate == "" {
		vendgate = filepath.Join(dir, "vendgate")
		err = errors.Join(err, build("../../..", vendgate, "./cmd/vendgate"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if database, err = startPostgres(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := database.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return m.Run()
}

func build(dir, output, pkg string) error {
	cmd := exec.Command("go", "build", "-o", output, pkg)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}
