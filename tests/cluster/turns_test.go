package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// takeTurns serves at URL in the balancer's place, and gives each request to the next node: no two
// in a row reach the same.
func (c *cluster) takeTurns() {
	c.t.Helper()
	l, err := net.Listen("tcp", strings.TrimPrefix(c.URL, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	var turn atomic.Int64
	transport := &http.Transport{DisableCompression: true}
	server := &http.Server{Handler: &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			n := c.nodes[turn.Add(1)%int64(len(c.nodes))]
			r.SetURL(&url.URL{Scheme: "http", Host: n.addr})
			r.Out.Host = r.In.Host
		},
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until it is closed
	}()
	c.t.Cleanup(func() {
		_ = server.Close()
		<-done
		transport.CloseIdleConnections()
	})
}

// platform calls the Platform API at URL as the tenant, for Alice, and returns status and data.
func (c *cluster) platform(method, path, body string) (int, map[string]any) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.URL+"/platform/v1"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+harness.KeyA)
	r.Header.Set("X-User-Email", harness.Alice)
	res, err := probes.Do(r)
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

// link makes a link for Alice, and returns its address and the connection's id.
func (c *cluster) link(app string) (address, id string) {
	c.t.Helper()
	status, data := c.platform(http.MethodPost, "/connections/request-link",
		fmt.Sprintf(`{"app_id":%q,"name":"Work"}`, app))
	if status != http.StatusCreated {
		c.t.Fatalf("making a link: %d %v", status, data)
	}
	return data["request_link"].(string), data["connection_id"].(string)
}

// callEach calls a connection at each node, and wants the provider's answer from all.
func (c *cluster) callEach(id, app string) {
	c.t.Helper()
	for _, n := range c.nodes {
		if got := ask(probes, call(c.t, http.MethodGet, n.URL, id, app, "")); got != "200" {
			c.t.Errorf("%s at node %s: %s", app, n.name, got)
		}
	}
}

// events are the audit trail of a connection, oldest first.
func (c *cluster) events(id string) string {
	c.t.Helper()
	var rows []struct{ Event string }
	if err := json.Unmarshal([]byte(c.command("", "audit", "--connection", id, "--json")), &rows); err != nil {
		c.t.Fatal(err)
	}
	var list []string
	for _, row := range slices.Backward(rows) {
		list = append(list, row.Event)
	}
	return strings.Join(list, " ")
}

// TestInTurn has each request served by another node than the one before: there are no sticky
// sessions.
func TestInTurn(t *testing.T) {
	modes(t, options{fsyncOff: true}, func(t *testing.T, o options) {
		c := start(t, o)
		c.takeTurns()
		t.Run("links", c.linksInTurn)
		t.Run("dashboard", c.dashboardInTurn)
		t.Run("MCP", c.mcpInTurn)
	})
}

// in is the cluster for a subtest.
func (c *cluster) in(t *testing.T) *cluster {
	own := *c
	own.t = t
	return &own
}

// linksInTurn makes connections by links: each page, form and redirect is another node's.
func (c *cluster) linksInTurn(t *testing.T) {
	c = c.in(t)
	address, id := c.link("crm")
	v := harness.NewVisitor(t, nil)
	v.Open(address).Sees("invitation", 200, "Work")
	v.Submit("accept").Sees("after accepting", 200, "Sign in with")
	v.Open(v.Onward().String()).Sees("back from the provider", 200, harness.SaysCreated)
	v.Open(v.At.String()).Sees("the same browser reloads", 200, harness.SaysCreated)
	harness.NewVisitor(t, nil).Open(address).Sees("another opens the used link", 404, harness.SaysInvalid)
	c.callEach(id, "crm")
	if got, want := c.events(id), "link_created link_opened link_accepted connection_created"; got != want {
		t.Errorf("audit trail %s, want %s", got, want)
	}

	address, id = c.link("vault")
	v = harness.NewVisitor(t, nil)
	v.Open(address).Sees("invitation", 200, "Work")
	v.Submit("accept").Sees("the form", 200, "API key")
	v.Submit("credentials", "field.api_key", rightKey).Sees("after the form", 200, harness.SaysCreated)
	c.callEach(id, "vault")
	if status, _ := c.platform(http.MethodDelete, "/connections/"+id, ""); status != http.StatusOK {
		t.Errorf("deleting a connection: %d", status)
	}
}

// dashboardInTurn signs in once, and is known at each node.
func (c *cluster) dashboardInTurn(t *testing.T) {
	c = c.in(t)
	id := c.connectVault()
	v := harness.NewVisitor(t, nil).Open(c.URL + "/connect/dashboard")
	v.Do(http.MethodPost, c.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {v.CSRF()}, "key": {harness.KeyA}})
	v.Sees("signed in", 200, "Connections")
	for range 2 * len(c.nodes) {
		v.Open(c.URL+"/connect/dashboard").Sees("the connections", 200, id[:10])
	}
	v.Open(c.URL+"/connect/dashboard/links/new").Submit("links", "email", harness.Alice, "app", "vault", "name",
		"Second").Sees("a link", http.StatusCreated, "Send it to "+harness.Alice)
	for range len(c.nodes) {
		v.Open(c.URL+"/connect/dashboard/audit").Sees("the audit trail", 200, "Link created dashboard")
	}
	v.Open(c.URL + "/connect/dashboard").Submit("sign-out")
	for range len(c.nodes) {
		v.Open(c.URL+"/connect/dashboard").Sees("signed out", 200, "Sign in")
	}
}

// mcpInTurn: each call of an MCP client is another node's.
func (c *cluster) mcpInTurn(t *testing.T) {
	c = c.in(t)
	c.connectVault()
	endpoint := c.command("", "tenant", "mcp-url", "acme")
	for range 2 * len(c.nodes) {
		for name, want := range map[string]string{"search_apps": `vault`, "list_connections": "connections",
			"create_connection_link": c.URL + "/connect/"} {
			if got := tool(t, endpoint, name); !strings.Contains(got, want) {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

// tool calls a tool of MCP, and returns the answer's body.
func tool(t *testing.T, endpoint, name string) string {
	t.Helper()
	arguments := map[string]string{"search_apps": `{"query":"vault"}`,
		"create_connection_link": `{"app_id":"vault","name":"One"}`}
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name,
		first(arguments[name], "{}"))
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	res, err := probes.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
