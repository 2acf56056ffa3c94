package caddymodule_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestNodeOfAGateway: a gateway whose keyset is in the database says there that it runs, over a
// reload too, and until it ends.
func TestNodeOfAGateway(t *testing.T) {
	dir := t.TempDir()
	kek := filepath.Join(t.TempDir(), "kek")
	harness.MustCommand(t, "", "keyset", "kek", "create", "--out", kek)
	options := fmt.Sprintf("data_dir %q\nstore {\nkey_encryption_key {file.%s}\n}\nsource local\n", dir, kek)
	counted := func() (nodes int) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "vendgate.db")+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.QueryRow(`SELECT count(*) FROM nodes`).Scan(&nodes); err != nil {
			t.Fatal(err)
		}
		return nodes
	}
	t.Run("running", func(t *testing.T) {
		g := harness.Start(t, options)
		harness.Within(t, "a row of the gateway", 5*time.Second, func() bool { return counted() == 1 })
		g.Load(g.Caddyfile(options+"tenant acme\n", "", ""))
		if n := counted(); n != 1 {
			t.Errorf("%d nodes after a reload, want 1", n)
		}
		if strings.Contains(g.Log(), "other gateways do not know") {
			t.Error(g.Log())
		}
	})
	if n := counted(); n != 0 {
		t.Errorf("%d nodes after the end, want none", n)
	}
}
