package authorize

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

var (
	html     = map[string]string{"Content-Type": "text/html; charset=utf-8"}
	jsonType = map[string]string{"Content-Type": "application/json"}
)

// TestVerdictsOfAnEntry has what an entry says of the answers to its verify request.
func TestVerdictsOfAnEntry(t *testing.T) {
	slack := catalog.Verify{Path: "/me", Success: "ok=true"}
	graphQL := catalog.Verify{Path: "/me", Success: "data.me.id", Inconclusive: true}
	wrong := catalog.Verify{Path: "/me", Wrong: []int{400, 403, 302, 500}, Inconclusive: true}
	restricted := catalog.Verify{Path: "/me",
		Accepted: []catalog.Accepted{{Status: 401, Body: []string{"missing_permissions"}}, {Status: 402}}, Inconclusive: true}
	for name, c := range map[string]struct {
		verify catalog.Verify
		answer answer
		want   Kind
	}{
		// https://docs.slack.dev/reference/methods/auth.test: 200 with an error
		"ok":             {slack, answer{200, `{"ok":true,"url":"x"}`, nil}, ""},
		"ok in a text":   {slack, answer{200, `{"ok":"true"}`, nil}, ""},
		"not ok":         {slack, answer{200, `{"ok":false,"error":"canary"}`, nil}, WrongCredential},
		"no such member": {slack, answer{200, `{"error":"canary"}`, nil}, WrongCredential},
		"another type":   {slack, answer{200, `["ok"]`, nil}, WrongCredential},
		"null":           {slack, answer{200, `{"ok":null}`, nil}, WrongCredential},
		"no JSON":        {slack, answer{200, `canary`, nil}, Malformed},
		"a page":         {slack, answer{200, `<html>canary</html>`, html}, Malformed},
		"nothing":        {slack, answer{204, ``, nil}, Malformed},
		"too large": {slack, answer{200, `{"x":"` + strings.Repeat("x", maxVerifyResponse) + `","ok":true}`, nil},
			Malformed},
		"a limit": {slack, answer{429, `{"ok":false}`, nil}, Unreachable},
		// https://spec.graphql.org/October2021/#sec-Response-Format: errors come with 200
		"data": {graphQL, answer{200, `{"data":{"me":{"id":1}}}`, nil}, ""},
		"errors": {graphQL, answer{200, `{"data":{"me":null},"errors":[{"message":"canary"}]}`, nil},
			WrongCredential},
		"null data":          {graphQL, answer{200, `{"data":null}`, nil}, WrongCredential},
		"a status for scope": {graphQL, answer{403, `{}`, nil}, Unconfirmed},

		// RFC 9110 reserves 402 for payment: the key of an account without credit is no wrong one.
		"a payment":       {catalog.Verify{Path: "/me"}, answer{402, `{}`, jsonType}, Unconfirmed},
		"a wrong 402":     {catalog.Verify{Path: "/me", Wrong: []int{402}}, answer{402, ``, nil}, WrongCredential},
		"a 403 for a 402": {catalog.Verify{Path: "/me"}, answer{403, ``, nil}, WrongCredential},
		"a wrong 400":     {wrong, answer{400, ``, nil}, WrongCredential},
		"a wrong 403":     {wrong, answer{403, ``, nil}, WrongCredential},
		"a wrong 302":     {wrong, answer{302, ``, nil}, WrongCredential},
		"a wrong 500":     {wrong, answer{500, ``, nil}, WrongCredential},
		"another one":     {wrong, answer{404, ``, nil}, Unconfirmed},
		// https://github.com/elevenlabs/cli/pull/126: 401 to a key that lacks a permission, too
		"a right 401":        {restricted, answer{401, `{"detail":{"status":"missing_permissions"}}`, jsonType}, ""},
		"a wrong 401":        {restricted, answer{401, `{"detail":{"status":"invalid_api_key"}}`, jsonType}, WrongCredential},
		"no credit":          {restricted, answer{402, ``, nil}, ""},
		"a 401 of no app's":  {wrong, answer{401, `missing_permissions`, nil}, WrongCredential},
		"another permission": {restricted, answer{403, `missing_permissions`, nil}, Unconfirmed},
		"a 503 besides":      {wrong, answer{503, ``, nil}, Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			app := s.keyed(func(a *catalog.App) { a.Verify = &c.verify })
			s.tried(t, app, fields("api_key", "canary-key"), c.want)
		})
	}
}

