package api_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/mcpserver"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/apitest"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when every test begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 987e6, time.UTC)

const (
	alice  = "alice@example.com"
	bob    = "bob@example.com"
	origin = "https://gateway.example.com"
)

// stage is the Platform API over a real store, on a real socket, without what stands in front of
// it: here, a call says itself who makes it. Every answer is held against the description.
type stage struct {
	*testing.T
	store       *store.Store
	provider    *provider
	url         string
	client      *http.Client
	tenants     map[string]*policy.Tenant
	description *apitest.Description
	passed      atomic.Int64 // of the clock, in nanoseconds
	lost        atomic.Int64 // callers who left before they were answered
}

func (s *stage) now() time.Time { return epoch.Add(time.Duration(s.passed.Load())) }

// elsewhere is a source that does not vend from the store.
const elsewhere = "elsewhere"

// newStage opens a stage; source, where there is one, takes the place of the store's own.
func newStage(t *testing.T, source ...vending.Source) *stage {
	t.Helper()
	s := &stage{T: t, provider: newProvider(t), description: apitest.Read(t), tenants: make(map[string]*policy.Tenant)}
	for _, id := range []string{"acme", "evil"} {
		s.tenants[id] = &policy.Tenant{ID: id, Capabilities: policy.AllCapabilities}
	}
	s.tenants["away"] = &policy.Tenant{ID: "away", Source: elsewhere, Capabilities: policy.AllCapabilities}
	s.tenants["narrow"] = &policy.Tenant{ID: "narrow", Capabilities: policy.AllCapabilities, Apps: []string{"key"}}
	var err error
	if s.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Now: s.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // some tests close it themselves
	apps, err := catalog.New(s.provider.apps()...)
	if err != nil {
		t.Fatal(err)
	}
	if len(source) == 0 {
		opened := local.New(local.Options{Store: s.store, Catalog: apps.App, Clients: s.oauthClient, Now: s.now})
		t.Cleanup(opened.Close)
		source = append(source, opened)
	}
	m := manager.New(manager.Options{
		Store: s.store, Catalog: apps, Clients: s.oauthClient,
		Revoker: authorize.New(authorize.Options{Clients: s.oauthClient, Transport: s.provider.transport, Now: s.now}),
		Vends:   func(source string) bool { return source != elsewhere },
	})
	served := api.New(api.Options{Manager: m, Source: source[0], Agents: mcpserver.New(mcpserver.Options{Manager: m}),
		Now: s.now})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.front(served, w, r) }))
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	return s
}

func (s *stage) front(served *api.API, w http.ResponseWriter, r *http.Request) {
	defer context.AfterFunc(r.Context(), func() { s.lost.Add(1) })()
	endpoint, params, err := api.Find(r.Method, strings.TrimPrefix(r.URL.EscapedPath(), connect.APIBase))
	if err == nil {
		caller := manager.Caller{Tenant: s.tenants[r.Header.Get("Tenant")], User: r.Header.Get("X-User-Email")}
		err = endpoint.Serve(served, &api.Call{W: w, R: r, Caller: caller, Origin: origin, Params: params})
	}
	if err != nil {
		vending.WriteError(w, vending.AsError(err), nil)
	}
}

// oauthClient knows a client for every app but one, and but that whose end users bring their own.
func (s *stage) oauthClient(_ context.Context, _, app string) (connect.OAuthClient, error) {
	if app == "unregistered" || app == "machine" {
		return connect.OAuthClient{}, connect.ErrNoOAuthClient
	}
	return connect.OAuthClient{ID: "client", Secret: vending.NewSecret("client-secret")}, nil
}

// answer is what came over the socket.
type answer struct {
	status int
	code   vending.Code
	body   string
	header http.Header
}

// data decodes the answer's data into v.
func (a answer) data(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &struct{ Data any }{v}); err != nil || a.status >= 300 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// message is what an error says.
func (a answer) message() string {
	var envelope struct{ Message string }
	_ = json.Unmarshal([]byte(a.body), &envelope) // the tests compare it
	return envelope.Message
}

// call asks as a tenant for an end user. path begins below the API's base and may have a query.
func (s *stage) call(tenant, user, method, path string, body io.Reader) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.url+connect.APIBase+path, body)
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Tenant", tenant)
	req.Header.Set("X-User-Email", user)
	res, err := s.client.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	bare, _, _ := strings.Cut(path, "?")
	code := s.description.CheckAnswer(s, method, bare, res.StatusCode, res.Header, text)
	return answer{res.StatusCode, code, string(text), res.Header}
}

// get is a call of acme for Alice.
func (s *stage) get(path string) answer {
	s.Helper()
	return s.call("acme", alice, http.MethodGet, path, nil)
}

func (s *stage) post(path, body string) answer {
	s.Helper()
	return s.call("acme", alice, http.MethodPost, path, strings.NewReader(body))
}

// imported stores an active connection of acme and Alice.
func (s *stage) imported(app string, authType vending.AuthType, g connect.GrantValues) string {
	s.Helper()
	c := connect.Connection{Tenant: "acme", User: alice, App: app, Name: "Work " + app, AuthType: authType}
	id, err := s.store.ImportConnection(s.Context(), c, connect.NewGrant(g))
	if err != nil {
		s.Fatal(err)
	}
	return id
}

// link is what both link calls answer.
type link struct {
	ConnectionID string    `json:"connection_id"`
	RequestToken string    `json:"request_token"`
	RequestLink  string    `json:"request_link"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// linked makes a pending connection by the API.
func (s *stage) linked(app, name string) (l link) {
	s.Helper()
	body, _ := json.Marshal(map[string]string{"app_id": app, "name": name})
	s.post("/connections/request-link", string(body)).data(s, &l)
	return l
}

// complete is what the hosted page does with a link in the end.
func (s *stage) complete(l link, authType vending.AuthType, g connect.GrantValues) {
	s.Helper()
	if _, err := s.store.CompleteLink(s.Context(), connect.DigestOf(l.RequestToken), connect.Digest{1}, authType,
		connect.NewGrant(g)); err != nil {
		s.Fatal(err)
	}
}

func unescape(t testing.TB, text string) string {
	t.Helper()
	v, err := url.PathUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func decode(t testing.TB, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
