package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// authorizeAs sends the end user through the authorization endpoint and returns the code.
func authorizeAs(t *testing.T, s running, verifier, login string) string {
	t.Helper()
	target := s.config().AuthCodeURL("state-of-the-client", oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("login", login))
	a := s.get(t, strings.TrimPrefix(target, s.URL))
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(location.String(), redirect+"?") {
		t.Fatalf("%d to %q, %v", a.status, location, err)
	}
	if state := location.Query().Get("state"); state != "state-of-the-client" {
		t.Errorf("state %q", state)
	}
	return location.Query().Get("code")
}

// TestCodeFlow has a real client run the flow and refresh; then the API must know the new token
// only.
func TestCodeFlow(t *testing.T) {
	s := start(t)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.Client)
	verifier := oauth2.GenerateVerifier()
	code := authorizeAs(t, s, verifier, "alice@example.com")
	first, err := s.config().Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("exchanging: %v", err)
	}
	if left := time.Until(first.Expiry); left < 50*time.Second || left > 61*time.Second || first.RefreshToken == "" {
		t.Errorf("valid for %v, refresh token %t", left, first.RefreshToken != "")
	}
	digest := sha256.Sum256([]byte(first.AccessToken))
	a := s.me(t, "Bearer "+first.AccessToken)
	if got := a.object(t); a.status != http.StatusOK || got["subject"] != "alice@example.com" ||
		got["token_sha256"] != hex.EncodeToString(digest[:]) {
		t.Errorf("%d %v", a.status, got)
	}
	second, err := s.config().TokenSource(ctx, &oauth2.Token{RefreshToken: first.RefreshToken}).Token()
	if err != nil {
		t.Fatalf("refreshing: %v", err)
	}
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the refresh rotated nothing")
	}
	s.wantStatus(t, http.StatusUnauthorized, first.AccessToken)
	s.wantStatus(t, http.StatusOK, second.AccessToken)
	s.wantTally(t, tally{TokenCalls: 2, RefreshOK: 1, APICalls: 3})
}

