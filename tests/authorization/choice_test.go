package authorization

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// cloud is an API whose tokens reach several sites: it lists all of them, one twice, and each call
// says by its path which one is meant.
type cloud struct {
	*httptest.Server
	last atomic.Value
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	c := new(cloud)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/sites":
			c.last.Store(r.URL.Path)
			_, _ = io.WriteString(w, `{}`)
		case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
			_, _ = io.WriteString(w,
				`[{"id":"site-1","url":"https://first.example.com","scopes":["a"]},{"id":"site-2","url":"https://acme.example.com"},{"id":"site-1","url":"https://first.example.com"}]`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) app(p *provider) string {
	return fmt.Sprintf(`
	app cloud {
		name Cloud
		auth_type o_auth
		upstream %[1]s
		field site Site
		field cloud_id {
			from grant
		}
		header Authorization "Bearer {access_token}"
		path_prefix /ex/{cloud_id}
		oauth2 {
			authorize_url %[2]s/oauth2/auth
			token_url %[2]s/oauth2/token
			capture cloud_id call [url=https://{site}.example.com].id {
				url %[1]s/sites
			}
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	oauth_client cloud {
		client_id %[3]s
		client_secret %[4]s
	}
	`, c.URL, p.URL, p.ClientID, harness.Secret(p.t, "AUTHORIZATION_CLOUD", p.ClientSecret))
}

// reached calls app, and checks where that landed.
func (c *cloud) reached(o *office, app, id, path string) {
	o.t.Helper()
	a, err := send(o.Gateway, o.Request(http.MethodGet, "/proxy/"+id+"/"+app+"/me", nil))
	if err != nil {
		o.t.Fatal(err)
	}
	expect(o.t, "a call", a, "200")
	if got := c.last.Load(); got != path {
		o.t.Errorf("the call reached %v, want %s", got, path)
	}
}

// TestChosenSite: of several sites that a token reaches, the end user says which is connected.
func TestChosenSite(t *testing.T) {
	c := startCloud(t)
	o := &office{}
	o.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		o.stage = newStage(t, "-redirect", g.URL+"/connect/callback")
		return g.Caddyfile(o.local("margin 5s")+c.app(o.provider), "", site)
	})
	address, id := o.link("cloud")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept").Sees("the form", 200, "the “acme” in acme.example.com")
	v.Submit("credentials", "field.site", "acme.example.com.evil.com").Sees("another's site", 422, "Site is invalid")
	v.Submit("credentials", "field.site", "gone").LogIn("alice").Sees("a site that was not granted", 422,
		"Site is invalid: it is not one that you gave access to.")
	o.stands(id, "pending", "via_link")
	v.Submit("accept").Submit("credentials", "field.site", "https://Acme.example.com/boards/1").LogIn("alice").Sees("done",
		200, harness.SaysCreated)
	c.reached(o, "cloud", id, "/ex/site-2/me")

	twice, second := o.link("cloud")
	harness.NewVisitor(t, nil).Open(twice).Submit("accept").Submit("credentials", "field.site",
		"FIRST").LogIn("alice").Sees("listed twice", 200, harness.SaysCreated)
	c.reached(o, "cloud", second, "/ex/site-1/me")

	// A connection from before the app asked for the site.
	granted := o.provider.grant()
	older, err := o.store.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: harness.Alice,
		App: "cloud", AuthType: vending.OAuth}, connect.NewGrant(connect.GrantValues{
		AccessToken: granted.Access, RefreshToken: granted.Refresh, Expiry: time.Now().Add(time.Hour),
		Fields: []vending.Field{{Name: "cloud_id", Value: "site-0"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	c.reached(o, "cloud", older, "/ex/site-0/me")
	o.expire(older)
	c.reached(o, "cloud", older, "/ex/site-0/me")
	if _, held := o.held(older); held.AccessToken == granted.Access || len(held.Fields) != 1 {
		t.Errorf("it was not refreshed, or holds %d fields", len(held.Fields))
	}
}

// TestImportedMachine: a client that an end user gave brings its own first token.
func TestImportedMachine(t *testing.T) {
	c := startCloud(t)
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "the-id" || secret != "canary-machine" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"bearer","expires_in":3600}`)
	}))
	t.Cleanup(tokens.Close)
	app := fmt.Sprintf(`
	app machine {
		auth_type o_auth
		upstream %s
		field client_id
		field client_secret secret
		oauth2 {
			token_url %s/token
			grant client_credentials
			client_auth header
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	`, c.URL, tokens.URL)
	o := newOfficeAt(t, site, app)
	config := filepath.Join(t.TempDir(), "Caddyfile")
	o.write(config, "{\nvendgate {\n"+app+tenant(t)+"}\n}\n")
	id := harness.Run(t, harness.Environ(t), `{"client_id":"the-id","client_secret":"canary-machine"}`, harness.Program(t),
		"connection", "import",
		"--tenant", "acme", "--user", harness.Alice, "--app", "machine", "--data", o.dir, "--config", config)
	c.reached(o, "machine", strings.TrimSpace(id), "/me")
}
