package demoprovider

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

const callback = "http://127.0.0.1:9/connect/callback"

// config is the client as golang.org/x/oauth2 sees it.
func config(p *Provider) *oauth2.Config {
	id, secret := p.Client()
	return &oauth2.Config{
		ClientID: id, ClientSecret: secret, RedirectURL: callback,
		Endpoint: oauth2.Endpoint{AuthURL: p.URL() + "/oauth/authorize", TokenURL: p.URL() + "/oauth/token",
			AuthStyle: oauth2.AuthStyleInParams},
	}
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

var inlineCode = regexp.MustCompile(`(?i)<script|<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:`)

// ticketOf opens the consent page and returns its ticket.
func ticketOf(t *testing.T, target string) string {
	t.Helper()
	got := call(t, "GET", target, "")
	found := ticketField.FindStringSubmatch(got.body)
	if got.status != http.StatusOK || found == nil {
		t.Fatalf("answer %+v", got)
	}
	return html.UnescapeString(found[1])
}

// decided submits the consent page and returns what the client gets.
func decided(t *testing.T, p *Provider, ticket, decision, account string) url.Values {
	t.Helper()
	form := url.Values{"ticket": {ticket}, "decision": {decision}, "account": {account}}
	got := post(t, p.URL()+"/oauth/authorize", form, "Sec-Fetch-Site", "same-origin")
	query, ok := strings.CutPrefix(got.header.Get("Location"), callback+"?")
	if got.status != http.StatusSeeOther || !ok {
		t.Fatalf("answer %+v", got)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// exchange redeems a code, over connections that end with it.
func exchange(t *testing.T, p *Provider, code string, options ...oauth2.AuthCodeOption) (*oauth2.Token, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	return config(p).Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, client), code, options...)
}

// TestCodeFlow goes the whole way with the client library that the connection manager uses.
func TestCodeFlow(t *testing.T) {
	p := start(t, Options{})
	verifier := oauth2.GenerateVerifier()
	answered := decided(t, p, ticketOf(t, config(p).AuthCodeURL("st&te", oauth2.S256ChallengeOption(verifier))), "allow",
		" bob@example.com ")
	if answered.Get("state") != "st&te" {
		t.Errorf("state %q", answered.Get("state"))
	}
	token, err := exchange(t, p, answered.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	me := call(t, "GET", p.URL()+"/api/me", "", "Authorization", "Bearer "+token.AccessToken)
	if me.field(t, "account") != "bob@example.com" {
		t.Errorf("answer %+v", me)
	}
	// RFC 6749, section 4.1.2: a code that comes again ends what it was redeemed for.
	if _, err := exchange(t, p, answered.Get("code"), oauth2.VerifierOption(verifier)); err == nil ||
		works(t, p, token.AccessToken) {
		t.Errorf("the code's reuse: error %v", err)
	}
}

func TestCodeNeedsItsRequest(t *testing.T) {
	verifier := oauth2.GenerateVerifier()
	for _, c := range []struct {
		name    string
		options []oauth2.AuthCodeOption
	}{
		{"no verifier", nil},
		{"wrong verifier", []oauth2.AuthCodeOption{oauth2.VerifierOption(oauth2.GenerateVerifier())}},
		{"another redirect URI",
			[]oauth2.AuthCodeOption{oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam("redirect_uri", callback+"/")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, Options{})
			code := decided(t, p, ticketOf(t, config(p).AuthCodeURL("s", oauth2.S256ChallengeOption(verifier))), "allow",
				"a").Get("code")
			if _, err := exchange(t, p, code, c.options...); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
				t.Errorf("error %v", err)
			}
			// Or else the verifier could be guessed at.
			if _, err := exchange(t, p, code, oauth2.VerifierOption(verifier)); err == nil {
				t.Error("the code works after a failure")
			}
		})
	}
}

func TestDeny(t *testing.T) {
	p := start(t, Options{})
	target := config(p).AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	answered := decided(t, p, ticketOf(t, target), "deny", "")
	if answered.Get("error") != "access_denied" || answered.Get("state") != "s" || answered.Has("code") {
		t.Errorf("the client got %v", answered)
	}
}