// tried tries values, and returns the problem of kind want; none is acceptance.
func (s *stage) tried(t *testing.T, app *catalog.App, values []vending.Field, want Kind) *Error {
	t.Helper()
	g, err := s.FromFields(t.Context(), app, values)
	if want != "" {
		if !g.IsZero() {
			t.Error("there is a grant")
		}
		return s.mustBe(t, err, want)
	}
	if err != nil || !g.Verified() {
		t.Errorf("verified %t, %v", g.Verified(), err)
	}
	return nil
}

// TestVerdictOfRefused: what an app's entry says of refused credentials in calls holds here, too.
func TestVerdictOfRefused(t *testing.T) {
	refused := func(r ...catalog.Refused) func(*catalog.App) {
		return func(a *catalog.App) { a.Refused, a.Verify.Inconclusive = r, true }
	}
	for name, c := range map[string]struct {
		refused catalog.Refused
		answer  answer
		want    Kind
	}{
		"by its text": {catalog.Refused{Statuses: []int{403}, Body: []string{"Bad_OAuth_Token"}},
			answer{403, `Bad_OAuth_Token canary`, nil}, WrongCredential},
		"by another text": {catalog.Refused{Statuses: []int{403}, Body: []string{"Bad_OAuth_Token"}},
			answer{403, `canary`, nil}, Unconfirmed},
		"by a header": {catalog.Refused{Statuses: []int{400}, When: map[string]string{"X-Code": "17"}},
			answer{400, ``, map[string]string{"X-Code": "17"}}, WrongCredential},
		"in 200": {catalog.Refused{Statuses: []int{200}, Body: []string{"invalid_auth"}},
			answer{200, `{"error":"invalid_auth"}`, nil}, WrongCredential},
		"not in 200": {catalog.Refused{Statuses: []int{200}, Body: []string{"invalid_auth"}}, answer{200, `{}`, nil},
			""},
		"not in a large 200": {catalog.Refused{Statuses: []int{200}, Body: []string{"invalid_auth"}},
			answer{200, strings.Repeat("x", maxVerifyResponse+1), nil}, ""},
		"in a coding of 200": {catalog.Refused{Statuses: []int{200}, Body: []string{"invalid_auth"}},
			answer{200, `x`, map[string]string{"Content-Encoding": "br"}}, Malformed},
		"cut off in 200": {catalog.Refused{Statuses: []int{200}, Body: []string{"invalid_auth"}},
			answer{200, `x`, map[string]string{"Content-Length": "9"}}, Unreachable},
		"a status of its own": {catalog.Refused{Statuses: []int{498}}, answer{498, ``, nil}, WrongCredential},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			s.tried(t, s.keyed(refused(c.refused)), fields("api_key", "canary-key"), c.want)
		})
	}
}

// TestVerdictOfALimit: an answer by which the provider says that it has had too many calls says
// nothing of the credential, whatever its status is (GitHub's is 403).
func TestVerdictOfALimit(t *testing.T) {
	limit := catalog.RateLimit{Statuses: []int{403}, When: map[string]string{"X-RateLimit-Remaining": "0"}}
	for name, c := range map[string]struct {
		left string
		want Kind
	}{"nothing left": {"0", Unreachable}, "some left": {"9", WrongCredential}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, answer{403, `{"message":"canary"}`, map[string]string{"X-RateLimit-Remaining": c.left}})
			app := s.keyed(func(a *catalog.App) { a.RateLimit, a.Verify.Wrong = &limit, []int{403} })
			s.tried(t, app, fields("api_key", "canary-key"), c.want)
		})
	}
}

