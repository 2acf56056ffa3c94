package authorization

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

const (
	developer = "canary-developer-token-1"
	// deskApp is an app whose end users say which host it has; nobody dials it here.
	deskApp = `
	app desk {
		name Desk
		auth_type o_auth
		upstream https://{site}.desk.example.com
		field site Site
		oauth2 {
			authorize_url https://{site}.desk.example.com/authorize
			token_url https://{site}.desk.example.com/token
		}
	}
	oauth_client desk {
		client_id desk-client
	}
	`
)

// bookshop is an office beside a quirky provider.
type bookshop struct {
	*office
	quirky *quirky
	config string // a Caddyfile with the provider's app, for commands
}

func newBookshop(t *testing.T) *bookshop {
	t.Helper()
	b := &bookshop{office: &office{keyed: newKeyedAPI(t)}}
	b.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		b.stage = newStage(t, "-redirect", g.URL+"/connect/callback")
		b.quirky = newQuirky(t, b.provider)
		return g.Caddyfile(b.local("margin 5s")+b.quirky.app()+deskApp, "", site)
	})
	b.config = filepath.Join(t.TempDir(), "Caddyfile")
	b.write(b.config, "{\nvendgate {\n"+b.quirky.app()+tenant(t)+"}\n}\n")
	return b
}

func (s *stage) write(file, text string) {
	s.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// setClient stores the OAuth client by the program's command, with its developer token from a file.
func (b *bookshop) setClient(developer string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "developer")
	b.write(file, developer+"\n")
	harness.Run(b.t, harness.Environ(b.t), b.provider.ClientSecret, harness.Program(b.t), "oauth-client", "set", "books",
		"--tenant", "acme", "--client-id", b.provider.ClientID,
		"--field", "developer=@"+file, "--data", b.dir, "--config", b.config)
}

// fields are those that the Platform API hands out with a token.
func (b *bookshop) fields(id string) map[string]any {
	b.t.Helper()
	status, data := b.platform(http.MethodPost, "/connections/"+id+"/token", "")
	fields, _ := data["fields"].(map[string]any)
	if status != http.StatusOK {
		b.t.Errorf("the token call answered %d", status)
	}
	return fields
}

// TestQuirkyLink goes the whole way at a provider that needs to be told of the shop, and tells of
// the account.
func TestQuirkyLink(t *testing.T) {
	b := newBookshop(t)
	if status, data := b.platform(http.MethodPost, "/connections/request-link",
		`{"app_id":"books","name":"Work"}`); status != http.StatusBadRequest || data["code"] != "invalid_request" {
		t.Errorf("a link without a client: %d %v", status, data)
	}
	b.setClient(developer)
	if _, app := b.platform(http.MethodGet, "/apps/books",
		""); fmt.Sprint(app["fields"]) != "[map[label:Shop name:shop secret:false] map[label:Plan name:plan options:[free "+
		"paid] secret:false]]" {
		t.Errorf("the app asks for %v", app["fields"])
	}
	address, id := b.link("books")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Submit("accept").Sees("the form", 200, "Continue to Books")
	if strings.Contains(v.Page, "developer") || strings.Contains(v.Page, "realm") {
		t.Error("the form asks for what end users do not know")
	}
	v.Submit("credentials", "field.shop", "acme", "field.plan", "gold").Sees("no such plan", 422,
		"Plan is invalid: it is not one of the choices.")
	if !strings.Contains(v.Page, `name="field.shop" type="text" value="acme"`) {
		t.Error("the form forgot the shop")
	}
	v.Submit("credentials", "field.shop", "..", "field.plan", "paid").Sees("no shop", 422, "Shop is invalid")
	v.Submit("credentials", "field.shop", " acme ", "field.plan", "paid").Sees("on the way", 200, "Taking you to Books")
	if to := v.Onward(); to.Path != "/acme/oauth2/auth" || to.Query().Get("client_key") != b.provider.ClientID ||
		to.Query().Has("client_id") {
		t.Errorf("the browser goes to %s", to)
	}
	v.LogIn("alice@provider.example").Sees("back from the provider", 200, harness.SaysCreated)

	expect(t, "a call", invoices(t, b.Gateway, id), "200")
	b.quirky.reached("a call", "42", "9130@eu7/paid", developer)
	want := map[string]any{"shop": "acme", "plan": "paid", "realm": "9130", "instance": "eu7", "account": "42",
		"developer": developer}
	if got := b.fields(id); !reflect.DeepEqual(got, want) {
		t.Errorf("the Platform API hands out %d fields, or others", len(got))
	}
	_, held := b.held(id)
	for _, f := range held.Fields {
		if f.Name == "developer" {
			t.Error("the client's field is stored with the connection")
		}
	}
	if held.Scope != "read write" || held.Expiry.IsZero() {
		t.Errorf("scope %q, expiry %v", held.Scope, held.Expiry)
	}
	if log := b.Log(); strings.Contains(log, developer) || strings.Contains(log, held.AccessToken) {
		t.Error("the log has a secret")
	}

	b.setClient("canary-developer-token-2")
	b.expire(id)
	expect(t, "a call after the token's end", invoices(t, b.Gateway, id), "200")
	b.quirky.reached("a refresh, and another developer token", "42", "9130@eu7/paid", "canary-developer-token-2")
	b.provider.counted("one refresh", tally{TokenCalls: 2, RefreshOK: 1})
}

