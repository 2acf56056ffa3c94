package authorization

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

func auditOf(id string) connect.AuditFilter { return connect.AuditFilter{Connection: id, Limit: 100} }

// TestOAuthLink is the flow of the guide: a link, the end user at the provider, a call through the
// gateway.
func TestOAuthLink(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	o.stands(id, "pending", "via_link")
	if got := o.linkStatus(address); got != "pending" {
		t.Errorf("status of the link: %s", got)
	}
	v := harness.NewVisitor(t, nil)
	v.Open(address).Sees("invitation", 200, "Work")
	v.Submit("accept").Sees("after accepting", 200, "Sign in with").Sees("after accepting", 200,
		"made for a…e@example.com")
	asked := v.Onward().Query()
	if asked.Get("code_challenge_method") != "S256" || asked.Get("redirect_uri") != o.URL+"/connect/callback" ||
		len(asked.Get("state")) < 43 {
		t.Errorf("authorization request %v", asked)
	}
	v.LogIn("alice@provider.example").Sees("back from the provider", 200, harness.SaysCreated)
	v.Sees("back from the provider", 200, "made for a…e@example.com")
	if strings.Contains(v.At.String(), "code=") {
		t.Error("the page's address still has the code")
	}
	o.stands(id, "active", "via_link")
	if got := o.linkStatus(address); got != "active" {
		t.Errorf("status of the link: %s", got)
	}
	if a := get(t, o.Gateway, id); a.status != http.StatusOK {
		t.Errorf("a call through the gateway: %s", a)
	}
	if got, want := o.events(id), "link_created link_opened link_accepted connection_created"; got != want {
		t.Errorf("audit trail %s, want %s", got, want)
	}
	v.Open(v.At.String()).Sees("the same browser reloads", 200, harness.SaysCreated)
	v.Open(address).Sees("the same browser opens the link again", 404, harness.SaysInvalid)
	harness.NewVisitor(t, nil).Open(address).Sees("a stranger opens the used link", 404, harness.SaysInvalid)
	harness.NewVisitor(t, nil).Open(address+"/done").Sees("a stranger asks how it ended", 404, harness.SaysInvalid)
}

// TestKeyLink tries a wrong key first: it is explained, and not stored.
func TestKeyLink(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("vault")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept").Sees("the form", 200, "They are checked with The Vault before anything is saved.")
	v.Submit("credentials", "field.api_key", "wrong-canary").Sees("a wrong key", 422,
		"The Vault does not accept what you entered")
	if strings.Contains(v.Page, "wrong-canary") || strings.Contains(v.Page, "alert(1)") {
		t.Error("the page shows what was entered, or what the provider said")
	}
	o.stands(id, "pending", "via_link")
	v.Submit("credentials").Sees("no key", 422, "API key")
	v.Submit("credentials", "field.api_key", "right").Sees("the right key", 200, harness.SaysCreated)
	o.stands(id, "active", "via_link")
	if o.keyed.calls.Load() != 2 {
		t.Errorf("%d calls of the API, want one for each key", o.keyed.calls.Load())
	}
	status, data := o.platform(http.MethodPost, "/connections/"+id+"/token", "")
	if fields, _ := data["fields"].(map[string]any); status != http.StatusOK || fields["api_key"] != "right" {
		t.Errorf("vended %d", status)
	}
}

// TestUntriedKeyLink: the pages promise no more than is done with a key: it may not be tried, or
// the answer may leave it open.
func TestUntriedKeyLink(t *testing.T) {
	const app = "auth_type api_key\nupstream https://api.example.com\nfield api_key Key secret\nheader X-Api-Key " +
		"{api_key}\n"
	o := newOfficeAt(t, site, "app mute {\n"+app+"}\n", "app unsure {\n"+app+"verify /me {\ninconclusive\n}\n}\n")
	for slug, promise := range map[string]string{"mute": "They are saved as you enter them",
		"unsure": "They are checked with unsure before anything is saved."} {
		address, _ := o.link(slug)
		v := harness.NewVisitor(t, nil).Open(address)
		if strings.Contains(v.Text(), "saved only") {
			t.Errorf("%s: the invitation says %s", slug, v.Text())
		}
		v.Submit("accept").Sees(slug, 200, promise)
	}
}

func TestRejectedLink(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("reject").Sees("refusal", 200, "declined")
	o.stands(id, "rejected", "via_link")
	if got := o.linkStatus(address); got != "rejected" {
		t.Errorf("status of the link: %s", got)
	}
	harness.NewVisitor(t, nil).Open(address).Sees("a stranger", 404, harness.SaysInvalid)
	if a := get(t, o.Gateway, id); a.code != "connection_not_active" {
		t.Errorf("a call: %s", a)
	}
	harness.NewVisitor(t, nil).Open(o.renew(id)).Submit("accept").LogIn("alice").Sees("a new link", 200,
		harness.SaysCreated)
	o.stands(id, "active", "via_link")
}

