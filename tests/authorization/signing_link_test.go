package authorization

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// signingOffice is an office with an app of OAuth 1 beside the others.
type signingOffice struct {
	*office
	signing *signingProvider
}

func newSigningOffice(t *testing.T, site string) *signingOffice {
	t.Helper()
	p := startSigningProvider(t)
	return &signingOffice{newOfficeAt(t, site, p.app(), p.client()), p}
}

// authorized connects Alice, and returns the connection's id.
func (o *signingOffice) authorized() string {
	o.t.Helper()
	address, id := o.link("legacy")
	v := harness.NewVisitor(o.t, nil).Open(address).Submit("accept")
	v.Open(v.Onward().String()).Submit("authorize", "login", harness.Alice, "consent",
		"approve").Sees("back from the provider", 200, harness.SaysCreated)
	return id
}

// TestSignedLink goes the way of RFC 5849 by a browser without JavaScript, and calls the API with
// what comes of it.
func TestSignedLink(t *testing.T) {
	o := newSigningOffice(t, site)
	address, id := o.link("legacy")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept").Sees("after accepting", 200, "Sign in with")
	asked := v.Onward()
	q := asked.Query()
	if asked.Path != "/oauth/authorize" || q.Get("oauth_token") == "" || q.Get("perms") != "read & write" || len(q) != 2 {
		t.Errorf("the browser is sent to %s", asked)
	}
	v.Open(asked.String()).Sees("the provider's page", 200, "Approve")
	v.Submit("authorize", "login", "alice@provider.example", "consent", "approve").Sees("back from the provider", 200,
		harness.SaysCreated)
	if strings.Contains(v.At.String(), "oauth_") {
		t.Error("the page's address still has the token")
	}
	o.stands(id, "active", "via_link")
	if got, want := o.events(id), "link_created link_opened link_accepted connection_created"; got != want {
		t.Errorf("audit trail %s, want %s", got, want)
	}
	a := o.call(t, id, http.MethodGet, "/me", "", "")
	if expect(t, "a call", a, "200"); !strings.Contains(a.body, `"user": "alice@provider.example"`) {
		t.Errorf("the API answered %s", a)
	}
	_, grant := o.held(id)
	o.signing.revoke(grant.AccessToken)
	expect(t, "a call after the user revoked", o.call(t, id, http.MethodGet, "/me", "", ""),
		"401 needs_reconnection upstream")
}

// TestSignedLinkDeclined: who declines may try again.
func TestSignedLinkDeclined(t *testing.T) {
	o := newSigningOffice(t, site)
	address, id := o.link("legacy")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept")
	v.Open(v.Onward().String()).Submit("authorize", "consent", "deny").Sees("declined", 403,
		"Access was declined at Legacy")
	o.stands(id, "pending", "via_link")
	v.Submit("accept")
	v.Open(v.Onward().String()).Submit("authorize", "login", "alice", "consent", "approve").Sees("the second time", 200,
		harness.SaysCreated)
	o.stands(id, "active", "via_link")
}

