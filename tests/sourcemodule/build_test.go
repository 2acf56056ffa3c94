// Package sourcemodule builds a gateway with a source that is not of this repository, as xcaddy
// would, and calls through it.
package sourcemodule

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// plugin is the path of the source's own module.
const plugin = "example.org/vault"

// mainText is the program that xcaddy writes (xcaddy, environment.go).
const mainText = `package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "` + plugin + `"
	_ "github.com/vendgate/vendgate"
)

func main() { caddycmd.Main() }
`

// built is the program, once a test needed it.
var built struct {
	sync.Once
	dir string
	err string
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built.dir) // a rest in the temporary directory harms nobody
	os.Exit(code)
}

// program builds the gateway and returns its path.
func program(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		dir, err := os.MkdirTemp("", "vendgate-source-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir = dir
		writeModules(t, dir)
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-mod=mod", "-trimpath", "-o",
			filepath.Join(dir, "gateway"), ".")
		cmd.Dir = filepath.Join(dir, "main")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = err.Error() + "\n" + string(out)
		}
	})
	if built.err != "" {
		t.Fatalf("building the gateway: %s", built.err)
	}
	return filepath.Join(built.dir, "gateway")
}

// writeModules writes the source's module and the program's. The program requires what this
// repository does, at the same versions.
func writeModules(t *testing.T, dir string) {
	t.Helper()
	root := harness.Root(t)
	ours := read(t, filepath.Join(root, "go.mod"))
	_, requirements, ok := strings.Cut(ours, "module github.com/vendgate/vendgate\n")
	if !ok {
		t.Fatal("go.mod does not begin with the module's path")
	}
	replaced := "\nrequire github.com/vendgate/vendgate v0.0.0\n\nreplace github.com/vendgate/vendgate => " + root + "\n"
	write(t, filepath.Join(dir, "vault", "go.mod"), "module "+plugin+"\n"+requirements+replaced)
	write(t, filepath.Join(dir, "vault", "vault.go"),
		read(t, filepath.Join(root, "tests", "sourcemodule", "vault", "vault.go")))
	write(t, filepath.Join(dir, "main", "go.mod"), "module caddy\n"+requirements+replaced+
		"\nrequire "+plugin+" v0.0.0\n\nreplace "+plugin+" => ../vault\n")
	write(t, filepath.Join(dir, "main", "go.sum"), read(t, filepath.Join(root, "go.sum")))
	write(t, filepath.Join(dir, "main", "main.go"), mainText)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
