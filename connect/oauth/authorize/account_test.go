package authorize

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// TestAccountOfVerify: the answer to a verify request names the account, and whatever it is, it
// keeps no accepted credential from being stored.
func TestAccountOfVerify(t *testing.T) {
	plain := func(a *catalog.App) { a.Verify.Account = "data.email" }
	gzip := map[string]string{"Content-Encoding": "gzip"}
	for name, c := range map[string]struct {
		answer http.Handler
		change func(*catalog.App)
		want   string
	}{
		"named":          {answer{200, `{"data":{"email":"alice@example.com"}}`, nil}, plain, "alice@example.com"},
		"HTML is text":   {answer{200, `{"data":{"email":"<b>a</b>"}}`, nil}, plain, "<b>a</b>"},
		"number":         {answer{200, `{"data":{"email":12345678901234567890}}`, nil}, plain, "12345678901234567890"},
		"in a list":      {answer{200, `[{"n":"a"},{"n":"b"}]`, nil}, func(a *catalog.App) { a.Verify.Account = "1.n" }, "b"},
		"with a success": {answer{200, `{"ok":true,"data":{"email":"a"}}`, nil}, successful, "a"},
		"not asked for":  {answer{200, `{"data":{"email":"a"}}`, nil}, func(*catalog.App) {}, ""},
		"none":           {answer{200, `{"data":{}}`, nil}, plain, ""},
		"null":           {answer{200, `{"data":{"email":null}}`, nil}, plain, ""},
		"object":         {answer{200, `{"data":{"email":{"a":"b"}}}`, nil}, plain, ""},
		"true":           {answer{200, `{"data":{"email":true}}`, nil}, plain, ""},
		"control":        {answer{200, `{"data":{"email":"a\u0000b"}}`, nil}, plain, ""},
		"long":           {answer{200, `{"data":{"email":"` + strings.Repeat("a", 255) + `"}}`, nil}, plain, ""},
		"the secret":     {answer{200, `{"data":{"email":"key canary-key"}}`, nil}, plain, ""},
		"no JSON":        {answer{200, `<p>`, nil}, plain, ""},
		"no content":     {answer{204, "", nil}, plain, ""},
		"bad gzip":       {answer{200, "canary", gzip}, plain, ""},
		"another coding": {answer{200, "canary", map[string]string{"Content-Encoding": "br"}}, plain, ""},
		"too large":      {answer{200, strings.Repeat(" ", maxVerifyResponse+1), nil}, plain, ""},
		"endless":        {hanging(drip), plain, ""},
		"accepted error": {answer{403, `{"data":{"email":"a"}}`, nil}, func(a *catalog.App) {
			a.Verify.Account = "data.email"
			a.Verify.Accepted = []catalog.Accepted{{Status: 403, Body: []string{"email"}}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			g, err := s.FromFields(t.Context(), s.keyed(c.change), fields("api_key", "canary-key"))
			if err != nil || !g.Verified() || g.Account() != c.want {
				t.Errorf("verified %t, account %q, want %q: %v", g.Verified(), g.Account(), c.want, err)
			}
			if n := len(s.calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func successful(a *catalog.App) { a.Verify.Account, a.Verify.Success = "data.email", "ok=true" }

// TestAccountOfToken: so does the token endpoint's answer to a code.
func TestAccountOfToken(t *testing.T) {
	answers := func(more string) answer {
		return answer{200, `{"access_token":"canary-access","token_type":"bearer","refresh_token":"canary-refresh"` + more +
			`}`,
			nil}
	}
	for name, c := range map[string]struct{ more, account, want string }{
		"named":             {`,"team":{"name":"Acme <Sales>"}`, "team.name", "Acme <Sales>"},
		"not asked for":     {`,"team":{"name":"Acme"}`, "", ""},
		"none":              {``, "team.name", ""},
		"control":           {`,"team":{"name":"a\u0007"}`, "team.name", ""},
		"the token":         {`,"team":{"name":"of canary-access"}`, "team.name", ""},
		"the refresh token": {`,"team":{"name":"canary-refresh"}`, "team.name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, answers(c.more))
			app := s.consents(func(a *catalog.App) { a.OAuth2.Account = c.account })
			g, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.NewSecret("canary-verifier"),
				url.Values{"code": {"c"}}, nil)
			if err != nil || !g.Verified() || g.Account() != c.want {
				t.Errorf("verified %t, account %q, want %q: %v", g.Verified(), g.Account(), c.want, err)
			}
			if n := len(s.calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}
