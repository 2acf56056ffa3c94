package callerkey

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// TestOwnWords: what a key's own bounds refuse says so, and what the tenant's refuse does not blame
// the key.
func TestOwnWords(t *testing.T) {
	s := newScene(t, "apps key other xml\nrule key deny DELETE /tenant/**\nbudget app other 1")
	of := func(change func(*connect.CallerKey)) string { key, _ := s.mint(change); return key }
	bound := of(func(k *connect.CallerKey) {
		k.Apps, k.Methods, k.Paths, k.Budget = []string{"key"}, []string{"GET", "DELETE"}, []string{"/v1/**",
			"/tenant/**"}, 600
	})
	poor := of(func(k *connect.CallerKey) { k.Budget = 1 })
	both := of(func(k *connect.CallerKey) { k.Methods = []string{"GET"} })
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", poor), poor)
	for name, c := range map[string]struct {
		request, key string
		code         vending.Code
		text         string
	}{
		"app": {"GET other/v1/x", bound, vending.PolicyDenied, "this caller key may not call this app"},
		"path": {"GET key/v2/x", bound, vending.PolicyDenied,
			"this caller key may not call this method or path"},
		"method": {"PUT key/v1/x", bound, vending.PolicyDenied,
			"this caller key may not call this method or path"},
		"budget": {"GET key/x", poor, vending.RateLimited,
			"this caller key's own budget of this minute is spent"},
		"the tenant's app":     {"GET bot/x", poor, vending.PolicyDenied, "this tenant may not call"},
		"the tenant's rule":    {"DELETE key/tenant/x", bound, vending.PolicyDenied, "this tenant may not call"},
		"refused by both":      {"DELETE key/tenant/x", both, vending.PolicyDenied, "this tenant may not call"},
		"rules that can't see": {"GET key/v1/x?_method=PUT", bound, vending.PolicyDenied, "the rules check"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		a := s.raw(method+" /proxy/"+s.mine+"/"+path+" HTTP/1.1", bearer(c.key))
		s.mustRefuse(a, c.code.Status(), c.code, c.key)
		if !strings.Contains(a.body, c.text) {
			t.Errorf("%s: %s", name, a.body)
		}
		if strings.HasPrefix(c.text, "this caller key") && strings.Contains(a.body, "tenant") {
			t.Errorf("%s: the tenant is blamed: %s", name, a.body)
		}
	}
}
