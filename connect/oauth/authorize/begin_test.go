package authorize

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func TestBegin(t *testing.T) {
	own := func(scopes ...string) func(*Options) {
		return func(o *Options) {
			o.Clients = func(_ context.Context, tenant, app string) (connect.OAuthClient, error) {
				return connect.OAuthClient{ID: tenant + " of " + app, Scopes: scopes}, nil
			}
		}
	}
	for name, c := range map[string]struct {
		options func(*Options)
		change  func(*catalog.App)
		want    map[string]string // beside what every request has
	}{
		"as it is": {own(), func(*catalog.App) {}, map[string]string{"scope": "read write"}},
		"separator": {own(), func(a *catalog.App) {
			a.OAuth2.ScopeSeparator = ","
		}, map[string]string{"scope": "read,write"}},
		"the client's scopes": {own("only"), func(*catalog.App) {}, map[string]string{"scope": "only"}},
		"the client's, by dash": {own("a", "b"), func(a *catalog.App) {
			a.OAuth2.ScopeSeparator = "-"
		}, map[string]string{"scope": "a-b"}},
		"no scopes": {own(), func(a *catalog.App) { a.OAuth2.Scopes = nil }, map[string]string{}},
		"parameters": {own(), func(a *catalog.App) {
			a.OAuth2.AuthorizeParams = map[string]string{"access_type": "offline", "prompt": "consent & more"}
		}, map[string]string{"scope": "read write", "access_type": "offline", "prompt": "consent & more"}},
		"no PKCE": {own(), func(a *catalog.App) { a.OAuth2.NoPKCE = true }, map[string]string{"scope": "read write"}},
		"the URL says what the flow sets": {own(), func(a *catalog.App) {
			a.OAuth2.AuthorizeURL += "&response_type=token&state=x&scope=y"
		},
			map[string]string{"scope": "read write"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, granted, c.options)
			app := s.consents(c.change)
			r, err := s.Begin(t.Context(), tenant, app, redirectURI, nil)
			if err != nil {
				t.Fatal(err)
			}
			base, raw, _ := strings.Cut(r.URL, "?")
			q, err := url.ParseQuery(raw)
			if err != nil || base != s.URL+"/authorize" {
				t.Fatalf("%v in %s", err, r.URL)
			}
			want := url.Values{
				"audience": {"x y", "z"}, "response_type": {"code"}, "client_id": {"acme of mail"}, "redirect_uri": {redirectURI},
				"state": {r.State},
			}
			for name, value := range c.want {
				want.Set(name, value)
			}
			if !app.OAuth2.NoPKCE {
				want.Set("code_challenge", q.Get("code_challenge"))
				want.Set("code_challenge_method", "S256")
			}
			if !reflect.DeepEqual(q, want) {
				t.Errorf("the browser is sent with\n%q\nwant\n%q", q, want)
			}
			if r.FlowState.IsZero() != app.OAuth2.NoPKCE || !r.FlowState.IsZero() && len(q.Get("code_challenge")) != 43 {
				t.Errorf("verifier %v and challenge %q", !r.FlowState.IsZero(), q.Get("code_challenge"))
			}
			if len(s.calls()) != 0 {
				t.Error("the provider was called")
			}
		})
	}
}

// TestBeginIsUnguessable: 256 bits each, and never the same.
func TestBeginIsUnguessable(t *testing.T) {
	s := newStage(t, granted)
	app := s.consents()
	seen := make(map[string]bool)
	for range 50 {
		r, err := s.Begin(t.Context(), tenant, app, redirectURI, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{r.State, unseal(r.FlowState).CodeVerifier} {
			random, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil || len(random) != 32 || seen[text] {
				t.Fatalf("%d bytes, %v, seen before: %v", len(random), err, seen[text])
			}
			seen[text] = true
		}
		if printed := fmt.Sprintf("%v %+v %#v", r, r, r); strings.Contains(printed, r.FlowState.Reveal()) {
			t.Error("a request prints its verifier")
		}
	}
}

func clientError(err error) func(*Options) {
	return func(o *Options) {
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "canary", Secret: vending.NewSecret("canary")}, err
		}
	}
}

func TestBeginRefuses(t *testing.T) {
	broken := errors.New("the store is broken")
	none := fmt.Errorf("looking: %w", connect.ErrNoOAuthClient)
	for name, c := range map[string]struct {
		err     error
		change  func(*catalog.App)
		problem bool
		cause   error
		logged  string
	}{
		"no client": {connect.ErrNoOAuthClient, func(*catalog.App) {}, true, connect.ErrNoOAuthClient,
			`"app":"mail","tenant":"acme"`},
		"no client, wrapped": {none, func(*catalog.App) {}, true, connect.ErrNoOAuthClient, `"app":"mail","tenant":"acme"`},
		"store is broken":    {broken, func(*catalog.App) {}, false, broken, ""},
		"no consent page": {nil, func(a *catalog.App) {
			a.OAuth2.AuthorizeURL = ""
		}, true, errNoConsent, `"app":"mail","tenant":"acme"`},
		"key": {nil, func(a *catalog.App) {
			a.OAuth2 = nil
		}, true, errNoConsent, `"app":"mail","tenant":"acme"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, granted, clientError(c.err))
			r, err := s.Begin(t.Context(), tenant, s.consents(c.change), redirectURI, nil)
			if !errors.Is(err, c.cause) || r.URL != "" || !strings.Contains(s.log.String(), c.logged) {
				t.Errorf("error %v with log %s; want %v and %s", err, s.log, c.cause, c.logged)
			}
			var p *Error
			if errors.As(err, &p) != c.problem {
				t.Errorf("error %v, want a problem: %v", err, c.problem)
			}
			if c.problem {
				s.mustBe(t, err, NotConfigured)
			}
		})
	}
}