func TestExchangeRefusals(t *testing.T) {
	s := start(t)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.Client)
	verifier := oauth2.GenerateVerifier()
	for name, c := range map[string]struct {
		change func(*oauth2.Config) oauth2.AuthCodeOption
		want   string
	}{
		"wrong verifier": {func(*oauth2.Config) oauth2.AuthCodeOption {
			return oauth2.VerifierOption(oauth2.GenerateVerifier())
		}, "invalid_grant"},
		"no verifier": {func(*oauth2.Config) oauth2.AuthCodeOption {
			return oauth2.SetAuthURLParam("x", "y")
		}, "invalid_grant"},
		"other redirect": {func(c *oauth2.Config) oauth2.AuthCodeOption {
			c.RedirectURL += "2"
			return oauth2.VerifierOption(verifier)
		}, "invalid_grant"},
		"wrong secret": {func(c *oauth2.Config) oauth2.AuthCodeOption {
			c.ClientSecret = "guess"
			return oauth2.VerifierOption(verifier)
		}, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			code := authorizeAs(t, s, verifier, "alice@example.com")
			config := s.config()
			option := c.change(config)
			_, err := config.Exchange(ctx, code, option)
			var refused *oauth2.RetrieveError
			if !errors.As(err, &refused) || refused.ErrorCode != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	t.Run("code twice", func(t *testing.T) {
		code := authorizeAs(t, s, verifier, "alice@example.com")
		token, err := s.config().Exchange(ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.config().Exchange(ctx, code, oauth2.VerifierOption(verifier)); err == nil {
			t.Error("a code was taken twice")
		}
		s.wantStatus(t, http.StatusUnauthorized, token.AccessToken)
	})
}

func TestAuthorizeRefusals(t *testing.T) {
	s := start(t)
	good := url.Values{
		"response_type": {"code"}, "client_id": {s.ClientID}, "redirect_uri": {redirect}, "scope": {"read"},
		"state": {"0123456789"}, "login": {"a@b.c"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}
	// want: the error in the redirect; empty for a 400 without one
	for name, c := range map[string]struct{ field, value, want string }{
		"nothing wrong":        {"state", "abcdefghij", "none"},
		"no redirect":          {"redirect_uri", "", ""},
		"other port":           {"redirect_uri", "http://127.0.0.1:10/callback", ""},
		"query added":          {"redirect_uri", redirect + "?a=b", ""},
		"that of the controls": {"redirect_uri", controlRedirect, ""},
		"no challenge":         {"code_challenge", "", "invalid_request"},
		"plain challenge":      {"code_challenge_method", "plain", "invalid_request"},
		"unknown scope":        {"scope", "admin", "invalid_scope"},
		"implicit":             {"response_type", "token", "unsupported_response_type"},
		"denied":               {"consent", "deny", "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			query := url.Values{}
			for name, values := range good {
				query[name] = values
			}
			query.Set(c.field, c.value)
			a := s.get(t, "/oauth2/auth?"+query.Encode())
			location, err := url.Parse(a.header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if a.status != http.StatusBadRequest || location.String() != "" {
					t.Errorf("%d to %q", a.status, location)
				}
				return
			}
			got := location.Query()
			if code := got.Get("error"); code != strings.TrimPrefix(c.want, "none") && c.want != "none" ||
				(got.Get("code") != "") != (c.want == "none") {
				t.Errorf("%d to %q", a.status, location)
			}
		})
	}
}

// TestLoginForm submits the form as a browser would.
func TestLoginForm(t *testing.T) {
	s := start(t)
	target := s.config().AuthCodeURL(`state"<b>&`, oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	page := s.get(t, strings.TrimPrefix(target, s.URL))
	if page.status != http.StatusOK || strings.Contains(page.body, "<b>") {
		t.Fatalf("%d %s", page.status, page.body)
	}
	for decision, want := range map[string]string{"allow": "code", "deny": "error"} {
		query := url.Values{"login": {"bob@example.com"}, "consent": {decision}}
		for _, field := range regexp.MustCompile(
			`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(page.body, -1) {
			query.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		location, err := url.Parse(s.get(t, "/oauth2/auth?"+query.Encode()).header.Get("Location"))
		if err != nil || !location.Query().Has(want) || location.Query().Get("state") != `state"<b>&` {
			t.Errorf("%s: to %q, %v", decision, location, err)
		}
	}
}

// TestReuse presents a spent refresh token: the whole grant must end, and each time counts.
func TestReuse(t *testing.T) {
	s := start(t)
	_, spent := s.grant(t)
	fresh := s.refresh(t, spent).object(t)
	access, _ := fresh["access_token"].(string)
	refresh, _ := fresh["refresh_token"].(string)
	s.wantStatus(t, http.StatusOK, access)
	for range 2 {
		if a := s.refresh(t, spent); a.status != http.StatusBadRequest || a.object(t)["error"] != "invalid_grant" {
			t.Errorf("reuse: %d %s", a.status, a.body)
		}
	}
	s.wantStatus(t, http.StatusUnauthorized, access)
	if a := s.refresh(t, refresh); a.status != http.StatusBadRequest || a.object(t)["error"] != "invalid_grant" {
		t.Errorf("the grant outlived the reuse: %d %s", a.status, a.body)
	}
	s.wantTally(t, tally{TokenCalls: 4, RefreshOK: 1, RefreshReuse: 2, APICalls: 2})
}

// TestParallelRefresh: of parallel refreshes with one token exactly one gets through.
func TestParallelRefresh(t *testing.T) {
	const callers = 32
	s := start(t)
	_, refresh := s.grant(t)
	var got atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if s.refresh(t, refresh).status == http.StatusOK {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d refreshes with one token", got.Load())
	}
	s.wantTally(t, tally{TokenCalls: callers, RefreshOK: 1, RefreshReuse: callers - 1})
}

func TestRevoke(t *testing.T) {
	s := start(t)
	for _, name := range []string{"access_token", "refresh_token"} {
		t.Run(name, func(t *testing.T) {
			access, refresh := s.grant(t)
			other, _ := s.grant(t)
			token := map[string]string{"access_token": access, "refresh_token": refresh}[name]
			for range 2 { // what is gone already is no error (RFC 7009, section 2.2)
				if a := s.post(t, "/oauth2/revoke", "token", token, "token_type_hint", name); a.status != http.StatusOK {
					t.Errorf("revoke: %d %s", a.status, a.body)
				}
			}
			s.wantStatus(t, http.StatusUnauthorized, access)
			s.wantStatus(t, http.StatusOK, other)
			if a := s.refresh(t, refresh); a.object(t)["error"] != "invalid_grant" {
				t.Errorf("refresh: %d %s", a.status, a.body)
			}
		})
	}
	s.wantTally(t, tally{TokenCalls: 2, APICalls: 4}) // a revoked token is no reused one
}

func TestClientCredentials(t *testing.T) {
	s := start(t)
	a := s.post(t, "/oauth2/token", "grant_type", "client_credentials", "scope", "write")
	token := a.object(t)
	access, _ := token["access_token"].(string)
	if a.status != http.StatusOK || token["refresh_token"] != nil || token["scope"] != "write" {
		t.Fatalf("%d with %d fields", a.status, len(token))
	}
	if got := s.me(t, "Bearer "+access).object(t)["subject"]; got != s.ClientID {
		t.Errorf("subject %v", got)
	}
	if a := s.post(t, "/oauth2/token", "grant_type", "password"); a.status != http.StatusBadRequest {
		t.Errorf("password grant: %d %s", a.status, a.body)
	}
}
