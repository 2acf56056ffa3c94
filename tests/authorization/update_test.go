package authorization

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// updating is an office whose dashboard the tenant is signed in to, and a connection of doubt's.
type updating struct {
	*doubt
	desk *harness.Visitor
	id   string
}

func newUpdating(t *testing.T) *updating {
	t.Helper()
	d := newDoubt(t)
	u := &updating{doubt: d, desk: signIn(t, d.Gateway, harness.KeyA)}
	address, id := d.link("doubt")
	d.enter(address, "canary-old", 200).Sees("connected", 200, harness.SaysCreated)
	u.id = id
	return u
}

func (u *updating) at(path string) string { return u.URL + "/connect/dashboard" + path }

// update opens the form and enters key there, to which the API answers status.
func (u *updating) update(key string, status int, more ...string) *harness.Visitor {
	u.t.Helper()
	u.status.Store(int64(status))
	return u.desk.Open(u.at("/connections/"+u.id+"/update")).Submit("update",
		append([]string{"field.account", "my-account", "field.api_key", key}, more...)...)
}

// holds checks the key that the connection holds.
func (u *updating) holds(key string) {
	u.t.Helper()
	if _, v := u.stage.held(u.id); v.Fields[1].Value != key {
		u.t.Errorf("it holds another key than %s", key)
	}
}

// TestUpdateOnTheDashboard: what the provider refuses, or cannot be asked about, changes nothing;
// what it accepts counts at once, and is in the trail.
func TestUpdateOnTheDashboard(t *testing.T) {
	u := newUpdating(t)
	c, _ := u.stage.held(u.id)
	if err := u.store.SetRefused(t.Context(), u.id, c.Version, true, "refused in a call"); err != nil {
		t.Fatal(err)
	}
	if _, err := u.store.Hold(t.Context(), "acme", "", u.id, "sync"); err != nil {
		t.Fatal(err)
	}
	form := u.desk.Open(u.at("")).Sees("the list", 200, "Update data of Work").Open(u.at("/connections/"+u.id+
		"/update")).Sees("the form", 200, "It is checked with Doubt")
	if strings.Contains(form.Page, "canary-old") || !strings.Contains(form.Page, `value="my-account"`) {
		t.Errorf("the form shows a secret, or not what is open:\n%s", form.Page)
	}
	for _, wrong := range []struct {
		key    string
		status int
		answer int
		says   string
	}{
		{"canary-wrong", 401, 422, "Doubt does not accept what you entered (HTTP 401); please check it and try again."},
		{"canary-away", 503, 503, "Doubt cannot be reached right now, so nothing was saved;"},
		{"canary-open", 403, 422, saysUnconfirmed},
		{"", 200, 422, "API key is missing; please enter it."},
		{"canary\nline", 200, 422, "API key is invalid: it contains a line break"},
	} {
		v := u.update(wrong.key, wrong.status)
		v.Sees(wrong.says, wrong.answer, wrong.says)
		if strings.Contains(v.Page, "canary") || !strings.Contains(v.Page, `value="my-account"`) {
			t.Errorf("%s: the page holds a secret, or loses what is none", wrong.says)
		}
		u.holds("canary-old")
		u.stands(u.id, "active", "via_link", "needs_reconnection")
	}
	u.update("canary-new", 200).Sees("updated", 200, "Doubt accepts the new credentials")
	u.holds("canary-new")
	u.verified(u.id, "active", true)
	if a := call(t, u.Gateway, u.id, "doubt"); a.status != 200 || !strings.Contains(a.body, "canary-new") {
		t.Errorf("a call: %s", a)
	}
	rows, _, err := u.store.Audit(t.Context(), auditOf(u.id))
	if err != nil || rows[0].Event != connect.CredentialsUpdated || rows[0].Detail != "" || rows[0].Request == "" ||
		!strings.HasPrefix(rows[0].Actor, "dashboard, key ") {
		t.Errorf("the audit trail ends with %+v, %v", rows[0], err)
	}
	if holds, err := u.store.Holds(t.Context(), u.id); err != nil || len(holds) != 1 {
		t.Errorf("holds %v, %v", holds, err)
	}
	u.isClear("canary")
}

// TestUpdateUnconfirmed: what the provider leaves open is saved when the team asks for it, unless
// the tenant refuses that.
func TestUpdateUnconfirmed(t *testing.T) {
	u := newUpdating(t)
	v := u.update("canary-open", 403).Sees("the first time", 422, "Save it even if Doubt does not confirm it")
	v.Submit("update", "field.account", "my-account", "field.api_key", "canary-open", "unconfirmed", "yes").Sees(
		"saved anyway", 200, "Doubt has not confirmed them")
	u.holds("canary-open")
	u.verified(u.id, "active", false)
	u.update("canary-wrong", 401, "unconfirmed", "yes").Sees("wrong", 422, "does not accept what you entered")
	u.holds("canary-open")

	refuse := connect.Tenant{ID: "acme", Email: "dev@acme.example",
		Brand: connect.Brand{Unconfirmed: connect.RefuseUnconfirmed}}
	if _, err := u.store.CreateTenant(t.Context(), refuse); err != nil {
		t.Fatal(err)
	}
	v = u.update("canary-more", 403, "unconfirmed", "yes").Sees("a tenant that refuses", 422,
		"Only credentials that Doubt confirms can be saved here.")
	if strings.Contains(v.Page, `name="unconfirmed"`) {
		t.Error("the form offers what the tenant refuses")
	}
	u.holds("canary-open")
}

