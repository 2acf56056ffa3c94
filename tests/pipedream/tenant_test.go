package pipedream_test

import (
	"fmt"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// admit adds a tenant of the store, whose source is the one that does not name it: no configured
// tenant may have it.
func (s *stage) admit(source string) {
	s.t.Helper()
	dir := s.t.TempDir()
	store, err := store.Open(s.t.Context(), store.Options{Dir: dir})
	if err != nil {
		s.t.Fatal(err)
	}
	if s.others, err = store.CreateTenant(s.t.Context(),
		connect.Tenant{ID: "other", Email: "dev@other.example"}); err != nil {
		s.t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.Load(s.Caddyfile(fmt.Sprintf("data_dir %q\nsource local\ndefault_source pipedream\n%s", dir, s.config(source)), "",
		"log\nvendgate_proxy"))
}

// TestAnotherTenant: whoever knows an account and its end user is still nobody, unless the project
// is their tenant's. Pipedream is not even asked, and the answer is the one for accounts that are
// not.
func TestAnotherTenant(t *testing.T) {
	for name, source := range map[string]string{"by address": "end_user email", "by id": "end_user external_id"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, options(), source)
			s.admit(source)
			alice := []string{"X-User-Email: " + harness.Alice, "X-External-User-Id: " + harness.Alice}
			for _, c := range []struct{ account, app string }{{opened, "chat"}, {sealed, "chat"}, {keyed, "key"}} {
				path := "/proxy/" + c.account + "/" + c.app + "/x"
				before := len(s.pd.Got(pipedream.AccountOf)) + len(s.pd.Got(pipedream.Proxy)) + s.fetched()
				got := s.call("GET", path, "", append(alice, "Authorization: Bearer "+s.others)...)
				s.refused(c.account, got, 404, "connection_deleted")
				if n := len(s.pd.Got(pipedream.AccountOf)) + len(s.pd.Got(pipedream.Proxy)) + s.fetched() - before; n > 0 {
					t.Errorf("%s: Pipedream had %d calls", c.account, n)
				}
				if none := s.call("GET", "/proxy/apn_none/"+c.app+"/x", "", alice...); none.body != got.body {
					t.Errorf("%s: another tenant's account is told from none: %s and %s", c.account, got, none)
				}
				s.fine(c.account, s.call("GET", path, "", alice...))
			}
		})
	}
}

// TestTenantsOfOneProject: a project may be that of several tenants.
func TestTenantsOfOneProject(t *testing.T) {
	s := newStage(t, options(), "tenant other")
	s.Load(s.Caddyfile(s.config("tenant other")+"tenant other {\nkey "+harness.Secret(t, "VG_TENANT_B", harness.KeyB)+
		"\n}\n", "", "log\nvendgate_proxy"))
	for _, key := range []string{harness.KeyA, harness.KeyB} {
		s.fine("directly", s.call("GET", "/proxy/"+opened+"/chat/x", "", "Authorization: Bearer "+key))
		s.fine("by the proxy", s.call("GET", "/proxy/"+sealed+"/chat/x", "", "Authorization: Bearer "+key))
	}
}
