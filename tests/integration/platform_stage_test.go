package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/apitest"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// opsEmail is the tenants' own account.
const opsEmail = "ops@acme.example"

// keyOf is the key of a tenant in these tests.
func keyOf(tenant string) string {
	return "pk_live_" + strings.Repeat(strings.ToUpper(tenant), 43)[:43]
}

// keyed configures a tenant with its key, and lines more.
func keyed(t testing.TB, tenant string, lines ...string) string {
	t.Helper()
	name := "VG_TENANT_" + strings.ToUpper(tenant)
	return fmt.Sprintf("tenant %s {\n key %s\n %s\n}\n", tenant, harness.Secret(t, name, keyOf(tenant)),
		strings.Join(lines, "\n "))
}

// platform is a gateway that serves the connection manager, and its store as an operator's command
// would open it.
type platform struct {
	*harness.Gateway
	t           *testing.T
	dir         string
	store       *store.Store
	description *apitest.Description
}

// startPlatform runs a gateway with the app `key` and what else its `vendgate` block holds.
func startPlatform(t *testing.T, config ...string) *platform {
	t.Helper()
	dir := t.TempDir()
	store, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() }) // some tests spoil it, and the gateway closes its own
	g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9")+strings.Join(config, "\n"),
		"vendgate_connect")
	return &platform{Gateway: g, t: t, dir: dir, store: store, description: apitest.Read(t)}
}

// imported stores an active connection of the app `key` for Alice.
func (p *platform) imported(tenant string) string { return p.importedFor(tenant, harness.Alice, "key") }

func (p *platform) importedFor(tenant, user, app string) string {
	p.t.Helper()
	c := connect.Connection{Tenant: tenant, User: user, App: app, AuthType: vending.APIKey}
	grant := connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: canary}}})
	id, err := p.store.ImportConnection(context.Background(), c, grant)
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// mcpURL issues a tenant's MCP URL and returns its path below the API's base.
func (p *platform) mcpURL(tenant string) string {
	p.t.Helper()
	token, err := p.store.IssueMCPURL(context.Background(), tenant)
	if err != nil {
		p.t.Fatal(err)
	}
	return "/mcp/" + token.Reveal()
}

// answered is what came back.
type answered struct {
	status int
	code   vending.Code
	body   string
	header http.Header
}

// call asks as a tenant for Alice; path begins below the API's base. A header line without a value
// leaves that header out. Every answer is held against the description.
func (p *platform) call(tenant, method, path, body string, headers ...string) answered {
	p.t.Helper()
	r := p.Request(method, api.Base+path, []byte(body),
		append([]string{"Authorization: Bearer " + keyOf(tenant)}, headers...)...)
	return p.send(r)
}

func (p *platform) send(r *http.Request) answered {
	p.t.Helper()
	res, err := p.Client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	code := p.description.CheckAnswer(p.t, r.Method, strings.TrimPrefix(r.URL.EscapedPath(), api.Base), res.StatusCode,
		res.Header, text)
	return answered{res.StatusCode, code, string(text), res.Header}
}

// mcpHeaders make a request one of an MCP client.
var mcpHeaders = []string{"Content-Type: application/json", "Accept: application/json, text/event-stream",
	"Mcp-Protocol-Version: 2025-11-25"}

// tool calls a tool as a client would that can send no header of its own.
func (p *platform) tool(path, name, arguments string, headers ...string) answered {
	p.t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name,
		arguments)
	r := p.Request("POST", api.Base+path, []byte(body),
		slices.Concat([]string{"Authorization:", "X-User-Email:"}, mcpHeaders, headers)...)
	return p.send(r)
}
