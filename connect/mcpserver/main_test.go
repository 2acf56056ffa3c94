package mcpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/mcpserver"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/apitest"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	alice  = "alice@example.com"
	bob    = "bob@example.com"
	origin = "https://gateway.example.com"
	// canary stands in everything that no agent may see.
	canary = "canary-7f3a"
)

// epoch is the time of every test.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 987e6, time.UTC)

// stage is the MCP server over a real store, on a real socket, without what stands in front of it:
// here, a call says itself who makes it.
type stage struct {
	*testing.T
	store       *store.Store
	url         string
	tenants     map[string]*policy.Tenant
	description *apitest.Description
	log         safeBuffer
}

// safeBuffer is a log that many may write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, description: apitest.Read(t), tenants: map[string]*policy.Tenant{
		"acme":        {ID: "acme", Capabilities: policy.AllCapabilities},
		"evil":        {ID: "evil", Capabilities: policy.AllCapabilities},
		"apps":        {ID: "apps", Capabilities: []policy.Capability{policy.CapApps}},
		"connections": {ID: "connections", Capabilities: []policy.Capability{policy.CapConnections}},
		"narrow":      {ID: "narrow", Capabilities: policy.AllCapabilities, Apps: []string{"slack"}},
	}}
	var err error
	if s.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Now: func() time.Time {
		return epoch
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // some tests close it themselves
	apps, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	clients := func(_ context.Context, _, app string) (connect.OAuthClient, error) {
		if app != "gmail" {
			return connect.OAuthClient{}, connect.ErrNoOAuthClient
		}
		return connect.OAuthClient{ID: canary, Secret: vending.NewSecret(canary)}, nil
	}
	agents := mcpserver.New(mcpserver.Options{
		Manager: manager.New(manager.Options{Store: s.store, Catalog: apps, Clients: clients}),
		Logger:  slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents.Serve(w, r, manager.Caller{Tenant: s.tenants[r.Header.Get("Tenant")], User: r.Header.Get("X-User-Email")},
			origin)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// wire sends as a tenant and an end user, holds every answer against the description, and keeps
// what came back.
type wire struct {
	*stage
	http.Transport
	tenant, user string
	came         safeBuffer
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Tenant", w.tenant)
	r.Header.Set("X-User-Email", w.user)
	res, err := w.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close() // it was read to its end
	if err != nil {
		return nil, err
	}
	w.description.CheckAnswer(w.T, r.Method, "/mcp", res.StatusCode, res.Header, body)
	_, _ = w.came.Write(body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// agent is the SDK's own client, connected.
type agent struct {
	*wire
	session *mcp.ClientSession
}

func (s *stage) agent(tenant, user string) *agent {
	s.Helper()
	w := &wire{stage: s, tenant: tenant, user: user}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(s.Context(),
		&mcp.StreamableClientTransport{Endpoint: s.url, HTTPClient: &http.Client{Transport: w}, MaxRetries: -1}, nil)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = session.Close() // there is no session on the other side
		w.CloseIdleConnections()
	})
	return &agent{w, session}
}

// call calls a tool and decodes what it answers into out; it returns the text of an error.
func (a *agent) call(tool string, args map[string]any, out any) (problem string) {
	a.Helper()
	res, err := a.session.CallTool(a.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.Fatalf("%s: %v", tool, err)
	}
	text := res.Content[0].(*mcp.TextContent).Text
	if res.IsError {
		return text
	}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		a.Fatalf("%s: %v", text, err)
	}
	return ""
}

// raw posts a body as it is, for acme and Alice.
func (s *stage) raw(method string, body io.Reader, header ...string) (*http.Response, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url, body)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for _, h := range header {
		if name, value, ok := strings.Cut(h, ": "); ok {
			r.Header.Set(name, value)
		}
	}
	w := &wire{stage: s, tenant: "acme", user: alice}
	defer w.CloseIdleConnections()
	res, err := w.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	return res, w.came.String()
}

// imported stores an active connection whose every secret is a canary.
func (s *stage) imported(tenant, user string) string {
	s.Helper()
	c := connect.Connection{Tenant: tenant, User: user, App: "gmail", Name: "Work", AuthType: vending.OAuth}
	id, err := s.store.ImportConnection(s.Context(), c, connect.NewGrant(connect.GrantValues{
		AccessToken: canary, RefreshToken: canary, Scope: canary, Fields: []vending.Field{{Name: "site", Value: canary}},
	}))
	if err != nil {
		s.Fatal(err)
	}
	return id
}
