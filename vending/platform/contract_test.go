package platform_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	standin "github.com/vendgate/vendgate/tests/platform"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// guide is the stand-in for the server of the Platform API guide, with keys and connections of two
// tenants.
type guide struct{ *standin.StandIn }

func newGuide(t *testing.T, style standin.Style) *guide {
	g := standin.New(t)
	g.Style = style
	all := []string{"apps", "connections", "token", "delete"}
	g.Keys = map[string]standin.Key{
		"pk_live_acme":   {Tenant: "acme", Capabilities: all},
		"pk_live_rotate": {Tenant: "acme", Capabilities: all},
		"pk_live_other":  {Tenant: "other", Capabilities: []string{"connections", "token"}},
		"pk_live_read":   {Tenant: "acme", Capabilities: []string{"connections"}},
		"pk_live_blind":  {Tenant: "acme", Capabilities: []string{"token"}},
	}
	active := func(user, app string, token any) standin.Connection {
		return standin.Connection{
			Tenant: "acme", User: user + "@example.com", App: standin.AppObject("opaque-"+app, app), Status: "active",
			Token: token,
		}
	}
	g.Connections = map[string]standin.Connection{
		"alice-gmail": active("alice", "gmail", standin.OAuth("ya29.alice", 3599)),
		"bob-gmail":   active("bob", "gmail", standin.OAuth("ya29.bob", nil)),
		"alice-openai": active("alice", "openai", standin.Fields("api_key", map[string]any{
			"api_key": "sk-alice", "organization": nil, "scopes": []string{"all"}, "meta": map[string]any{"version": 2},
		})),
		"alice-basic": active("alice", "basic",
			standin.Fields("basic", map[string]any{"username": "alice", "password": ""})),
		"alice-pending": {Tenant: "acme", User: "alice@example.com", App: "gmail", Status: "pending"},
		"alice-revoked": {Tenant: "acme", User: "alice@example.com", App: "gmail", Status: "active", Revoked: true},
	}
	return &guide{g}
}

// apps is a small catalog.
var apps = map[string]*catalog.App{
	"gmail": {Slug: "gmail", AuthType: "o_auth", Upstream: "https://gmail.googleapis.com"},
	"openai": {Slug: "openai", AuthType: "api_key", Upstream: "https://api.openai.com",
		Fields: []catalog.Field{{Name: "api_key", Secret: true}}},
	"basic": {Slug: "basic", AuthType: "basic", Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "username"}, {Name: "password", Secret: true}}},
	"zendesk": {Slug: "zendesk", AuthType: "o_auth", Upstream: "https://{subdomain}.zendesk.com",
		Fields: []catalog.Field{{Name: "subdomain"}, {Name: "shard"}}},
	"aws": {
		Slug: "aws", AuthType: "api_key", Upstream: "https://s3.amazonaws.com", Sign: &catalog.Sign{Scheme: "aws_sigv4"},
		Fields: []catalog.Field{{Name: "access_key_id"}, {Name: "secret_access_key", Secret: true},
			{Name: "session_token", Secret: true}},
	},
	"owner": {
		Slug: "owner", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{Grant: "client_credentials"},
		Fields: []catalog.Field{{Name: "client_id"}, {Name: "client_secret", Secret: true}},
	},
	"signed": {Slug: "signed", AuthType: "o_auth", Upstream: "https://api.example.com", OAuth1: &catalog.OAuth1{}},
}

func withCatalog(o *platform.Options) {
	o.Catalog = func(slug string) (*catalog.App, bool) { app, ok := apps[slug]; return app, ok }
}

// TestGuide walks through what the guide describes, in every form that it leaves open, against a
// server over HTTP/1.1 and one over TLS and HTTP/2.
func TestGuide(t *testing.T) {
	for name, style := range standin.Styles() {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
			t.Run(name+"/"+proto, func(t *testing.T) { walk(t, newGuide(t, style), proto) })
		}
	}
}

func walk(t *testing.T, g *guide, proto string) {
	source := g.source(t, proto)
	tests := []struct {
		name, key, user, id, app string
		before                   func()
		code                     vending.Code
		want                     []string
	}{
		{name: "OAuth", key: "acme", user: "alice", id: "alice-gmail", app: "gmail",
			want: []string{"access_token", "ya29.alice", "token_type", "Bearer"}},
		{name: "OAuth of another end user", key: "acme", user: "bob", id: "bob-gmail", app: "gmail",
			want: []string{"access_token", "ya29.bob", "token_type", "Bearer"}},
		{name: "API key", key: "acme", user: "alice", id: "alice-openai", app: "openai",
			want: []string{"api_key", "sk-alice"}},
		{name: "HTTP Basic", key: "acme", user: "alice", id: "alice-basic", app: "basic",
			want: []string{"password", "", "username", "alice"}},
		{name: "token alone", key: "blind", user: "alice", id: "alice-gmail", app: "gmail",
			want: []string{"access_token", "ya29.alice", "token_type", "Bearer"}},
		{name: "API key, token alone", key: "blind", user: "alice", id: "alice-openai", app: "openai",
			want: []string{"api_key", "sk-alice"}},
		{name: "another form, token alone", key: "blind", user: "alice", id: "alice-openai", app: "gmail",
			code: vending.AppMismatch},
		{name: "not hers, token alone", key: "blind", user: "alice", id: "bob-gmail", app: "gmail",
			code: vending.ConnectionDeleted},
		{name: "second key during rotation", key: "rotate", user: "alice", id: "alice-gmail", app: "gmail",
			want: []string{"access_token", "ya29.alice", "token_type", "Bearer"}},
		{name: "not hers", key: "acme", user: "alice", id: "bob-gmail", app: "gmail", code: vending.ConnectionDeleted},
		{name: "another tenant's", key: "other", user: "alice", id: "alice-gmail", app: "gmail",
			code: vending.ConnectionDeleted},
		{name: "unknown", key: "acme", user: "alice", id: "none", app: "gmail", code: vending.ConnectionDeleted},
		{name: "app mismatch", key: "acme", user: "alice", id: "alice-openai", app: "gmail", code: vending.AppMismatch},
		{name: "unknown key", key: "none", user: "alice", id: "alice-gmail", app: "gmail", code: vending.InvalidTenantKey},
		{name: "no token capability", key: "read", user: "alice", id: "alice-gmail", app: "gmail",
			code: vending.CapabilityDisabled},
		{name: "pending", key: "acme", user: "alice", id: "alice-pending", app: "gmail", code: vending.ConnectionNotActive},
		{name: "revoked", key: "acme", user: "alice", id: "alice-revoked", app: "gmail", code: vending.NeedsReconnection},
		{name: "transient", key: "acme", user: "alice", id: "alice-gmail", app: "gmail", before: func() {
			g.Fail(refuses(503, "upstream_unavailable"))
		}, code: vending.UpstreamUnavailable},
		{name: "budget spent", key: "acme", user: "alice", id: "alice-gmail", app: "gmail", before: func() {
			g.Fail(nil)
			g.Budget(0, 120)
		}, code: vending.RateLimited},
		{name: "key retired", key: "rotate", user: "alice", id: "alice-gmail", app: "gmail", before: func() {
			delete(g.Keys, "pk_live_rotate")
		}, code: vending.InvalidTenantKey},
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
		TLSClientConfig: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
			MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: server.EnableHTTP2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	source, err := platform.New(platform.Options{BaseURL: server.URL + "/platform/v1", Transport: transport,
		Passthrough: true,
		Catalog:     func(slug string) (*catalog.App, bool) { app, ok := apps[slug]; return app, ok }})
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