func TestConsentPage(t *testing.T) {
	p := start(t, Options{})
	got := call(t, "GET", config(p).AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), "")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
			"form-action 'self' http://127.0.0.1:9",
		"Content-Type":           "text/html; charset=utf-8",
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "same-origin",
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s %q, want %q", name, value, want)
		}
	}
	// What the policy would block must not be there: the page does without.
	if blocked := inlineCode.FindAllString(got.body, -1); blocked != nil {
		t.Errorf("the page holds %q", blocked)
	}
	if !strings.Contains(got.body, "<strong>127.0.0.1:9</strong>") {
		t.Error("the page does not say who asks")
	}
	style := call(t, "GET", p.URL()+"/oauth/consent.css", "")
	if style.status != http.StatusOK || style.header.Get("Content-Type") != "text/css; charset=utf-8" ||
		style.body != consentCSS {
		t.Errorf("style sheet: %d %q", style.status, style.header.Get("Content-Type"))
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	p := start(t, Options{})
	fixed := start(t, Options{RedirectURI: "https://gateway.example.com/connect/callback"})
	for _, c := range []struct {
		name     string
		provider *Provider
		change   func(url.Values)
		location string // empty for a page that stays here
	}{
		{"unknown client", p, func(q url.Values) { q.Set("client_id", "x") }, ""},
		{"no redirect URI", p, func(q url.Values) { q.Del("redirect_uri") }, ""},
		{"redirect elsewhere", p, func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, ""},
		{"redirect that looks local", p, func(q url.Values) { q.Set("redirect_uri", "http://localhost.evil.example/") }, ""},
		{"redirect to another machine", p, func(q url.Values) { q.Set("redirect_uri", "http://192.0.2.1/") }, ""},
		{"redirect with userinfo", p, func(q url.Values) { q.Set("redirect_uri", "http://localhost@127.0.0.1/") }, ""},
		{"redirect with a fragment", p, func(q url.Values) { q.Set("redirect_uri", "http://localhost/#") }, ""},
		{"redirect to a script", p, func(q url.Values) { q.Set("redirect_uri", "javascript://localhost/%0aalert(1)") }, ""},
		{"not the registered URI", fixed, func(url.Values) {}, ""},
		{"almost the registered URI", fixed, func(q url.Values) { q.Set("redirect_uri", fixed.redirectURI+"/") }, ""},
		{"implicit flow", p, func(q url.Values) {
			q.Set("response_type", "token")
		}, callback + "?error=unsupported_response_type&state=s"},
		{"no challenge", p, func(q url.Values) { q.Del("code_challenge") }, callback + "?error=invalid_request&state=s"},
		{"plain challenge", p, func(q url.Values) {
			q.Set("code_challenge_method", "plain")
		}, callback + "?error=invalid_request&state=s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, _ := c.provider.Client()
			query := url.Values{
				"client_id": {id}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s"},
				"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
			}
			c.change(query)
			got := call(t, "GET", c.provider.URL()+"/oauth/authorize?"+query.Encode(), "")
			if location := got.header.Get("Location"); location != c.location {
				t.Errorf("Location %q, want %q", location, c.location)
			}
			if c.location == "" && (got.status != http.StatusBadRequest || !strings.Contains(got.body, `role="alert"`)) {
				t.Errorf("answer %+v", got)
			}
		})
	}
}

func TestRedirectTargets(t *testing.T) {
	p := start(t, Options{RedirectURI: "https://gateway.example.com/connect/callback"})
	c := config(p)
	c.RedirectURL = p.redirectURI
	got := call(t, "GET", c.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), "")
	if policy := got.header.Get("Content-Security-Policy"); got.status != http.StatusOK ||
		!strings.HasSuffix(policy, "form-action 'self' https://gateway.example.com") {
		t.Errorf("answer %d with policy %q", got.status, policy)
	}
	p = start(t, Options{})
	for uri, want := range map[string]string{
		"http://localhost:8080/a": "http://localhost:8080",
		"http://127.8.0.1/a":      "http://127.8.0.1",
		"https://[::1]:8443/a":    "https:",
	} {
		if u, ok := p.redirectTarget(uri); !ok || formTarget(u) != want {
			t.Errorf("%s: permitted %t, want the source %s", uri, ok, want)
		}
	}
}

func TestDecideRefuses(t *testing.T) {
	p := start(t, Options{})
	open := func(t *testing.T) string {
		return ticketOf(t, config(p).AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())))
	}
	used := open(t)
	decided(t, p, used, "deny", "")
	for _, c := range []struct {
		name   string
		form   url.Values
		header []string
		status int
	}{
		{"unknown ticket", url.Values{"ticket": {"x"}, "decision": {"allow"}, "account": {"a"}}, nil, http.StatusBadRequest},
		{"used ticket", url.Values{"ticket": {used}, "decision": {"allow"}, "account": {"a"}}, nil, http.StatusBadRequest},
		{"no account", url.Values{"ticket": {open(t)}, "decision": {"allow"}, "account": {" "}}, nil, http.StatusBadRequest},
		{"long account", url.Values{"ticket": {open(t)}, "decision": {"allow"}, "account": {strings.Repeat("a", 255)}}, nil,
			http.StatusBadRequest},
		{"too large", url.Values{"ticket": {strings.Repeat("a", maxForm)}}, nil, http.StatusBadRequest},
		{"from another site", url.Values{"ticket": {open(t)}, "decision": {"allow"}, "account": {"a"}},
			[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"from another origin", url.Values{"ticket": {open(t)}, "decision": {"allow"}, "account": {"a"}},
			[]string{"Origin", "https://evil.example"}, http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := post(t, p.URL()+"/oauth/authorize", c.form, c.header...)
			if got.status != c.status || got.header.Get("Location") != "" {
				t.Errorf("answer %+v, want status %d", got, c.status)
			}
		})
	}
}
