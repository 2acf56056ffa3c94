package authorization

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// doubt is an office with the app `doubt`, whose API answers with the status that it was last told.
type doubt struct {
	*office
	status atomic.Int64
	keys   chan string
	// held, where it is set, keeps the answers back until it is closed.
	held atomic.Pointer[chan struct{}]
}

func newDoubt(t *testing.T) *doubt {
	t.Helper()
	d := &doubt{keys: make(chan string, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.keys <- r.Header.Get("X-Key")
		if held := d.held.Load(); held != nil {
			<-*held
		}
		if r.URL.Path == "/me" {
			w.WriteHeader(int(d.status.Load()))
		}
		_, _ = io.WriteString(w, `{"said":"`+r.Header.Get("X-Key")+`"}`)
	}))
	t.Cleanup(server.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	const app = `
	app %s {
		name "Doubt (self-hosted, API key)"
		short_name Doubt
		help_url https://help.doubt.example/keys
		auth_type api_key
		upstream %s
		field account Account {
			help "Below your name."
		}
		field api_key "API key" secret
		header X-Key {api_key}
		header X-Account {account}
		verify /me {
			inconclusive
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	`
	d.office = newOfficeAt(t, site, fmt.Sprintf(app, "doubt", server.URL), fmt.Sprintf(app, "gone", closed.URL))
	return d
}

// enter opens a link in a browser of its own and enters key there, to which the API answers status.
func (d *doubt) enter(address, key string, status int) *harness.Visitor {
	d.t.Helper()
	d.status.Store(int64(status))
	v := harness.NewVisitor(d.t, nil)
	return v.Open(address).Submit("accept").Submit("credentials", "field.account", "my-account", "field.api_key", key)
}

// verified checks what the Platform API says of a connection.
func (d *doubt) verified(id, status string, want bool) {
	d.t.Helper()
	d.stands(id, status, "via_link")
	if _, data := d.platform(http.MethodGet, "/connections/"+id, ""); data["verified"] != want {
		d.t.Errorf("verified is %v, want %t", data["verified"], want)
	}
}

// isClear fails the test if anything of text is in the clear in the store's files.
func (d *doubt) isClear(text string) {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "vendgate.db*"))
	if err != nil || len(files) == 0 {
		d.t.Fatalf("no store in %s: %v", d.dir, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(content), text) {
			d.t.Errorf("%s holds what was entered, or cannot be read: %v", file, err)
		}
	}
}

const saysUnconfirmed = "Doubt neither accepts nor refuses what you entered (HTTP 403), perhaps because a " +
	"permission or credit is missing, so nothing was saved."

// TestUnconfirmedKey: what the provider leaves open is saved when the end user asks for it, and
// said to be so from then on.
func TestUnconfirmedKey(t *testing.T) {
	d := newDoubt(t)
	address, id := d.link("doubt")
	v := d.enter(address, "canary-key", 403).Sees("403", 422, saysUnconfirmed)
	d.verified(id, "pending", false)
	if strings.Contains(v.Page, "canary-key") || strings.Contains(v.Page, "my-account") {
		t.Error("the page holds what was entered")
	}
	d.isClear("canary-key")
	v.Submit("unconfirmed").Sees("saved anyway", 200, harness.SaysCreated).Sees("saved anyway", 200,
		"Doubt did not confirm the credentials")
	d.verified(id, "active", false)
	rows, _, err := d.store.Audit(t.Context(), auditOf(id))
	if err != nil || rows[0].Event != connect.ConnectionCreated ||
		rows[0].Detail != "not verified: the provider has not confirmed the credentials" {
		t.Errorf("the audit trail ends with %+v, %v", rows[0], err)
	}
	if a := call(t, d.Gateway, id, "doubt"); a.status != 200 || !strings.Contains(a.body, "said") {
		t.Errorf("a call: %s", a)
	}
	d.isClear("canary-key")
	d.enter(d.renew(id), "canary-better", 200).Sees("renewed", 200, harness.SaysRenewed)
	d.verified(id, "active", true)
}

