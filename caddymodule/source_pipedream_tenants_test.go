package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestPipedreamUnnamedTenants: of a tenant of the store that the source does not name, the operator
// hears once, as soon as it is there.
func TestPipedreamUnnamedTenants(t *testing.T) {
	dir := t.TempDir()
	create := func(id string) string {
		return strings.TrimSpace(harness.MustCommand(t, "", "tenant", "create", id, "--email", "dev@example.com", "--data",
			dir))
	}
	acme, early := create("acme"), create("early")
	pd := pipedream(t, keyless, harness.OK)
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\ndefault_source pipedream\n", dir)+
		strings.Replace(pipedreamGateway(t, pd.Addr, "", sheets), "\tkey {env.VG_TENANT_KEY}\n", "", 1))
	for _, key := range []string{acme, early, create("late"), create("last")} {
		want := http.StatusNotFound
		if key == acme {
			want = http.StatusOK
		}
		// it is not there until the gateway has read the store again
		harness.Within(t, "its tenant", 15*time.Second, func() bool {
			status, _ := g.Do(g.Request("GET", "/proxy/apn_1/my-sheets/x", nil, "Authorization: Bearer "+key))
			return status == want
		})
	}
	log := g.Log()
	for tenant, want := range map[string]int{"acme": 0, "early": 1, "late": 1, "last": 1} {
		warning := `"msg":"admitting a tenant of the store","tenant":"` + tenant +
			`","error":"source pipedream does not list it, and would refuse each of its calls with connection_deleted: add ` +
			`tenant ` + tenant
		if n := strings.Count(log, warning); n != want {
			t.Errorf("%s: %d warnings, want %d in\n%s", tenant, n, want, log)
		}
	}
}
