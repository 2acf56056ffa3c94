package demoprovider

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tokens asks the token endpoint, authenticated by body unless header says otherwise.
func tokens(t *testing.T, p *Provider, form url.Values, header ...string) answer {
	t.Helper()
	if len(header) == 0 {
		form = withClient(p, form)
	}
	return post(t, p.URL()+"/oauth/token", form, header...)
}

func withClient(p *Provider, form url.Values) url.Values {
	id, secret := p.Client()
	form.Set("client_id", id)
	form.Set("client_secret", secret)
	return form
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// works reports whether the API accepts an access token.
func works(t *testing.T, p *Provider, token string) bool {
	t.Helper()
	return call(t, "GET", p.URL()+"/api/me", "", "Authorization", "Bearer "+token).status == http.StatusOK
}

func TestRefreshRotates(t *testing.T) {
	p := start(t, Options{AccessLifetime: 90 * time.Second})
	seeded := p.NewGrant("alice@example.com")
	first := tokens(t, p, refreshForm(seeded.RefreshToken))
	if first.status != http.StatusOK || first.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer %+v", first)
	}
	if first.field(t, "token_type") != "Bearer" || first.field(t, "expires_in") != 90.0 {
		t.Errorf("answer %s", first.body)
	}
	access, successor := first.field(t, "access_token").(string), first.field(t, "refresh_token").(string)
	if access == seeded.AccessToken || successor == seeded.RefreshToken {
		t.Error("a token was issued twice")
	}
	if !works(t, p, access) || !works(t, p, seeded.AccessToken) {
		t.Error("a valid access token is refused")
	}

	reused := tokens(t, p, refreshForm(seeded.RefreshToken))
	if reused.status != http.StatusBadRequest || reused.field(t, "error") != "invalid_grant" {
		t.Errorf("reuse answered %+v", reused)
	}
	// RFC 9700, section 4.14.2: the whole family ends.
	if works(t, p, access) || works(t, p, seeded.AccessToken) {
		t.Error("an access token outlived the reuse")
	}
	if again := tokens(t, p, refreshForm(successor)); again.field(t, "error") != "invalid_grant" {
		t.Errorf("the successor answered %+v", again)
	}
}

