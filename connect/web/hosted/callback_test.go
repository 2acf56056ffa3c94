package hosted_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// gitApp signs its end users in, at a host that the token's answer names.
func gitApp() *catalog.App {
	return &catalog.App{
		Slug: "git", Name: "Git", AuthType: "o_auth", Upstream: "https://{instance}.git.example.com",
		Fields: []catalog.Field{{Name: "instance", From: catalog.FromGrant}},
		OAuth2: &catalog.OAuth2{
			AuthorizeURL: "https://git.example.com/authorize", TokenURL: "http://git.example.com/token",
			Scopes:  []string{"read:repository", "write:issue"},
			Capture: []catalog.Capture{{Field: "instance", From: catalog.CaptureToken, Path: "instance"}},
		},
		AllowHTTP: true,
	}
}

// signIn goes to the provider by a link, and comes back with answer.
func (o *office) signIn(l connect.Link, err error, answer string) *harness.Visitor {
	o.Helper()
	v := o.visit(l, err).Submit("accept")
	callback := url.Values{"state": {v.Onward().Query().Get("state")}}
	return v.Open(o.URL + connect.CallbackPath + "?" + callback.Encode() + "&" + answer)
}

func (o *office) gitLink() (connect.Link, error) {
	return o.store.CreateLink(o.Context(),
		connect.Connection{Tenant: "acme", User: alice, App: "git", AuthType: vending.OAuth})
}

// TestCallbackErrors: the page tells one error from another and repeats the provider's words as
// such; log and audit trail have them, too.
func TestCallbackErrors(t *testing.T) {
	for _, c := range []struct {
		answer string
		status int
		says   []string
		trail  string
	}{
		// Gitea answers so where a grant for other scopes exists: it is not "cannot be reached",
		// and trying again does not help.
		{"error=server_error&error_description=a+grant+exists+with+different+scope", 502,
			[]string{"Git reported an error", "(server_error)", "Git said: a grant exists with different scope"},
			"server_error: a grant exists with different scope"},
		{"error=temporarily_unavailable", 503, []string{"Git cannot be reached"}, "temporarily_unavailable"},
		{"error=access_denied&error_description=The+user+said+no", 403,
			[]string{"Access was not granted", "Git said: The user said no"}, "access_denied: The user said no"},
		{"error=invalid_scope", 502, []string{"Git does not offer what was asked for"}, "invalid_scope"},
		{"error=unauthorized_client", 500, []string{"Git is not set up here", "(unauthorized_client)"},
			"unauthorized_client"},
		{"error=invalid_request&error_description=redirect_uri", 500,
			[]string{"Git is not set up here", "Git said: redirect_uri"}, "invalid_request: redirect_uri"},
		{"error=consent_required", 403, []string{"Git needs you to confirm something first", "an administrator"},
			"consent_required"},
		{"error=account_selection_required", 403, []string{"choose an account"}, "account_selection_required"},
		{"error=odd&error_description=%3Cimg+src=x+onerror=alert(1)%3E%E2%80%AE" + strings.Repeat("y", 1000), 502,
			[]string{"Git refused the request", "Git said: img src=x onerror=alert(1)yyy"},
			"odd: img src=x onerror=alert(1)" + strings.Repeat("y", 174) + "…"},
		{"", 400, []string{"This response cannot be used"}, "bad_callback"},
	} {
		o := newOfficeOf(t, newSites(t), gitApp())
		l, err := o.gitLink()
		v := o.signIn(l, err, c.answer)
		for _, text := range c.says {
			v.Sees(c.answer, c.status, text)
		}
		if strings.Contains(v.Page, "<img src=x") || strings.Contains(v.Page, "\u202e") || strings.Count(v.Page, "y") > 400 {
			t.Errorf("%s: the page has what the provider may not say: %s", c.answer, v.Page)
		}
		if events := o.events(l.Connection.ID); !slices.Contains(events, "link_failed "+c.trail) {
			t.Errorf("%s: the audit trail has %q", c.answer, events)
		}
		if code, _, _ := strings.Cut(c.trail, ":"); c.answer != "" &&
			!strings.Contains(o.log.String(), "provider_code="+code) || len(o.log.String()) > 1200 {
			t.Errorf("%s: the log has %s", c.answer, &o.log)
		}
	}
}

// TestNarrowRenewal: a renewal that could not widen what is granted says so, and one at another
// account's address is in the audit trail.
func TestNarrowRenewal(t *testing.T) {
	s := newSites(t)
	o := newOfficeOf(t, s, gitApp())
	s.scope, s.instance = "read:repository", "acme"
	l, err := o.gitLink()
	id := l.Connection.ID
	o.signIn(l, err, "code=c").Sees("connected", 200, "Not everything was granted").Sees("connected", 200,
		"acme.git.example.com")
	renewed := func() *harness.Visitor {
		l, err := o.store.RenewLink(t.Context(), "acme", alice, id)
		return o.signIn(l, err, "code=c")
	}
	v := renewed().Sees("renewed", 200, "Credentials updated").Sees("renewed", 200,
		"the renewed connection cannot do all of it. Missing: write:issue")
	if strings.Contains(v.Text(), "read:repository") {
		t.Errorf("the page says %s", v.Text())
	}
	s.scope, s.instance = "write:issue read:repository", "other"
	if v := renewed().Sees("widened", 200, "other.git.example.com"); strings.Contains(v.Text(), "Not everything") {
		t.Errorf("the page says %s", v.Text())
	}
	events := strings.Join(o.events(id), "|")
	for _, want := range []string{"credentials_refreshed|scopes_not_granted write:issue|",
		"credentials_refreshed|connection_moved from acme to other"} {
		if !strings.Contains(events, want) {
			t.Errorf("the audit trail has %s, want %s", events, want)
		}
	}
}

// TestFailuresAreBounded: who holds a link fills no audit trail with it.
func TestFailuresAreBounded(t *testing.T) {
	o := newOfficeOf(t, newSites(t), gitApp())
	l, err := o.gitLink()
	for range 15 {
		o.signIn(l, err, "error=access_denied").Sees("declined", 403, "Access was not granted")
	}
	if events := o.events(l.Connection.ID); len(events) > 13 {
		t.Errorf("%d rows: %q", len(events), events)
	}
}