// TestRefreshLink renews a connection while it is called all the time.
func TestRefreshLink(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	harness.NewVisitor(t, nil).Open(address).Submit("accept").LogIn("first@provider.example").Sees("the first time", 200,
		harness.SaysCreated)
	before := get(t, o.Gateway, id).digest
	stop, failed := make(chan struct{}), make(chan string, 1)
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			a, err := send(o.Gateway, o.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
			if err != nil || a.status != http.StatusOK {
				select {
				case failed <- a.String():
				default:
				}
			}
		}
	})
	again := o.renew(id)
	o.stands(id, "active", "via_link", "refresh_pending")
	if got := o.linkStatus(again); got != "pending" {
		t.Errorf("status of the refresh link: %s", got)
	}
	v := harness.NewVisitor(t, nil)
	v.Open(again).Sees("invitation", 200, "Renew")
	v.Submit("accept").LogIn("x", "consent", "deny").Sees("declined at the provider", 403, "Nothing")
	o.stands(id, "active", "via_link", "refresh_pending")
	v.Submit("accept").LogIn("second@provider.example").Sees("the second time", 200, harness.SaysRenewed)
	close(stop)
	load.Wait()
	select {
	case what := <-failed:
		t.Errorf("a call failed during the refresh: %s", what)
	default:
	}
	o.stands(id, "active", "via_link")
	if after := get(t, o.Gateway, id).digest; after == before {
		t.Error("the old token is still used")
	}
	if got := o.events(id); !strings.HasSuffix(got,
		"link_created link_opened link_accepted link_failed credentials_refreshed") {
		t.Errorf("audit trail %s", got)
	}
}

// TestDeadLinks all get the same page: what was used, what expired, what was replaced, what never
// was.
func TestDeadLinks(t *testing.T) {
	o := newOffice(t)
	used, _ := o.link("crm")
	harness.NewVisitor(t, nil).Open(used).Submit("accept").LogIn("alice")
	replaced, id := o.link("crm")
	live := o.renew(id)
	expired, expiredID := o.link("crm")
	o.age(expiredID)
	o.stands(expiredID, "expired", "via_link")
	changed := live[:len(live)-1] + "a"
	if strings.HasSuffix(live, "a") {
		changed = live[:len(live)-1] + "b"
	}
	pages := make(map[string]string)
	for name, address := range map[string]string{
		"used": used, "replaced": replaced, "expired": expired, "one changed byte": changed,
		"a guess":  o.URL + "/connect/" + strings.Repeat("A", 33),
		"too long": o.URL + "/connect/" + strings.Repeat("A", 1000), "short": o.URL + "/connect/x",
		"encoded":              o.URL + "/connect/%00%ff",
		"a form of a used one": used + "/credentials",
	} {
		v := harness.NewVisitor(t, nil).Open(address).Sees(name, 404, harness.SaysInvalid)
		pages[v.Page] = name
		for _, h := range []string{"Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
			if v.Header.Get(h) == "" {
				t.Errorf("%s: no %s", name, h)
			}
		}
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages for dead links: %v", len(pages), pages)
	}
	if got := o.linkStatus(expired); got != "expired" {
		t.Errorf("status of the expired link: %s", got)
	}
	if got := o.linkStatus(replaced); got != "expired" {
		t.Errorf("status of the replaced link: %s", got)
	}
	if got := o.linkStatus(changed); got != "connection_deleted" {
		t.Errorf("status of no link: %s", got)
	}
	harness.NewVisitor(t, nil).Open(live).Sees("the live one", 200, "Accept")
}

// age makes the link of a connection run out.
func (o *office) age(id string) {
	o.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.dir, "vendgate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE links SET expires_at = 1 WHERE connection = ?`, id); err != nil {
		o.t.Fatal(err)
	}
}

