package providers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// answer is what a caller got.
type answer struct {
	status int
	header http.Header
	body   string
	// of the envelope, where it is one of ours
	code, reason, message string
	upstream              map[string]any
	sent                  any
}

func (a answer) String() string { return fmt.Sprintf("%d %s %s", a.status, a.code, a.body) }

// ask sends a request and reads its answer.
func ask(t testing.TB, client *http.Client, r *http.Request) answer {
	t.Helper()
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	var envelope struct {
		Message string
		Data    struct {
			Code, Reason string
			Upstream     map[string]any
			Sent         any
		}
	}
	if json.Unmarshal(body, &envelope) == nil {
		d := envelope.Data
		a.code, a.reason, a.message, a.upstream, a.sent = d.Code, d.Reason, envelope.Message, d.Upstream, d.Sent
	}
	return a
}

// must checks status and code, which is empty for what passed.
func (a answer) must(t testing.TB, what string, status int, code string) answer {
	t.Helper()
	if a.status != status || a.code != code || code != a.header.Get("Vendgate-Code") {
		t.Errorf("%s: answered %s, want %d %s", what, a, status, code)
	}
	return a
}

// customer is an end user of a tenant, with an app to connect.
type customer struct {
	t testing.TB
	*harness.Gateway
	app string
	p   *provider
	// id is that of the connection, once there is one, and page the browser that made it.
	id   string
	page *harness.Visitor
}

// platform calls the Platform API as the tenant, for Alice.
func (c *customer) platform(method, path, body string) (status int, data map[string]any) {
	c.t.Helper()
	res, err := c.Client.Do(c.Request(method, "/platform/v1"+path, []byte(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct{ Data map[string]any }
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, envelope.Data
}

// link makes a link, and opens it up to the form or the provider's address.
func (c *customer) link() *harness.Visitor {
	c.t.Helper()
	status, data := c.platform(http.MethodPost, "/connections/request-link",
		fmt.Sprintf(`{"app_id":%q,"name":"Work"}`, c.app))
	if status != http.StatusCreated {
		c.t.Fatalf("making a link: %d %v", status, data)
	}
	c.id = data["connection_id"].(string)
	c.page = harness.NewVisitor(c.t, nil).Open(data["request_link"].(string)).Submit("accept")
	return c.page
}

// renew makes a link that refreshes the connection, and opens it likewise.
func (c *customer) renew() *harness.Visitor {
	c.t.Helper()
	status, data := c.platform(http.MethodPost, "/connections/"+c.id+"/request-link", "")
	if status != http.StatusCreated {
		c.t.Fatalf("making a refresh link: %d %v", status, data)
	}
	c.page = harness.NewVisitor(c.t, nil).Open(data["request_link"].(string)).Submit("accept")
	return c.page
}

// connects goes from a link to an active connection.
func (c *customer) connects(fields ...string) {
	c.t.Helper()
	v := c.link()
	if len(fields) > 0 {
		v.Submit("credentials", fields...)
	} else {
		v.Open(v.Onward().String())
	}
	v.Sees("the last page", http.StatusOK, harness.SaysCreated)
}

// calls sends a call through the gateway.
func (c *customer) calls(method, path, body string, headers ...string) answer {
	c.t.Helper()
	return ask(c.t, c.Client, c.Request(method, "/proxy/"+c.id+"/"+c.app+path, []byte(body), headers...))
}

func (c *customer) gets(path string, headers ...string) answer {
	c.t.Helper()
	return c.calls(http.MethodGet, path, "", headers...)
}

// stated is a connection's status and whether it is flagged, by the Platform API.
func (c *customer) stated() string {
	c.t.Helper()
	_, data := c.platform(http.MethodGet, "/connections/"+c.id, "")
	return fmt.Sprintf("%v %v", data["status"], data["needs_reconnection"])
}

// tenant configures the tenant whose key harness.Gateway.Request sends, and a store.
func tenant(t testing.TB, dir string) string {
	return fmt.Sprintf("data_dir %q\nsource local\ntenant acme {\nkey %s\ndisplay_name \"Acme Inc.\"\nemail "+
		"dev@acme.example\nbudget token unlimited\nbudget api unlimited\n}\n",
		dir, harness.Secret(t, "PROVIDERS_TENANT", harness.KeyA))
}

// site serves the gateway and the Platform API.
const site = "vendgate_proxy\nvendgate_connect"

// config is the app of a row, with its OAuth client.
func (p *provider) config(t testing.TB, dir string) string {
	t.Helper()
	if p.row.app != "" {
		return fmt.Sprintf("app %s {\n%s\nallow_http\nallow_private 127.0.0.0/8\n}\n", p.row.slug,
			strings.ReplaceAll(p.row.app, "%s", p.URL))
	}
	secret := filepath.Join(dir, p.row.slug+".secret")
	text := p.row.secret
	if text == "" {
		text = "secret"
	}
	if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`
	app %[1]s {
		auth_type o_auth
		upstream %[2]s/api
		oauth2 {
			authorize_url %[2]s/authorize
			token_url %[2]s/token
			%[3]s
		}
		%[5]s
		allow_http
		allow_private 127.0.0.0/8
	}
	oauth_client %[1]s {
		client_id id-%[1]s
		client_secret {file.%[4]s}
	}
	`, p.row.slug, p.URL, strings.ReplaceAll(p.row.oauth, "%s", p.URL), secret,
		strings.ReplaceAll(p.row.options, "%s", p.URL))
}
