package platform_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// guide is a stand-in for the server of the Platform API guide, sections 4, 8, 11 and 12. It is
// strict: a request that the guide does not describe fails the test.
type guide struct {
	t           *testing.T
	keys        map[string]guideKey
	connections map[string]guideConnection
	budget      int // token calls left
	down        bool
}

type guideKey struct {
	tenant       string
	capabilities []string
}

type guideConnection struct {
	tenant, user, app, status string
	revoked                   bool
	token                     any
}

func (g *guide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	capability := g.strict(r)
	key, ok := g.keys[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/platform/v1/connections/"), "/token")
	c, known := g.connections[id]
	switch {
	case !ok:
		g.error(w, 401, "invalid_tenant_key")
	case !slices.Contains(key.capabilities, capability):
		g.error(w, 403, "capability_disabled")
	case !known || c.tenant != key.tenant || c.user != r.Header.Get("X-User-Email"):
		g.error(w, 404, "connection_deleted")
	case capability == "connections":
		g.success(w, map[string]any{
			"id": id, "name": "Work", "status": c.status, "needs_reconnection": c.revoked,
			"app": map[string]string{"id": "opaque-" + c.app, "slug": c.app, "name": strings.ToUpper(c.app)},
		})
	case g.down:
		g.error(w, 503, "upstream_unavailable")
	case g.budget == 0:
		w.Header().Set("Retry-After", "42")
		g.error(w, 429, "rate_limited")
	case c.revoked:
		g.error(w, 401, "needs_reconnection")
	default:
		g.budget--
		g.success(w, c.token)
	}
}

// strict fails the test unless r is one of the two calls, with the headers of section 4 and
// nothing besides; it returns the capability that r needs.
func (g *guide) strict(r *http.Request) string {
	capability := "connections"
	want := "GET /platform/v1/connections/{id}"
	if strings.HasSuffix(r.URL.Path, "/token") {
		capability, want = "token", "POST /platform/v1/connections/{id}/token"
	}
	rest := strings.TrimSuffix(strings.TrimPrefix(r.RequestURI, "/platform/v1/connections/"), "/token")
	if r.Method+" "+strings.Replace(r.RequestURI, rest, "{id}", 1) != want {
		g.t.Errorf("request %s %s, want %s", r.Method, r.RequestURI, want)
	}
	for name, values := range r.Header {
		allowed := []string{"Authorization", "X-User-Email", "Accept", "Accept-Encoding", "User-Agent", "Content-Length"}
		if !slices.Contains(allowed, name) || len(values) != 1 {
			g.t.Errorf("header %s: %q", name, values)
		}
	}
	if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "Bearer pk_live_") {
		g.t.Errorf("Authorization: %q", auth)
	}
	if body, err := io.ReadAll(r.Body); err != nil || len(body) != 0 {
		g.t.Errorf("body of %d bytes, %v", len(body), err)
	}
	return capability
}

func (g *guide) success(w http.ResponseWriter, data any) {
	g.write(w, 200, map[string]any{"status": "success", "message": "OK", "data": data})
}

func (g *guide) error(w http.ResponseWriter, status int, code string) {
	g.write(w, status, map[string]any{"status": "error", "message": "refused", "data": map[string]string{"code": code}})
}

func (g *guide) write(w http.ResponseWriter, status int, envelope any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(envelope); err != nil {
		g.t.Errorf("encoding: %v", err)
	}
}

func newGuide(t *testing.T) *guide {
	token := func(user string) any {
		return map[string]any{"access_token": "ya29." + user, "token_type": "Bearer", "expires_in": 3599, "auth_type": "o_auth"}
	}
	return &guide{
		t: t, budget: 600,
		keys: map[string]guideKey{
			"pk_live_acme":   {"acme", []string{"apps", "connections", "token"}},
			"pk_live_rotate": {"acme", []string{"apps", "connections", "token"}},
			"pk_live_other":  {"other", []string{"connections", "token"}},
			"pk_live_read":   {"acme", []string{"connections"}},
		},
		connections: map[string]guideConnection{
			"alice-gmail": {tenant: "acme", user: "alice@example.com", app: "gmail", status: "active", token: token("alice")},
			"bob-gmail":   {tenant: "acme", user: "bob@example.com", app: "gmail", status: "active", token: token("bob")},
			"alice-openai": {tenant: "acme", user: "alice@example.com", app: "openai", status: "active", token: map[string]any{
				"auth_type": "api_key", "fields": map[string]string{"api_key": "sk-alice"}, "expires_in": nil,
			}},
			"alice-pending": {tenant: "acme", user: "alice@example.com", app: "gmail", status: "pending"},
			"alice-revoked": {tenant: "acme", user: "alice@example.com", app: "gmail", status: "active", revoked: true},
		},
	}
}