// TestForeignToken: a callback works only in the browser that left, once, and only for the token
// that it left with.
func TestForeignToken(t *testing.T) {
	o := newSigningOffice(t, site)
	address, id := o.link("legacy")
	alice := harness.NewVisitor(t, nil).Open(address).Submit("accept")
	callback := o.signing.callback(alice, "mallory@provider.example")
	if !strings.HasPrefix(callback.String(), o.URL+"/connect/callback?") || len(callback.Query().Get("state")) < 43 {
		t.Fatalf("the provider sends the browser to %s", callback)
	}
	victim := harness.NewVisitor(t, nil)
	victim.Open(callback.String()).Sees("a browser without a cookie", 400, "")
	victim.Open(address).Sees("the same link in another browser", 200, "Accept")
	victim.Open(callback.String()).Sees("a browser with another cookie", 400, "")

	// Another token of the same provider, which Mallory authorized.
	mallory := harness.NewVisitor(t, nil).Open(address).Submit("accept")
	other := o.signing.callback(mallory, "mallory@provider.example").Query()
	for name, change := range map[string]func(url.Values){
		"another token": func(q url.Values) {
			q.Set("oauth_token", other.Get("oauth_token"))
			q.Set("oauth_verifier", other.Get("oauth_verifier"))
		},
		"no token":       func(q url.Values) { q.Del("oauth_token") },
		"two tokens":     func(q url.Values) { q.Add("oauth_token", other.Get("oauth_token")) },
		"two verifiers":  func(q url.Values) { q.Add("oauth_verifier", "x") },
		"wrong verifier": func(q url.Values) { q.Set("oauth_verifier", "x") },
		"no verifier":    func(q url.Values) { q.Del("oauth_verifier") },
	} {
		left := harness.NewVisitor(t, nil).Open(address).Submit("accept")
		forged := o.signing.callback(left, "alice@provider.example")
		q := forged.Query()
		change(q)
		forged.RawQuery = q.Encode()
		want, text := 400, "incomplete or was changed"
		switch name {
		case "wrong verifier":
			want, text = 502, "Legacy refused to complete the authorization (HTTP 400)"
		case "no verifier":
			want, text = 403, "Access was declined at Legacy"
		}
		left.Open(forged.String()).Sees(name, want, text)
		left.Open(forged.String()).Sees(name+", again", 400, "")
		o.stands(id, "pending", "via_link")
	}

	alice.Open(callback.String()).Sees("the browser that left", 200, harness.SaysCreated)
	alice.Open(callback.String()).Sees("the callback again", 400, "")
	o.stands(id, "active", "via_link")
	if got := o.events(id); strings.Count(got, "connection_created") != 1 {
		t.Errorf("audit trail %s", got)
	}
}

// TestSigningProviderFails: whatever the endpoints answer, nothing is stored, and the link can be
// used again.
func TestSigningProviderFails(t *testing.T) {
	o := newSigningOffice(t, site)
	address, id := o.link("legacy")
	v := harness.NewVisitor(t, nil)
	for _, c := range []struct {
		status string
		page   int
		text   string
	}{
		{"401", 500, "Legacy is not set up correctly here (HTTP 401)"},
		{"503", 503, "Legacy cannot be reached right now"},
		{"429", 503, "Legacy cannot be reached right now"},
		{"200", 502, "Legacy sent an invalid response"},
		{"302", 502, "Legacy sent an invalid response"},
	} {
		if c.status == "200" {
			address, id = o.link("legacy") // a link has ten departures a minute
		}
		o.signing.fail(c.status)
		v.Open(address).Submit("accept").Sees("before the provider's page: "+c.status, c.page, c.text)
		if c.status == "401" {
			c.page, c.text = 502, "Legacy refused to complete the authorization (HTTP 401)"
		}
		v.Open(address).Submit("accept")
		to := o.signing.callback(v, "alice")
		o.signing.fail(c.status)
		v.Open(to.String()).Sees("after it: "+c.status, c.page, c.text)
		if strings.Contains(v.Page+o.Log(), "canary of a failure") {
			t.Error("a page or the log repeats what the provider said")
		}
		o.stands(id, "pending", "via_link")
	}
	v.Open(address).Submit("accept").Open(v.Onward().String()).Submit("authorize", "login", "alice", "consent",
		"approve").Sees("in the end", 200, harness.SaysCreated)
}

// TestSharedConsumerSecretIsKept: a tenant is not told the secret of a client that is the
// operator's, and yet its calls are signed by it.
func TestSharedConsumerSecretIsKept(t *testing.T) {
	p := startSigningProvider(t)
	o := &signingOffice{newOfficeAt(t, site, p.app(), strings.Replace(p.client(), "tenant acme\n", "", 1)), p}
	id := o.authorized()
	expect(t, "a call", o.call(t, id, http.MethodGet, "/me", "", ""), "200")
	status, vended := o.platform(http.MethodPost, "/connections/"+id+"/token", "")
	fields, _ := vended["fields"].(map[string]any)
	if status != http.StatusOK || fields["consumer_key"] != p.ClientKey || fields["oauth_token_secret"] == "" {
		t.Fatalf("vended %d", status)
	}
	if _, told := fields["consumer_secret"]; told {
		t.Error("the tenant is told the operator's consumer secret")
	}
}