// TestVerdictsAtAnEnteredHost: what shows that no such API is at a host that the end user entered
// is said of that host, whether failures prove something or not.
func TestVerdictsAtAnEnteredHost(t *testing.T) {
	whole := func(a *catalog.App) {
		a.Upstream = "http://{host}/api"
		a.Fields = append(a.Fields, catalog.Field{Name: "host", Label: "Server", Kind: catalog.KindHost})
	}
	part := func(a *catalog.App) {
		a.Upstream = "http://{host}.example.com/api"
		a.Fields = append(a.Fields, catalog.Field{Name: "host", Label: "Account"})
	}
	to := func(where string) map[string]string { return map[string]string{"Location": where} }
	for name, c := range map[string]struct {
		edit   func(*catalog.App)
		entry  string
		answer http.Handler
		want   Kind
		text   string
	}{
		"accepted":                {whole, "crm.example.com", answer{200, `{}`, jsonType}, "", ""},
		"accepted without a type": {whole, "crm.example.com", answer{200, ``, nil}, "", ""},
		"a page": {whole, "crm.example.com", answer{200, `<html>canary`, html}, WrongHost,
			"The server at crm.example.com is not Acme CRM, so"},
		"not found": {whole, "crm.example.com", answer{404, `{}`, jsonType}, WrongHost,
			"crm.example.com is not Acme CRM (HTTP 404)"},
		"not allowed": {whole, "crm.example.com", answer{405, `{}`, jsonType}, WrongHost, "(HTTP 405)"},
		"a redirect": {whole, "crm.example.com", answer{301, ``, to("https://WWW.example.com/x?canary")}, WrongHost,
			"(HTTP 301; it leads to www.example.com)"},
		"a redirect within": {whole, "crm.example.com", answer{302, ``, to("/login")}, WrongHost, "(HTTP 302), so"},
		"a redirect to nonsense": {whole, "crm.example.com", answer{302, ``, to("https://a<b>c/")}, WrongHost,
			"(HTTP 302), so"},
		"wrong": {whole, "crm.example.com", answer{401, `<html>`, html}, WrongCredential, ""},
		"down":  {whole, "crm.example.com", answer{502, `<html>`, html}, Unreachable, ""},
		"no such host": {whole, "nowhere.example.com", answer{200, ``, nil}, HostUnreachable,
			"response from nowhere.example.com, so"},
		"cut": {whole, "crm.example.com", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), HostUnreachable, "response from crm.example.com, so"},
		"never answers": {whole, "crm.example.com", hanging(never), HostUnreachable, "response from crm.example.com, so"},

		"part: no such account": {part, "crm", answer{404, `<html>`, html}, WrongHost,
			"crm.example.com is not Acme CRM (HTTP 404)"},
		"part: a redirect": {part, "crm", answer{302, ``, to("https://www.example.com/signup")}, WrongHost,
			"it leads to www.example.com"},
		"part: a page": {part, "crm", answer{200, `<html>`, html}, WrongHost, "crm.example.com is not Acme CRM, so"},
		"part: no such host": {part, "nowhere", answer{200, ``, nil}, HostUnreachable,
			"response from nowhere.example.com, so"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			s.o.Transport = reaching(map[string]*provider{"crm.example.com:80": s.provider})
			for _, inconclusive := range []bool{false, true} {
				app := s.keyed(c.edit, func(a *catalog.App) { a.Verify.Inconclusive = inconclusive })
				p := s.tried(t, app, fields("api_key", "canary-key", "host", c.entry), c.want)
				if p == nil {
					continue
				}
				if own := c.want == WrongHost || c.want == HostUnreachable; (p.Field == "host") != own || own &&
					p.HTTPStatus() != 422 {
					t.Errorf("the field is %q, the page's status %d", p.Field, p.HTTPStatus())
				}
				if !strings.Contains(p.Message(), c.text) {
					t.Errorf("message %q, want %q", p.Message(), c.text)
				}
			}
		})
	}
	s := newStage(t, answer{404, `{"error":"canary"}`, jsonType})
	s.o.Transport = reaching(map[string]*provider{"crm.example.com:80": s.provider})
	unsure := s.keyed(part, func(a *catalog.App) { a.Verify.Inconclusive = true })
	s.tried(t, unsure, fields("api_key", "canary-key", "host", "crm"), Unconfirmed) // a permission, perhaps
}

