package authorize

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

var canaryVerifier = vending.NewSecret("canary-verifier")

var both = connect.NewGrant(connect.GrantValues{AccessToken: "canary access", RefreshToken: "canary refresh"})

// TestRevoke looks at the very bytes that the provider gets.
func TestRevoke(t *testing.T) {
	access := connect.NewGrant(connect.GrantValues{AccessToken: "canary access"})
	own := connect.NewGrant(connect.GrantValues{AccessToken: "canary access",
		Fields: fields("client_id", "own:id", "client_secret", "canary own")})
	for name, c := range map[string]struct {
		app           func(*stage) *catalog.App
		grant         connect.Grant
		header        bool
		token, hint   string
		id, secret    string
		authorization string
	}{
		"refresh token first": {func(s *stage) *catalog.App {
			return s.consents()
		}, both, false, "canary refresh", "refresh_token", "client:id", "canary client+secret", ""},
		"access token alone": {func(s *stage) *catalog.App {
			return s.consents()
		}, access, false, "canary access", "access_token", "client:id", "canary client+secret", ""},
		"client in the header": {func(s *stage) *catalog.App {
			return s.consents()
		}, both, true, "canary refresh", "refresh_token", "", "", "client%3Aid:canary+client%2Bsecret"},
		"the end user's own": {func(s *stage) *catalog.App {
			return s.machine()
		}, own, false, "canary access", "access_token", "own:id", "canary own", ""},
		"own, in the header": {func(s *stage) *catalog.App {
			return s.machine()
		}, own, true, "canary access", "access_token", "", "", "own%3Aid:canary+own"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, answer{200, "canary-body", nil})
			app := c.app(s)
			form := url.Values{"token": {c.token}, "token_type_hint": {c.hint}}
			if c.header {
				app.OAuth2.ClientAuth = "header"
				c.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.authorization))
			} else {
				form.Set("client_id", c.id)
				form.Set("client_secret", c.secret)
			}
			if revoked, err := s.Revoke(t.Context(), tenant, app, c.grant); err != nil || !revoked {
				t.Errorf("revoked %v, %v", revoked, err)
			}
			if got := s.calls(); len(got) != 1 || got[0].line != "POST /revoke" || got[0].body != form.Encode() ||
				got[0].authorization != c.authorization {
				t.Errorf("the provider got another call than it should, or %d", len(got))
			}
		})
	}
}

// TestRevokeNothing has what there is nothing to say to a provider about.
func TestRevokeNothing(t *testing.T) {
	s := newStage(t, granted, clientError(errors.New("the store is broken")))
	silent := s.consents(func(a *catalog.App) { a.OAuth2.RevokeURL = "" })
	for name, c := range map[string]struct {
		app   *catalog.App
		grant connect.Grant
	}{
		"no endpoint": {silent, both},
		"no grant":    {s.consents(), connect.Grant{}},
		"no token":    {s.consents(), connect.NewGrant(connect.GrantValues{Fields: fields("site", "x")})},
		"key":         {s.keyed(), connect.NewGrant(connect.GrantValues{Fields: fields("api_key", "canary")})},
	} {
		if revoked, err := s.Revoke(t.Context(), tenant, c.app, c.grant); revoked || err != nil || len(s.calls()) != 0 {
			t.Errorf("%s: revoked %v, %v", name, revoked, err)
		}
	}
}

func TestRevokeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer  http.Handler
		options func(*Options)
		revoked bool
		calls   int
	}{
		"already unknown": {answer{400, `{"error":"invalid_token"}`, nil}, func(*Options) {}, true, 1},
		"503":             {answer{503, `canary`, nil}, func(*Options) {}, false, 1},
		"echo":            {answer{400, `{"error":"canary refresh"}`, nil}, func(*Options) {}, false, 1},
		"redirect":        {answer{307, ``, map[string]string{"Location": "/canary"}}, func(*Options) {}, false, 1},
		"never answers":   {hanging(never), func(*Options) {}, false, 1},
		"no client":       {granted, clientError(connect.ErrNoOAuthClient), false, 0},
		"no transport":    {granted, func(o *Options) { o.Transport = nil }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, c.answer, c.options)
			revoked, err := s.Revoke(t.Context(), tenant, s.consents(), both)
			if revoked != c.revoked || (err == nil) != c.revoked || len(s.calls()) != c.calls {
				t.Errorf("revoked %v, %v", revoked, err)
			}
			if err != nil && strings.Contains(err.Error()+s.log.String(), "canary") {
				t.Errorf("error %v, or the log, spills a canary", err)
			}
		})
	}
}

// TestRevokeDrip: a provider that answers slowly does not keep the caller.
func TestRevokeDrip(t *testing.T) {
	s := newStage(t, hanging(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		drip(w, r)
	}))
	begun := time.Now()
	if revoked, err := s.Revoke(t.Context(), tenant, s.consents(), both); revoked || err == nil ||
		time.Since(begun) > generous {
		t.Errorf("revoked %v, %v after %v", revoked, err, time.Since(begun))
	}
}