// TestDeparturesAreBounded: a link cannot make the provider be called without end, and says so as
// the form of any other app does.
func TestDeparturesAreBounded(t *testing.T) {
	p := startSigningProvider(t)
	asking := strings.NewReplacer("app legacy {", "app asking {\nfield site Site\nheader X-Site {site}",
		"oauth_client legacy {", "oauth_client asking {")
	o := newOfficeAt(t, site, p.app(), p.client(), asking.Replace(p.app()), asking.Replace(p.client()))
	for app, leave := range map[string]func(v *harness.Visitor){
		"legacy": func(v *harness.Visitor) { v.Submit("accept") },
		"asking": func(v *harness.Visitor) { v.Submit("accept").Submit("credentials", "field.site", "acme") },
	} {
		address, _ := o.link(app)
		v := harness.NewVisitor(t, nil).Open(address)
		for range 10 {
			leave(v)
			v.Onward()
			v.Open(address)
		}
		leave(v)
		v.Sees("after ten departures", 429, "There were too many attempts in a short time. Please wait a minute.")
		if after := v.Header.Get("Retry-After"); after != "60" {
			t.Errorf("%s: Retry-After %q", app, after)
		}
		if form := strings.Contains(v.Page, `name="field.site" type="text" value="acme"`); form != (app == "asking") {
			t.Errorf("%s: the page has what was entered: %v", app, form)
		}
	}
}

// TestNothingSignedLeaks looks for what an OAuth 1 flow must keep in the log at DEBUG, the access
// log, the metrics and the data directory.
func TestNothingSignedLeaks(t *testing.T) {
	o := newSigningOffice(t, "log\n"+site)
	found := new(harness.Secrets)
	address, id := o.link("legacy")
	v := harness.NewVisitor(t, found).Open(address).Submit("accept")
	v.Open(v.Onward().String()).Submit("authorize", "consent", "deny").Sees("declined", 403, "declined")
	v.Submit("accept")
	v.Open(v.Onward().String()).Submit("authorize", "login", "alice", "consent", "approve").Sees("done", 200,
		harness.SaysCreated)
	expect(t, "a call", o.call(t, id, http.MethodPost, "/form?a=1", "application/x-www-form-urlencoded", "b=2"), "200")
	status, vended := o.platform(http.MethodPost, "/connections/"+id+"/token", "")
	_, grant := o.held(id)
	if fields, _ := vended["fields"].(map[string]any); status != http.StatusOK ||
		vended["access_token"] != grant.AccessToken ||
		fields["consumer_key"] != o.signing.ClientKey || fields["consumer_secret"] != o.signing.ClientSecret ||
		fields["oauth_token_secret"] == "" {
		t.Fatalf("vended %d", status)
	}
	o.signing.revoke(grant.AccessToken)
	expect(t, "a refused call", o.call(t, id, http.MethodGet, "/me", "", ""), "401 needs_reconnection upstream")
	for _, issued := range o.signing.issued() {
		found.Add("token, secret or verifier", issued)
	}
	found.Add("consumer secret", o.signing.ClientSecret)
	found.Add("escaped consumer secret", url.QueryEscape(o.signing.ClientSecret))
	if found.Len() < 12 {
		t.Errorf("only %d secrets were collected", found.Len())
	}
	harness.Within(t, "the last call in the access log", 15*time.Second, func() bool {
		return strings.Contains(o.Log(), `/legacy/me"`)
	})
	metrics, err := o.Client.Get(o.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"the log": o.Log(), "the metrics": readAll(t, metrics),
		"the data directory": readDir(t, o.dir)} {
		for _, what := range found.In(text) {
			t.Errorf("%s holds a %s", place, what)
		}
	}
}