// TestImported: what an operator brings is tried as what an end user enters is; a token is not.
func TestImported(t *testing.T) {
	key := connect.NewGrant(connect.GrantValues{Fields: fields("api_key", "canary-key")})
	token := connect.NewGrant(connect.GrantValues{AccessToken: "canary-access", RefreshToken: "canary-refresh"})
	machine := connect.NewGrant(
		connect.GrantValues{Fields: fields("client_id", "canary-id", "client_secret", "canary-secret")})
	unsure := func(a *catalog.App) { a.Verify.Inconclusive = true }
	for name, c := range map[string]struct {
		answer      answer
		app         func(*stage) *catalog.App
		grant       connect.Grant
		unconfirmed bool
		want        Kind
		verified    bool
		calls       int
	}{
		"accepted": {answer{200, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed()
		}, key, false, "", true, 1},
		"wrong": {answer{401, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed(unsure)
		}, key, true, WrongCredential, false, 1},
		"away": {answer{503, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed(unsure)
		}, key, true, Unreachable, false, 1},
		"unconfirmed": {answer{403, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed(unsure)
		}, key, false, Unconfirmed, false, 1},
		"unconfirmed, anyway": {answer{403, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed(unsure)
		}, key, true, "", false, 1},
		"nothing to ask by": {answer{401, ``, nil}, func(s *stage) *catalog.App {
			return s.keyed(func(a *catalog.App) { a.Verify = nil })
		}, key, false, "", false, 0},
		"a token": {answer{401, ``, nil}, func(s *stage) *catalog.App {
			return s.consents(func(a *catalog.App) { a.Verify = &catalog.Verify{Path: "/me"} })
		}, token, false, "", false, 0},
		"a client": {granted, func(s *stage) *catalog.App { return s.machine() }, machine, false, "", true, 1},
		"a wrong client": {answer{401, `{"error":"invalid_client"}`, nil}, func(s *stage) *catalog.App {
			return s.machine()
		}, machine, true, WrongCredential, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			g, err := s.Imported(t.Context(), c.app(s), c.grant, c.unconfirmed)
			if c.want != "" {
				s.mustBe(t, err, c.want)
			} else if err != nil || g.IsZero() {
				t.Error(err)
			}
			if n := len(s.calls()); g.Verified() != c.verified || n != c.calls {
				t.Errorf("verified %t after %d calls", g.Verified(), n)
			}
		})
	}
}

// TestSiteNamedWhole: a message names the host that was asked, where a value names it whole.
func TestSiteNamedWhole(t *testing.T) {
	app := &catalog.App{
		Upstream: "https://{site}.atlassian.net", Verify: &catalog.Verify{Path: "/me"},
		Fields: []catalog.Field{{Name: "site", Hosts: []string{"*.jira.com"}}},
	}
	for value, want := range map[string]string{"acme": "acme.atlassian.net", "acme.jira.com": "acme.jira.com"} {
		if got := enteredHostOf(app, connect.GrantValues{Fields: fields("site", value)}); got.host != want ||
			got.field != "site" {
			t.Errorf("%s: %+v", value, got)
		}
	}
}