// call calls an app for connection id, and wants no JSON of its own kind back.
func call(t *testing.T, g *harness.Gateway, id, app string) answer {
	t.Helper()
	res, err := g.Client.Do(g.Request(http.MethodGet, "/proxy/"+id+"/"+app+"/things", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: res.StatusCode, body: string(body)}
}

// TestWhatIsNeverSaved: a wrong key, and one that cannot be tried, although the entry says that
// failures prove little.
func TestWhatIsNeverSaved(t *testing.T) {
	d := newDoubt(t)
	for status, want := range map[int]struct {
		status int
		text   string
	}{
		401: {422, "Doubt does not accept what you entered (HTTP 401)"},
		302: {502, "Doubt sent an invalid response"},
		408: {503, "Doubt cannot be reached right now"}, 429: {503, "Doubt cannot be reached right now"},
		500: {503, "Doubt cannot be reached right now"},
	} {
		address, id := d.link("doubt")
		v := d.enter(address, "canary-key", status).Sees(fmt.Sprint(status), want.status, want.text)
		if strings.Contains(v.Page, "canary-key") || !strings.Contains(v.Page, `value="my-account"`) {
			t.Errorf("%d: the form holds the key, or not the account", status)
		}
		d.verified(id, "pending", false)
	}
	address, id := d.link("gone")
	d.enter(address, "canary-key", 200).Sees("nobody there", 503,
		"Doubt cannot be reached right now, so nothing was saved")
	d.verified(id, "pending", false)
	d.isClear("canary-key")
}

// TestUnconfirmedIsTriedAgain: what counts is the answer at the moment of saving.
func TestUnconfirmedIsTriedAgain(t *testing.T) {
	d := newDoubt(t)
	address, id := d.link("doubt")
	v := d.enter(address, "canary-key", 403)
	d.status.Store(401)
	v.Submit("unconfirmed").Sees("revoked meanwhile", 422, "Doubt does not accept what you entered (HTTP 401)")
	d.verified(id, "pending", false)
	v = d.enter(address, "canary-key", 404)
	d.status.Store(204)
	v.Submit("unconfirmed").Sees("permitted meanwhile", 200, harness.SaysCreated)
	if strings.Contains(v.Text(), "did not confirm") {
		t.Error("the page says that what was confirmed was not")
	}
	d.verified(id, "active", true)
}

// TestUnconfirmedEnteredAgain goes back to the form, which has what is no secret.
func TestUnconfirmedEnteredAgain(t *testing.T) {
	d := newDoubt(t)
	address, id := d.link("doubt")
	v := d.enter(address, "canary-key", 403)
	twin := *v
	v.Submit("unconfirmed", "again", "1").Sees("the form", 200, "Below your name.")
	if !strings.Contains(v.Page, `value="my-account"`) || strings.Contains(v.Page, "canary-key") {
		t.Error("the form holds the key, or not the account")
	}
	if !strings.Contains(v.Page, `<a href="https://help.doubt.example/keys" target="_blank" rel="noopener noreferrer">`) ||
		strings.Contains(v.Page, "self-hosted") {
		t.Error("the form does not lead to help, or calls the app by its long name")
	}
	twin.Submit("unconfirmed").Sees("the page of before", 422, "What you entered has expired")
	d.verified(id, "pending", false)
	d.status.Store(200)
	v.Submit("credentials", "field.account", "my-account", "field.api_key", "canary-right").Sees("corrected", 200,
		harness.SaysCreated)
	d.verified(id, "active", true)
}

// TestUnconfirmedRefused: a tenant takes nothing that is not confirmed, not even if it changes its
// mind while the page is open.
func TestUnconfirmedRefused(t *testing.T) {
	d := newDoubt(t)
	address, id := d.link("doubt")
	before := d.enter(address, "canary-key", 403)
	refuse := connect.Tenant{ID: "acme", Email: "dev@acme.example",
		Brand: connect.Brand{Unconfirmed: connect.RefuseUnconfirmed}}
	if _, err := d.store.CreateTenant(t.Context(), refuse); err != nil {
		t.Fatal(err)
	}
	before.Submit("unconfirmed").Sees("asked before", 200, "Enter your Doubt credentials")
	d.verified(id, "pending", false)
	v := harness.NewVisitor(t, nil).Open(address).Sees("the invitation", 200,
		"They are stored encrypted, if they are accepted there.")
	v.Submit("accept").Submit("credentials", "field.account", "a", "field.api_key", "canary-key").
		Sees("refused", 422, "Only credentials that Doubt confirms can be saved here.")
	if strings.Contains(v.Page, "/unconfirmed") {
		t.Error("the page asks whether to save it")
	}
	d.verified(id, "pending", false)
}

// TestUnconfirmedForged: what one browser entered is saved by that browser, for that link, once.
func TestUnconfirmedForged(t *testing.T) {
	d := newDoubt(t)
	address, id := d.link("doubt")
	other, otherID := d.link("doubt")
	v := d.enter(address, "canary-key", 403)
	stolen := url.Values{"entered": {entered(t, v)}}
	for name, where := range map[string]string{"the link in another browser": address, "another link": other} {
		thief := d.enter(where, "canary-other", 403)
		form := url.Values{"entered": stolen["entered"], "csrf": {thief.CSRF()}}
		thief.Do(http.MethodPost, where+"/unconfirmed", form).Sees(name, 422, "has expired")
	}
	own := *v
	own.Open(other).Submit("accept")
	own.Do(http.MethodPost, other+"/unconfirmed", url.Values{"entered": stolen["entered"], "csrf": {own.CSRF()}}).Sees(
		"another link of the same browser", 422, "has expired")
	d.verified(id, "pending", false)
	d.verified(otherID, "pending", false)

	v = d.enter(address, "canary-key", 403)
	v.Do(http.MethodPost, address+"/unconfirmed", url.Values{"entered": {entered(t, v)}}).Sees("without a token", 400, "")
	v = d.enter(address, "canary-key", 403)
	v.Open(d.URL+"/connect/callback?code=x&state="+entered(t, v)).Sees("as a provider's answer", 400, "")
	d.verified(id, "pending", false)

	d.clickTwice(d.enter(address, "canary-key", 403))
	d.verified(id, "active", false)
	if got := d.events(id); strings.Count(got, "connection_created") != 1 {
		t.Errorf("audit trail %s", got)
	}
	harness.NewVisitor(t, nil).Open(address+"/unconfirmed").Sees("the page's address afterwards", 404, harness.SaysInvalid)
}

// clickTwice saves what v entered by a double click, of which browsers show the second answer.
func (d *doubt) clickTwice(v *harness.Visitor) {
	d.t.Helper()
	for len(d.keys) > 0 {
		<-d.keys
	}
	held := make(chan struct{})
	d.held.Store(&held)
	twin, answered := *v, make(chan struct{})
	var both sync.WaitGroup
	both.Go(func() { v.Submit("unconfirmed") })
	<-d.keys
	both.Go(func() { twin.Submit("unconfirmed"); close(answered) })
	select {
	case <-d.keys:
	case <-answered:
	}
	d.held.Store(nil)
	close(held)
	both.Wait()
	v.Sees("the first click", 200, harness.SaysCreated)
	twin.Sees("the second click", 200, harness.SaysCreated)
}

// entered is what the page has for what was entered.
func entered(t *testing.T, v *harness.Visitor) string {
	t.Helper()
	_, rest, ok := strings.Cut(v.Page, `name="entered" value="`)
	key, _, _ := strings.Cut(rest, `"`)
	if !ok || len(key) < 26 {
		t.Fatalf("no key in %s", v.Page)
	}
	return key
}

// TestEnteredHosts: of a host that is entered, the page says whether it is there and has such an
// API. Everything but the gateway goes through a proxy, which knows three hosts.
func TestEnteredHosts(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Host {
		case "crm.example.com":
			if r.Header.Get("X-Key") != "right" {
				w.WriteHeader(http.StatusForbidden)
			}
		case "www.example.com":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>canary")
		case "old.example.com":
			http.Redirect(w, r, "http://crm.example.com/", http.StatusMovedPermanently)
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(web.Close)
	s := newStage(t)
	g := harness.FreeAddr(t)
	config := fmt.Sprintf("{\nadmin off\npersist_config off\nauto_https off\nvendgate {\ndata_dir %q\n"+
		"upstream {\nproxy_from_environment\n}\n", s.dir) + tenant(t) + `
	app crm {
		name CRM
		auth_type api_key
		upstream http://{host}/api
		field host Server {
			kind host
		}
		field api_key "API key" secret
		header X-Key {api_key}
		verify /me {
			inconclusive
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	}
	}
	` + "http://" + g + " {\nbind 127.0.0.1\nroute {\n" + site + "\n}\n}\n"
	file := filepath.Join(t.TempDir(), "Caddyfile")
	s.write(file, config)
	env := harness.Environ(t, "HTTP_PROXY="+web.URL, "NO_PROXY=", "http_proxy=", "no_proxy=")
	p := harness.StartProcess(t, env, harness.Program(t), "run", "--config", file)
	p.Await(t, "a gateway", 30*time.Second, func() bool {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", g)
		return err == nil && conn.Close() == nil
	})
	link, err := s.store.CreateLink(t.Context(),
		connect.Connection{Tenant: "acme", User: harness.Alice, App: "crm", Name: "Work", AuthType: "api_key"})
	if err != nil {
		t.Fatal(err)
	}
	v := harness.NewVisitor(t, nil).Open("http://" + g + connect.LinkPath(link.Token.Reveal())).Submit("accept")
	for _, c := range []struct {
		host, key string
		status    int
		text      string
	}{
		{"nowhere.example.com", "right", 422, "There is no response from nowhere.example.com"},
		{"www.example.com", "right", 422, "The server at www.example.com is not CRM, so nothing was saved"},
		{"old.example.com", "right", 422, "(HTTP 301; it leads to crm.example.com)"},
		{"https://CRM.example.com/", "wrong", 422, "CRM neither accepts nor refuses"},
	} {
		v.Submit("credentials", "field.host", c.host, "field.api_key", c.key).Sees(c.host, c.status, c.text)
		if found, err := s.store.Describe(t.Context(), "acme", "", link.Connection.ID); err != nil ||
			found.Status != connect.Pending {
			t.Errorf("%s: it is %+v, %v", c.host, found, err)
		}
	}
	v.Submit("unconfirmed", "again", "1").Submit("credentials", "field.host", "crm.example.com", "field.api_key",
		"right").Sees("the right one", 200, harness.SaysCreated)
}