// TestGuide walks through what the guide describes, against a server over HTTP/1.1 and one over
// TLS and HTTP/2.
func TestGuide(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			g := newGuide(t)
			source := g.source(t, proto)
			tests := []struct {
				name, key, user, id, app string
				before                   func()
				code                     vending.Code
				want                     []string
			}{
				{name: "OAuth", key: "acme", user: "alice", id: "alice-gmail", app: "gmail", want: []string{"access_token", "ya29.alice", "token_type", "Bearer"}},
				{name: "OAuth of another end user", key: "acme", user: "bob", id: "bob-gmail", app: "gmail", want: []string{"access_token", "ya29.bob", "token_type", "Bearer"}},
				{name: "API key", key: "acme", user: "alice", id: "alice-openai", app: "openai", want: []string{"api_key", "sk-alice"}},
				{name: "second key during rotation", key: "rotate", user: "alice", id: "alice-gmail", app: "gmail", want: []string{"access_token", "ya29.alice", "token_type", "Bearer"}},
				{name: "not hers", key: "acme", user: "alice", id: "bob-gmail", app: "gmail", code: vending.ConnectionDeleted},
				{name: "another tenant's", key: "other", user: "alice", id: "alice-gmail", app: "gmail", code: vending.ConnectionDeleted},
				{name: "unknown", key: "acme", user: "alice", id: "none", app: "gmail", code: vending.ConnectionDeleted},
				{name: "app mismatch", key: "acme", user: "alice", id: "alice-openai", app: "gmail", code: vending.AppMismatch},
				{name: "unknown key", key: "none", user: "alice", id: "alice-gmail", app: "gmail", code: vending.InvalidTenantKey},
				{name: "no token capability", key: "read", user: "alice", id: "alice-gmail", app: "gmail", code: vending.CapabilityDisabled},
				{name: "pending", key: "acme", user: "alice", id: "alice-pending", app: "gmail", code: vending.ConnectionNotActive},
				{name: "revoked", key: "acme", user: "alice", id: "alice-revoked", app: "gmail", code: vending.NeedsReconnection},
				{name: "transient", key: "acme", user: "alice", id: "alice-gmail", app: "gmail", before: func() { g.down = true }, code: vending.UpstreamUnavailable},
				{name: "budget spent", key: "acme", user: "alice", id: "alice-gmail", app: "gmail", before: func() { g.down, g.budget = false, 0 }, code: vending.RateLimited},
				{name: "key retired", key: "rotate", user: "alice", id: "alice-gmail", app: "gmail", before: func() { delete(g.keys, "pk_live_rotate") }, code: vending.InvalidTenantKey},
			}
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					if tt.before != nil {
						tt.before()
					}
					cred, err := vend(source, vending.Request{
						User: tt.user + "@example.com", Connection: tt.id, App: tt.app, Key: vending.NewSecret("pk_live_" + tt.key),
					})
					if tt.code != "" {
						if e := refusal(t, cred, err, tt.code); tt.code == vending.RateLimited && e.RetryAfter != 42*time.Second {
							t.Errorf("RetryAfter = %v", e.RetryAfter)
						}
						return
					}
					vended(t, cred, err, tt.want...)
				})
			}
		})
	}
}

// source starts g's server and makes a source that asks it over proto, with keys passed through.
func (g *guide) source(t *testing.T, proto string) *platform.Source {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != proto {
			t.Errorf("asked over %s", r.Proto)
		}
		g.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = proto == "HTTP/2.0"
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: server.EnableHTTP2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	source, err := platform.New(platform.Options{BaseURL: server.URL + "/platform/v1", Transport: transport, Passthrough: true})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return source
}

// TestWrongCertificate: a server that cannot prove its name never sees the key.
func TestWrongCertificate(t *testing.T) {
	reached := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	server.Config.ErrorLog = discard()
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	source, err := platform.New(platform.Options{BaseURL: server.URL, Transport: transport, Key: ownKey})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	cred, err := vend(source, request())
	e := refusal(t, cred, err, vending.UpstreamUnavailable)
	if reached || !strings.Contains(fmt.Sprint(e), "certificate") {
		t.Errorf("reached = %t, error = %v", reached, e)
	}
}
