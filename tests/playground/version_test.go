package playground

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestVersion: the program says its own version first, and then Caddy's.
func TestVersion(t *testing.T) {
	form := regexp.MustCompile(`^Vendgate \S+ \(commit \S+\), Caddy v2\.\d+\.\d+ h1:\S+\n$`)
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if out := harness.Run(t, harness.Environ(t), "", harness.Program(t), args...); !form.MatchString(out) {
			t.Errorf("%s printed %q", args, out)
		}
	}
}

// TestNoReplacement: the commands by which Caddy replaces itself say what they would do.
func TestNoReplacement(t *testing.T) {
	for _, name := range []string{"upgrade", "add-package", "remove-package"} {
		p := harness.StartProcess(t, harness.Environ(t), harness.Program(t), name, "example.org/module")
		if code := p.Ended(t, time.Minute); code != 1 || p.Stdout() != "" ||
			!strings.HasPrefix(p.Stderr(), name+" would put a Caddy from caddyserver.com in the place of this program") {
			t.Errorf("%s ended with %d and said %s%s", name, code, p.Stdout(), p.Stderr())
		}
	}
}

// TestStandardError of a command is for people, with a configuration, too.
func TestStandardError(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte("{\nvendgate {\ndata_dir "+dir+"\n}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"tenant", "create", "acme", "--email", "dev@acme.example"}, {"tenant", "list"}, {"app", "show", "gmail"},
		{"tenant", "revoke-grants", "acme", "--yes"}, {"audit"}, {"connection", "list"}, {"caller-key", "list"},
		{"store", "backup", filepath.Join(dir, "backup")}, {"store", "upgrade"}, {"keyset", "rotate"},
		{"user", "export", "--tenant", "acme", "--user", harness.Alice}, {"oauth-client", "list"},
	} {
		p := harness.StartProcess(t, harness.Environ(t), harness.Program(t), append(args, "--config", config)...)
		p.Ended(t, time.Minute)
		if strings.Contains(p.Stderr(), `{"level"`) || strings.Contains(p.Stderr(), "\tinfo\t") ||
			strings.Contains(p.Stderr(), "INFO") {
			t.Errorf("%s said %s", args, p.Stderr())
		}
	}
}
