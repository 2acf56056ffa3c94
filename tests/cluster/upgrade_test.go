package cluster

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// nextProgram builds the program with one more migration of the tables, or takes the one that
// VENDGATE_NEXT_BIN names.
func nextProgram(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("VENDGATE_NEXT_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "vendgate")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "schematest", "-o", path,
		"./cmd/vendgate")
	cmd.Dir, cmd.Env = harness.Root(t), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the next version: %v\n%s", err, out)
	}
	return path
}

// TestRollingUpgrade replaces the nodes by those of a version that changes the tables, one by one,
// under a load of calls and refreshes. Old nodes go on with the tables of the new version, and
// start on them too: so the way back is open. No request fails.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	next := nextProgram(t)
	c := start(t, options{shutdownDelay: "3s", listen: true, local: "margin 1s"})
	c.balance()
	c.provider.pace(3*time.Second, 0, 0)
	vault := c.connectVault()
	crm, g := c.connectCRM(true)
	l := begin(16, 100, func(i int) *http.Request {
		if i%2 == 0 {
			return call(t, http.MethodPost, c.URL, vault, "vault", "an order")
		}
		return call(t, http.MethodGet, c.URL, crm, "crm", "")
	})
	version := func() string { return c.postgres.Query("SELECT value FROM meta WHERE name = 'schema_version'") }
	before := version()
	upgrade := func(n *node, program string) {
		n.stop()
		n.program = program
		n.start()
		c.serves(n)
	}
	old := c.nodes[0].program
	upgrade(c.nodes[0], next)
	if after := version(); after == before {
		t.Errorf("the new node has left the tables at version %s", after)
	}
	upgrade(c.nodes[1], old)
	for _, n := range c.nodes[1:] {
		upgrade(n, next)
	}
	all := l.stop()
	t.Logf("%s; p99 %s; %d refreshes; tables of version %s, before %s", all, all.quantile(0.99),
		len(c.provider.refreshes()), version(), before)
	if all.count("200") != len(all) || len(all) < 1000 {
		t.Errorf("requests failed: %s", all)
	}
	if c.provider.grantOf(g).ended || len(c.provider.reuses()) > 0 || len(c.provider.refreshes()) < 4 {
		t.Errorf("%d refreshes, of which reuses: %+v", len(c.provider.refreshes()), c.provider.reuses())
	}
}