// TestQuirkyRenewal captures anew, and a provider that says nothing leaves all as it was.
func TestQuirkyRenewal(t *testing.T) {
	b := newBookshop(t)
	b.setClient(developer)
	address, id := b.link("books")
	fill := []string{"field.shop", "acme", "field.plan", "free"}
	harness.NewVisitor(t, nil).Open(address).Submit("accept").Submit("credentials",
		fill...).LogIn("alice").Sees("the first time", 200, harness.SaysCreated)

	for what, silent := range map[string]func(){
		"no realm":          func() { b.quirky.says("", "https://eu7.books.example", "42") },
		"another instance":  func() { b.quirky.says("1", "https://canary.evil.example", "42") },
		"no account number": func() { b.quirky.says("1", "https://eu7.books.example", "null") },
	} {
		silent()
		v := harness.NewVisitor(t, nil).Open(b.renew(id)).Submit("accept").Submit("credentials", fill...)
		says := "Books did not say which account you connected"
		if what == "another instance" {
			says = "its instance has another format than those of the accounts that can be used here"
		}
		v.LogIn("alice").Sees(what, 502, says)
		b.quirky.says("77", "https://us1.books.example", "7")
		v.Submit("accept").Sees(what+": the form again", 200, "Shop")
	}
	b.stands(id, "active", "via_link", "refresh_pending")
	expect(t, "a call", invoices(t, b.Gateway, id), "200")
	b.quirky.reached("what was there before", "42", "9130@eu7/free", developer)

	harness.NewVisitor(t, nil).Open(b.renew(id)).Submit("accept").Submit("credentials", "field.shop", "acme", "field.plan",
		"paid").LogIn("alice").Sees("renewed", 200, harness.SaysRenewed)
	expect(t, "a call after it", invoices(t, b.Gateway, id), "200")
	b.quirky.reached("what is there now", "7", "77@us1/paid", developer)
	if code, _ := b.platform(http.MethodDelete, "/connections/"+id, ""); code != http.StatusOK ||
		b.quirky.asked("POST /acme/oauth2/revoke") != 1 {
		t.Errorf("deleted %d, with %d revocations at the shop", code, b.quirky.asked("POST /acme/oauth2/revoke"))
	}
}

// TestPastedHost takes the address that is in the browser for the part of it that is asked for, and
// nobody else's.
func TestPastedHost(t *testing.T) {
	b := newBookshop(t)
	address, _ := b.link("desk")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept").Sees("the form", 200,
		"the “acme” in acme.desk.example.com")
	for _, bad := range []string{"https://acme.desk.example.com.evil.example/", "evil.example",
		"acme.desk.example.com:8443", "a@b"} {
		v.Submit("credentials", "field.site", bad).Sees(bad, 422, "Site is invalid")
	}
	v.Submit("credentials", "field.site", "https://Acme.desk.example.com/agent?x=1")
	if to := v.Onward(); to.Host != "acme.desk.example.com" || to.Path != "/authorize" {
		t.Errorf("the browser goes to %s", to)
	}
}

// TestQuirkyChain calls through two gateways: the first vends what the second has captured, and
// what comes with its client.
func TestQuirkyChain(t *testing.T) {
	s := newStage(t)
	q := newQuirky(t, s.provider)
	s.write(filepath.Join(s.dir, "developer"), developer)
	granted := s.provider.grant()
	id, err := s.store.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: harness.Alice, App: "books",
		AuthType: vending.OAuth}, connect.NewGrant(connect.GrantValues{
		AccessToken: granted.Access, RefreshToken: granted.Refresh, Expiry: time.Now().Add(-time.Second),
		Fields: []vending.Field{{Name: "shop", Value: "acme"}, {Name: "plan", Value: "paid"}, {Name: "realm", Value: "9130"},
			{Name: "instance", Value: "eu7"}, {Name: "account", Value: "42"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	client := fmt.Sprintf("oauth_client books {\ntenant acme\nclient_id %s\nclient_secret "+
		"{file.%s/client-secret}\nfield developer {file.%s/developer}\n}\n", s.provider.ClientID, s.dir, s.dir)
	back, _ := harness.StartApart(t, func(g *harness.Gateway) string {
		return g.Caddyfile(s.local("margin 5s")+q.app()+client, "", site)
	})
	front := harness.Start(t,
		fmt.Sprintf("source platform {\nurl %s/platform/v1\nkey %s\nallow_http\nallow_private 127.0.0.0/8\n}\n%s%s",
			back.URL, harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA), q.app(), tenant(t)), proxyOnly)
	expect(t, "a call", invoices(t, front, id), "200")
	q.reached("through both", "42", "9130@eu7/paid", developer)
	s.provider.counted("one refresh, at the shop's endpoint", tally{TokenCalls: 1, RefreshOK: 1})
	if q.asked("POST /acme/oauth2/token") != 1 {
		t.Error("the refresh went elsewhere")
	}
}
