package authorize

import (
	"encoding/base64"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// TestFromFieldsRefuses has what is decided before anybody is asked.
func TestFromFieldsRefuses(t *testing.T) {
	s := newStage(t, granted)
	for name, c := range map[string]struct {
		app    *catalog.App
		values []string
		want   Kind
		field  string
	}{
		"line break": {s.keyed(), []string{"api_key", "canary\r\nX-Evil: 1"}, InvalidField, "api_key"},
		"missing":    {s.keyed(), nil, MissingField, "api_key"},
		"unknown":    {s.keyed(), []string{"api_key", "k", "role", "canary"}, UnknownField, "role"},
		"dots in the path": {s.keyed(func(a *catalog.App) {
			a.Placement = &catalog.Placement{PathPrefix: "/{api_key}"}
		}), []string{"api_key", ".."}, InvalidField, "api_key"},
		"dots in verify alone": {s.keyed(func(a *catalog.App) {
			a.Verify.Path = "/{api_key}"
		}), []string{"api_key", "canary/.."}, InvalidField, "api_key"},
		"inconclusive, too": {s.keyed(func(a *catalog.App) {
			a.Verify.Inconclusive = true
			a.Placement = &catalog.Placement{PathPrefix: "/{api_key}"}
		}), []string{"api_key", ".."}, InvalidField, "api_key"},
		"no verify, too": {s.keyed(func(a *catalog.App) {
			a.Verify = nil
			a.Placement = &catalog.Placement{PathPrefix: "/{api_key}"}
		}), []string{"api_key", ".."}, InvalidField, "api_key"},
		"no client secret": {s.machine(), []string{"client_id", "canary"}, MissingField, "client_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := s.FromFields(t.Context(), c.app, fields(c.values...))
			if p := s.mustBe(t, err, c.want); p.Field != c.field || !g.IsZero() {
				t.Errorf("field %q, want %q", p.Field, c.field)
			}
			if n := len(s.calls()); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
	if _, err := s.FromFields(t.Context(), s.consents(), nil); err == nil || len(s.calls()) != 0 {
		t.Errorf("an app of the provider's consent: %v", err)
	}
}

func TestWithoutVerify(t *testing.T) {
	s := newStage(t, answer{401, "", nil})
	app := s.keyed(func(a *catalog.App) { a.Verify = nil })
	if g, err := s.FromFields(t.Context(), app, fields("api_key", "k")); err != nil || g.IsZero() || g.Verified() ||
		len(s.calls()) != 0 {
		t.Errorf("error %v", err)
	}
}

// TestFirstToken has what an end user's own client obtains.
func TestFirstToken(t *testing.T) {
	s := newStage(t, granted, clientError(connect.ErrNoOAuthClient))
	values := fields("client_secret", "canary secret ", "client_id", "canary:id")
	ordered := fields("client_id", "canary:id", "client_secret", "canary secret")
	for name, header := range map[string]bool{"client in the body": false, "client in the header": true} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"grant_type": {"client_credentials"}, "scope": {"a,b"}}
			authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte("canary%3Aid:canary+secret"))
			app := s.machine(func(a *catalog.App) { a.OAuth2.ClientAuth = "header" })
			if !header {
				app.OAuth2.ClientAuth, authorization = "", ""
				form.Set("client_id", "canary:id")
				form.Set("client_secret", "canary secret")
			}
			g, err := s.FromFields(t.Context(), app, values)
			if err != nil || !g.Verified() {
				t.Fatalf("verified %t, %v", g.Verified(), err)
			}
			want := connect.GrantValues{AccessToken: "canary-access", TokenType: "bearer", Scope: "a b",
				Expiry: now.Add(time.Hour), Fields: ordered}
			if !reflect.DeepEqual(g.Reveal(), want) {
				t.Error("another grant than was given")
			}
			if got := s.calls(); len(got) != 1 || got[0].line != "POST /token" || got[0].body != form.Encode() ||
				got[0].authorization != authorization {
				t.Errorf("the provider got another call than it should, or %d", len(got))
			}
		})
	}
}

// TestFirstTokenTooLarge: what no store would take is said at once.
func TestFirstTokenTooLarge(t *testing.T) {
	s := newStage(t, answer{200, `{"access_token":"` + strings.Repeat("x", 30<<10) + `"}`, nil})
	if _, err := s.FromFields(t.Context(), s.machine(), fields("client_id", "i", "client_secret", "s")); err != nil {
		t.Errorf("a long token: %v", err)
	}
	long := strings.Repeat("x", maxField)
	_, err := s.FromFields(t.Context(), s.machine(), fields("client_id", long, "client_secret", long))
	s.mustBe(t, err, Malformed)
}

func TestFirstTokenRefused(t *testing.T) {
	html := map[string]string{"Content-Type": "text/html"}
	for name, c := range map[string]struct {
		answer answer
		want   Kind
		code   string
		status int
	}{
		"invalid_client": {answer{401, `{"error":"invalid_client","error_description":"canary"}`, nil}, WrongCredential,
			"invalid_client", 401},
		"unauthorized_client": {answer{400, `{"error":"unauthorized_client"}`, nil}, WrongCredential, "unauthorized_client",
			400},
		"invalid_grant":      {answer{400, `{"error":"invalid_grant"}`, nil}, WrongCredential, "invalid_grant", 400},
		"400 in HTML":        {answer{400, `canary`, html}, WrongCredential, "", 400},
		"401 in HTML":        {answer{401, `canary`, html}, WrongCredential, "", 401},
		"403 in HTML":        {answer{403, `canary`, html}, WrongCredential, "", 403},
		"404 in HTML":        {answer{404, `canary`, html}, Malformed, "", 404},
		"invalid_scope":      {answer{400, `{"error":"invalid_scope"}`, nil}, ProviderError, "invalid_scope", 400},
		"echo of the secret": {answer{400, `{"error":"invalid_client canary-secret"}`, nil}, ProviderError, "", 400},
		"503":                {answer{503, `{"error":"invalid_client"}`, nil}, Unreachable, "invalid_client", 503},
		"HTML 200":           {answer{200, `canary`, html}, Malformed, "", 200},
		"token of two lines": {answer{200, `{"access_token":"canary\n"}`, nil}, Malformed, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer)
			g, err := s.FromFields(t.Context(), s.machine(), fields("client_id", "canary-id", "client_secret", "canary-secret"))
			if p := s.mustBe(t, err, c.want); p.Code != c.code || p.Status != c.status || !g.IsZero() || len(s.calls()) != 1 {
				t.Errorf("code %q, status %d; want %q, %d", p.Code, p.Status, c.code, c.status)
			}
		})
	}
}
