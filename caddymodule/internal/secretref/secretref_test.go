package secretref_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
)

func TestForms(t *testing.T) {
	for ref, ok := range map[string]bool{
		"{env.KEY}": true, "{env._k1}": true, "{file./run/secrets/key}": true, "{file.key.txt}": true, "{file./a b/c}": true,
		"": false, "pk_live_x": false, "{env.}": false, "{env.1K}": false, "{env.A B}": false, "{env.A-B}": false,
		"{file.}":        false,
		"{env.A}{env.B}": false, "x{env.A}": false, "{env.A}x": false, "{file./a}{file./b}": false, "{file./{env.A}}": false,
		"{$KEY}": false, "{KEY}": false, "env.KEY": false, "{http.request.header.X}": false, "{system.hostname}": false,
		"{env.A}\n": false, "{ENV.A}": false, `\{env.A}`: false, "{env.A:default}": false,
	} {
		err := secretref.Check(ref)
		if (err == nil) != ok || !ok && !errors.Is(err, secretref.ErrForm) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("from a {env.VG_RESOLVE} file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VG_RESOLVE", "from the {env.HOME} environment")
	for ref, want := range map[string]string{
		"{env.VG_RESOLVE}":    "from the {env.HOME} environment", // what a secret holds is no template
		"{file." + file + "}": "from a {env.VG_RESOLVE} file",
	} {
		secret, err := secretref.Resolve(ref)
		if err != nil || secret.Reveal() != want {
			t.Errorf("%s: %q, %v", ref, secret.Reveal(), err)
		}
	}
	for _, ref := range []string{"{env.VG_RESOLVE_NOT}", "{file." + dir + "/not}", "{file." + dir + "}"} {
		_, err := secretref.Resolve(ref)
		if err == nil || !strings.Contains(err.Error(), ref+" is missing or empty") {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := secretref.Resolve("NEVERSHOWN"); !errors.Is(err, secretref.ErrForm) ||
		strings.Contains(err.Error(), "NEVER") {
		t.Errorf("a literal: %v", err)
	}
}
