package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/internal/version"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestStartLine: the log says once a configuration what runs, and on what.
func TestStartLine(t *testing.T) {
	dir := t.TempDir()
	harness.MustCommand(t, "", "tenant", "create", "stored", "--email", "dev@acme.example", "--data", dir)
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\ntenant front\ntenant stored\n", dir))
	var lines []string
	for line := range strings.Lines(g.Log()) {
		if strings.Contains(line, `"msg":"vendgate started"`) || strings.Contains(line, `"msg":"vendgate reloaded"`) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("the log has %d such lines: %q", len(lines), lines)
	}
	var got struct {
		Version, Commit, Caddy, Store string
		Apps, Tenants                 int
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	v := version.Get()
	if got.Version != v.Version || got.Commit != v.Commit || got.Caddy != v.Caddy || got.Store != dir ||
		got.Apps < 100 || got.Tenants != 2 {
		t.Errorf("logged %s", lines[0])
	}
}
