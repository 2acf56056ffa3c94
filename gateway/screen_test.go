package gateway

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/policy"
)

// TestScreenLeavesTheRequest: the caller's request keeps its body when rules are held against that,
// also where a server has wrapped one with nothing in it.
func TestScreenLeavesTheRequest(t *testing.T) {
	for _, length := range []int64{0, -1} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(""))
		r.ContentLength = length
		body := io.NopCloser(strings.NewReader(""))
		r.Body = body
		c := &call{
			request: r, asked: r, tenant: &policy.Tenant{Rules: policy.Rules{{App: "*", Methods: []string{"POST"}}}},
			route: &appRoute{steering: policy.NewSteering(nil)},
		}
		c.tenant.Usage = policy.NewMemory(nil).Usage("acme", policy.Budgets{})
		if err := c.bound(); err != nil {
			t.Fatal(err)
		}
		if err := c.screen(policy.Call{App: "notes", Method: "POST"}, []policy.Rules{c.tenant.Rules}); err != nil {
			t.Fatal(err)
		}
		if c.screened == nil || r.Body != body || c.request.Body == body {
			t.Errorf("length %d: screened %t, the caller's body %v", length, c.screened != nil, r.Body)
		}
	}
}
