package authorize

import (
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// TestUngranted has what was asked for and what providers answer, which is seldom letter for letter
// the same.
func TestUngranted(t *testing.T) {
	for name, c := range map[string]struct {
		asked, separator, granted string
		missing                   string
	}{
		"all":                  {"a b", "", "a b", ""},
		"in another order":     {"a b", "", "b a", ""},
		"joined otherwise":     {"a b", ",", "a,b", ""},
		"the answer is silent": {"a b", "", "", ""},
		"less":                 {"a b c", "", "a", "b c"},
		"none of them":         {"a b", "", "x", "a b"},
		"more":                 {"a", "", "a b", ""},
		"upper case":           {"Mail.Read", "", "mail.read", ""},
		"Google's profile": {"openid email https://www.googleapis.com/auth/gmail.readonly", "",
			"https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/gmail.readonly openid", ""},
		"Google, a box unticked": {
			"openid https://www.googleapis.com/auth/drive https://www.googleapis.com/auth/gmail.readonly", "",
			"openid https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/gmail.readonly"},
		"Entra": {"offline_access https://graph.microsoft.com/Mail.Read Files.Read", "",
			"Mail.Read https://graph.microsoft.com/Files.Read profile", ""},
		"Entra's default": {"https://api.example.com/.default", "", "https://api.example.com/x", ""},
		"GitHub":          {"repo user user:email read:org", ",", "repo,user,admin:org", ""},
		"GitHub, less":    {"repo write:org", ",", "repo:status,read:org", "repo write:org"},
		"Shopify":         {"read_products write_products read_orders", ",", "write_products,read_orders", ""},
		"Shopify, less":   {"write_products", ",", "read_products", "write_products"},
		"twice":           {"b a b", "", "a", "b"},
	} {
		s := newStage(t, granted)
		app := s.consents(func(a *catalog.App) {
			a.OAuth2.Scopes, a.OAuth2.ScopeSeparator = strings.Fields(c.asked), c.separator
		})
		got := s.Ungranted(t.Context(), tenant, app,
			connect.NewGrant(connect.GrantValues{AccessToken: "t", Scope: c.granted}))
		if !slices.Equal(got, strings.Fields(c.missing)) {
			t.Errorf("%s: missing %q, want %q", name, got, c.missing)
		}
	}
	s := newStage(t, granted)
	if got := s.Ungranted(t.Context(), tenant, s.keyed(), connect.NewGrant(connect.GrantValues{Scope: "x"})); got != nil {
		t.Errorf("of an app without OAuth: %q", got)
	}
}