func TestReuseLeavesOtherGrantsAlone(t *testing.T) {
	p := start(t, Options{})
	stolen, other := p.NewGrant("alice@example.com"), p.NewGrant("alice@example.com")
	for range 2 {
		tokens(t, p, refreshForm(stolen.RefreshToken))
	}
	if works(t, p, stolen.AccessToken) || !works(t, p, other.AccessToken) {
		t.Error("the wrong family ended")
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	p := start(t, Options{})
	id, secret := p.Client()
	encoded := func(id, secret string) *http.Request {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return r
	}
	basic := func(id, secret string) []string {
		return []string{"Authorization", encoded(id, secret).Header.Get("Authorization")}
	}
	for _, c := range []struct {
		name   string
		form   url.Values
		header []string
		status int
		code   string
	}{
		{"unknown grant type", url.Values{"grant_type": {"password"}}, nil, 400, "unsupported_grant_type"},
		{"unknown refresh token", refreshForm("demo_rt_none"), nil, 400, "invalid_grant"},
		{"access token instead", refreshForm(p.NewGrant("a").AccessToken), nil, 400, "invalid_grant"},
		{"unknown code", url.Values{"grant_type": {"authorization_code"}, "code": {"demo_code_none"}}, nil, 400,
			"invalid_grant"},
		{"wrong secret by Basic", refreshForm("x"), basic(id, "wrong"), 401, "invalid_client"},
		{"wrong client by Basic", refreshForm("x"), basic("wrong", secret), 401, "invalid_client"},
		{"no client", refreshForm("x"), []string{"X-Nothing", ""}, 401, "invalid_client"},
		{"client authenticated twice", withClient(p, refreshForm("x")), basic(id, secret), 400, "invalid_request"},
		{"repeated parameter", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"a", "b"}}, nil, 400,
			"invalid_request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tokens(t, p, c.form, c.header...)
			if got.status != c.status || got.field(t, "error") != c.code {
				t.Errorf("answer %d %s, want %d %s", got.status, got.body, c.status, c.code)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (challenge != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
		})
	}
	t.Run("client in the query", func(t *testing.T) {
		grant := p.NewGrant("a")
		target := p.URL() + "/oauth/token?" + withClient(p, url.Values{}).Encode()
		if got := post(t, target, refreshForm(grant.RefreshToken)); got.status != http.StatusUnauthorized {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("token in the query", func(t *testing.T) {
		target := p.URL() + "/oauth/token?" + refreshForm(p.NewGrant("a").RefreshToken).Encode()
		if got := post(t, target, withClient(p, url.Values{"grant_type": {"refresh_token"}})); got.field(t,
			"error") != "invalid_grant" {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		if got := call(t, "POST", p.URL()+"/oauth/token", "{}", "Content-Type", "application/json"); got.field(t,
			"error") != "invalid_request" {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("too large", func(t *testing.T) {
		if got := tokens(t, p, refreshForm(strings.Repeat("x", maxForm))); got.field(t, "error") != "invalid_request" {
			t.Errorf("answer %+v", got)
		}
	})
}

func TestClientByBasic(t *testing.T) {
	p := start(t, Options{})
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(p.Client())
	got := tokens(t, p, refreshForm(p.NewGrant("a").RefreshToken), "Authorization", r.Header.Get("Authorization"))
	if got.status != http.StatusOK {
		t.Errorf("answer %+v", got)
	}
}

// TestShortLifetimeIsNoneOfZero: clients read `"expires_in":0` as a token that never ends.
func TestShortLifetimeIsNoneOfZero(t *testing.T) {
	p := start(t, Options{AccessLifetime: time.Nanosecond})
	grant := p.NewGrant("a")
	got := tokens(t, p, refreshForm(grant.RefreshToken))
	if got.field(t, "expires_in") != 1.0 {
		t.Errorf("answer %s", got.body)
	}
	if works(t, p, grant.AccessToken) {
		t.Error("an expired token works")
	}
}

func TestRevoke(t *testing.T) {
	for _, c := range []struct {
		name    string
		token   func(Grant) string
		revoked bool
	}{
		{"refresh token", func(g Grant) string { return g.RefreshToken }, true},
		{"access token", func(g Grant) string { return g.AccessToken }, true},
		{"unknown token", func(Grant) string { return "demo_rt_none" }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Options{})
			grant := p.NewGrant("a")
			got := post(t, p.URL()+"/oauth/revoke", withClient(p, url.Values{"token": {c.token(grant)}}))
			if got.status != http.StatusOK || works(t, p, grant.AccessToken) == c.revoked {
				t.Errorf("answer %+v, want it revoked: %t", got, c.revoked)
			}
			if refreshed := tokens(t, p, refreshForm(grant.RefreshToken)); (refreshed.status == http.StatusOK) == c.revoked {
				t.Errorf("refresh answered %+v", refreshed)
			}
		})
	}
	t.Run("another client", func(t *testing.T) {
		p := start(t, Options{})
		grant := p.NewGrant("a")
		form := url.Values{"token": {grant.RefreshToken}, "client_id": {"x"}, "client_secret": {"y"}}
		if got := post(t, p.URL()+"/oauth/revoke", form); got.status != http.StatusUnauthorized ||
			!works(t, p, grant.AccessToken) {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("no token", func(t *testing.T) {
		p := start(t, Options{})
		if got := post(t, p.URL()+"/oauth/revoke", withClient(p, url.Values{})); got.field(t, "error") != "invalid_request" {
			t.Errorf("answer %+v", got)
		}
	})
}