// TestForeignState: a callback works only in the browser that left for the provider, once.
func TestForeignState(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	alice := harness.NewVisitor(t, nil)
	alice.Open(address).Submit("accept")
	// The provider's answer, not followed.
	to := alice.Onward()
	q := to.Query()
	q.Set("login", "mallory@provider.example")
	to.RawQuery = q.Encode()
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Get(to.String())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	callback := res.Header.Get("Location")
	if !strings.HasPrefix(callback, o.URL+"/connect/callback?") {
		t.Fatalf("the provider answered %d %q", res.StatusCode, callback)
	}
	victim := harness.NewVisitor(t, nil)
	victim.Open(callback).Sees("a browser without a cookie", 400, "")
	victim.Open(address).Sees("the same link in another browser", 200, "Accept")
	victim.Open(callback).Sees("a browser with another cookie", 400, "")
	o.stands(id, "pending", "via_link")
	forged, _ := url.Parse(callback)
	fq := forged.Query()
	fq.Set("iss", "https://evil.example")
	forged.RawQuery = fq.Encode()
	alice.Open(forged.String()).Sees("another issuer", 400, "not from crm")
	o.stands(id, "pending", "via_link")
	alice.Open(callback).Sees("the state again", 400, "")
	alice.Open(address).Submit("accept").LogIn("alice").Sees("once more, properly", 200, harness.SaysCreated)
	o.stands(id, "active", "via_link")
}

// TestTwoBrowsers accept one link at once: one wins, and only what it gave is stored.
func TestTwoBrowsers(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	one, two := harness.NewVisitor(t, nil), harness.NewVisitor(t, nil)
	one.Open(address).Submit("accept")
	two.Open(address).Submit("accept")
	var both sync.WaitGroup
	both.Go(func() { one.LogIn("one@provider.example") })
	both.Go(func() { two.LogIn("two@provider.example") })
	both.Wait()
	won := map[bool]*harness.Visitor{strings.Contains(one.Text(), harness.SaysCreated): one,
		strings.Contains(two.Text(), harness.SaysCreated): two}
	if won[true] == nil || won[false] == nil {
		t.Fatalf("not one winner:\n%s\n%s", one.Text(), two.Text())
	}
	won[false].Sees("the loser", 404, harness.SaysInvalid)
	o.stands(id, "active", "via_link")
	want := "one@provider.example"
	if won[true] == two {
		want = "two@provider.example"
	}
	_, grant := o.held(id)
	if got := o.provider.subject(grant.AccessToken); got != want {
		t.Errorf("the stored grant is of %s, the winner was %s", got, want)
	}
	if got := o.events(id); strings.Count(got, "connection_created") != 1 {
		t.Errorf("audit trail %s", got)
	}
}

// TestDoubleClick sends one form twice at once: both answers are the success, and the key was
// stored once.
func TestDoubleClick(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("vault")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept")
	twin := *v
	var both sync.WaitGroup
	both.Go(func() { v.Submit("credentials", "field.api_key", "right") })
	both.Go(func() { twin.Submit("credentials", "field.api_key", "right") })
	both.Wait()
	v.Sees("one click", 200, harness.SaysCreated)
	twin.Sees("the other", 200, harness.SaysCreated)
	if got := o.events(id); strings.Count(got, "connection_created") != 1 {
		t.Errorf("audit trail %s", got)
	}
}

// TestForgedForm: a form without the browser's cookie, or with another browser's token, changes
// nothing.
func TestForgedForm(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("vault")
	mallory := harness.NewVisitor(t, nil)
	mallory.Open(address)
	stolen := mallory.CSRF()
	for name, v := range map[string]*harness.Visitor{"no cookie": harness.NewVisitor(t, nil),
		"another cookie": harness.NewVisitor(t, nil).Open(address)} {
		for _, action := range []string{"/accept", "/reject", "/credentials"} {
			v.Do(http.MethodPost, address+action, url.Values{"csrf": {stolen}, "field.api_key": {"right"}}).Sees(name+action,
				400, "")
		}
	}
	o.stands(id, "pending", "via_link")
	if o.keyed.calls.Load() != 0 {
		t.Error("a forged form was tried at the provider")
	}
	big := url.Values{"csrf": {stolen}, "field.api_key": {strings.Repeat("x", 300<<10)}}
	mallory.Do(http.MethodPost, address+"/credentials", big).Sees("an oversized form", 413, "")
}

// TestNonsense: whatever the token endpoint answers, nothing is stored and the link can be used
// again.
func TestNonsense(t *testing.T) {
	o := newOffice(t)
	address, id := o.link("crm")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept")
	for name, answer := range map[string]string{
		"HTML": "<html>hello</html>", "no token": `{"token_type":"bearer"}`, "empty": "", "a list": "[]",
		"a wrong type": `{"access_token":{"x":1}}`,
	} {
		o.front.takeOver(func(c *tokenCall) {
			c.w.Header().Set("Content-Type", "application/json")
			_, _ = c.w.Write([]byte(answer))
		})
		v.LogIn("alice").Sees(name, 502, "Nothing was")
		o.stands(id, "pending", "via_link")
		v.Submit("accept")
	}
	v.LogIn("alice").Sees("an answer that makes sense", 200, harness.SaysCreated)
}