// TestUpdateOfOthers: nothing changes for a forged form, another tenant's connection, one that is
// not active, or one whose end user signs in.
func TestUpdateOfOthers(t *testing.T) {
	u := newUpdating(t)
	form := u.desk.Open(u.at("/connections/" + u.id + "/update"))
	values := url.Values{"csrf": {"forged"}, "field.account": {"my-account"}, "field.api_key": {"canary-forged"}}
	form.Do(http.MethodPost, u.at("/connections/"+u.id+"/update"), values).Sees("a forged form", 403,
		"This form has expired")
	stranger := harness.NewVisitor(t, nil)
	stranger.Do(http.MethodPost, u.at("/connections/"+u.id+"/update"), values).Sees("not signed in", 200, "Sign in")
	u.holds("canary-old")

	_, pending := u.link("doubt")
	signsIn := u.connect(tokens{Access: "t", Refresh: "r"}, time.Hour)
	foreign, err := u.store.ImportConnection(t.Context(), connect.Connection{Tenant: "evil", User: harness.Alice,
		App: "doubt", AuthType: vending.APIKey},
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "k"}}}))
	if err != nil {
		t.Fatal(err)
	}
	csrf := u.desk.Open(u.at("")).CSRF()
	for id, want := range map[string]struct {
		status int
		text   string
	}{
		pending: {409, "the connection is pending, so it holds nothing to update"},
		signsIn: {400, "the end user signs in to crm: make a link that refreshes the credentials"},
		foreign: {404, "There is no such connection"},
	} {
		u.desk.Open(u.at("/connections/"+id+"/update")).Sees(id, want.status, want.text)
		u.desk.Do(http.MethodPost, u.at("/connections/"+id+"/update"),
			url.Values{"csrf": {csrf}, "field.api_key": {"canary"}}).Sees(id, want.status, want.text)
	}
	if strings.Contains(u.desk.Open(u.at("?app=crm")).Page, "/update") {
		t.Error("the list offers to update what the end user signs in to")
	}
}

// TestUpdateMeanwhile: what the end user gives by a link while the team's own is tried stays.
func TestUpdateMeanwhile(t *testing.T) {
	u := newUpdating(t)
	c, _ := u.stage.held(u.id)
	held := make(chan struct{})
	u.desk.Open(u.at("/connections/" + u.id + "/update"))
	u.held.Store(&held)
	u.status.Store(200)
	for len(u.keys) > 0 {
		<-u.keys
	}
	done := make(chan *harness.Visitor)
	go func() {
		done <- u.desk.Submit("update", "field.account", "my-account", "field.api_key", "canary-late")
	}()
	<-u.keys
	_, err := u.store.UpdateGrant(t.Context(), u.id, c.Version, connect.NewGrant(connect.GrantValues{
		Fields: []vending.Field{{Name: "account", Value: "my-account"}, {Name: "api_key", Value: "canary-first"}}}), false)
	if err != nil {
		t.Fatal(err)
	}
	close(held)
	(<-done).Sees("too late", 409, "Someone else has changed this connection in the meantime, so nothing was saved.")
	u.holds("canary-first")
}

// TestUpdateAttempts: a form is no way to search for credentials.
func TestUpdateAttempts(t *testing.T) {
	u := newUpdating(t)
	for range 10 {
		u.update("canary-wrong", 401).Sees("wrong", 422, "does not accept")
	}
	u.update("canary-right", 200).Sees("one too many", 429, "There were too many attempts in a short time.")
	u.holds("canary-old")
	if u.desk.Header.Get("Retry-After") != "60" {
		t.Error("no Retry-After")
	}
}

// TestListToReconnect: on the dashboard and by the Platform API.
func TestListToReconnect(t *testing.T) {
	u := newUpdating(t)
	list := u.desk.Open(u.at("?status=needs_reconnection")).Sees("before", 200, "No connection matches.")
	c, _ := u.stage.held(u.id)
	if err := u.store.SetRefused(t.Context(), u.id, c.Version, true, "refused in a call"); err != nil {
		t.Fatal(err)
	}
	_, other := u.link("doubt")
	list = list.Open(u.at("?status=needs_reconnection")).Sees("one", 200, "1 connection found")
	if !strings.Contains(list.Page, u.id) || strings.Contains(list.Page, other) ||
		!strings.Contains(list.Page, `value="needs_reconnection" selected`) {
		t.Errorf("the list:\n%s", list.Text())
	}
	status, data := u.platform(http.MethodGet, "/connections?needs_reconnection=true", "")
	if status != 200 || data["total"] != float64(1) {
		t.Errorf("the API lists %d %v", status, data)
	}
}
