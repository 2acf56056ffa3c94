package pipedream_test

import (
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestAnotherTenant: whoever knows an account and its end user is still nobody, unless the project is their tenant's. Pipedream is
// not even asked, and the answer is the one for accounts that are not.
func TestAnotherTenant(t *testing.T) {
	for name, source := range map[string]string{"by address": "end_user email", "by id": "end_user external_id"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, options(), source)
			alice := []string{"X-User-Email: " + harness.Alice, "X-External-User-Id: " + harness.Alice}
			for _, c := range []struct{ account, app string }{{opened, "chat"}, {sealed, "chat"}, {keyed, "key"}} {
				path := "/proxy/" + c.account + "/" + c.app + "/x"
				before := len(s.pd.Got(pipedream.AccountOf)) + len(s.pd.Got(pipedream.Proxy)) + s.fetched()
				got := s.call("GET", path, "", append(alice, "Authorization: Bearer "+harness.KeyB)...)
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
	for _, key := range []string{harness.KeyA, harness.KeyB} {
		s.fine("directly", s.call("GET", "/proxy/"+opened+"/chat/x", "", "Authorization: Bearer "+key))
		s.fine("by the proxy", s.call("GET", "/proxy/"+sealed+"/chat/x", "", "Authorization: Bearer "+key))
	}
}
