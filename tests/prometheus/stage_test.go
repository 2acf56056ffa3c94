package prometheus

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/store"

	_ "modernc.org/sqlite"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// states are what the load causes, as Prometheus sees it. A refresh that failed within the process
// would be a defect.
var states = []string{
	`caddy_vendgate_requests_total{app="crm", code="", tenant="acme"} > 1`,
	`caddy_vendgate_requests_total{app="crm", code="upstream_unavailable", tenant="acme"} > 1`,
	`caddy_vendgate_requests_total{app="crm", code="needs_reconnection", tenant="acme"} > 1`,
	`caddy_vendgate_requests_total{app="crm", code="internal_error", tenant="acme"} > 1`,
	`caddy_vendgate_requests_total{app="crm", code="rate_limited", tenant="beta"} > 1`,
	`caddy_vendgate_requests_total{app="crm", code="connection_deleted", tenant="other"} > 1`,
	`caddy_vendgate_requests_total{app="unknown", code="invalid_tenant_key", tenant=""} > 1`,
	`caddy_vendgate_upstream_responses_total{class="2xx"} > 1`,
	`caddy_vendgate_upstream_responses_total{class="3xx"} > 1`,
	`caddy_vendgate_upstream_responses_total{class="4xx"} > 1`,
	`caddy_vendgate_upstream_responses_total{class="5xx"} > 1`,
	`caddy_vendgate_upstream_responses_total{class="none"} > 1`,
	`caddy_vendgate_budget_refusals_total{budget="token", tenant="beta"} > 1`,
	`caddy_vendgate_refreshes_total{class="ok"} > 1`,
	`caddy_vendgate_refreshes_total{class="invalid_grant"} > 0`,
	`caddy_vendgate_refreshes_total{class="rejected"} > 0`,
	`caddy_vendgate_refreshes_total{class="rate_limited"} > 1`,
	`caddy_vendgate_refreshes_total{class="unavailable"} > 1`,
	`caddy_vendgate_refreshes_total{class="malformed"} > 1`,
	`caddy_vendgate_refreshes_total{class="not_configured"} > 1`,
	`caddy_vendgate_refreshes_total{class="lease"} > 0`,
	`caddy_vendgate_refreshes_total{class="unsaved"} > 0`,
	`caddy_vendgate_refreshes_total{class="failed"} == 0`,
	`caddy_vendgate_connections{status="active", needs_reconnection="false"} > 0`,
	`caddy_vendgate_connections{status="active", needs_reconnection="true"} > 0`,
	`caddy_vendgate_connections{status="rejected"} > 0`,
	`caddy_vendgate_store_ready == 1`,
	`caddy_vendgate_store_up == 1`,
	`caddy_vendgate_store_duration_seconds_count > 1`,
	`caddy_vendgate_store_pool_connections > 0`,
	`caddy_vendgate_limiter_degraded == 0`,
	`caddy_vendgate_limiter_nodes == 2`,
	`caddy_vendgate_limiter_duration_seconds_count > 1`,
	`caddy_vendgate_limiter_lease_units_count > 1`,
}

const keyC = "pk_live_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

// stage is a gateway in a process of its own, with connections whose refreshes go each another way,
// and a second one on PostgreSQL, with which it shares budgets.
type stage struct {
	t               *testing.T
	gateway, shared *harness.Gateway
	// paths are what acme calls.
	paths []string
	store *store.Store
	// leased is a connection that another process refreshes and does not finish.
	leased string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(provide))
	t.Cleanup(server.Close)
	s, dir := &stage{t: t}, t.TempDir()
	store := harness.OpenStore(t, dir)
	keep := func(app string, status connect.Status, g connect.GrantValues) string {
		c := connect.Connection{Tenant: "acme", User: harness.Alice, App: app, AuthType: vending.OAuth, Status: status}
		id, err := store.ImportConnection(t.Context(), c, connect.NewGrant(g))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	add := func(app, refresh string) string {
		return keep(app, connect.Active, connect.GrantValues{AccessToken: "old", RefreshToken: refresh, TokenType: "bearer",
			Expiry: time.Now().Add(-time.Minute)})
	}
	for _, status := range []string{"200", "302", "404", "503", "000"} {
		s.paths = append(s.paths, "/proxy/"+add("crm", "ok")+"/crm/"+status)
	}
	for _, class := range []string{"invalid_grant", "rejected", "rate_limited", "unavailable", "malformed"} {
		s.paths = append(s.paths, "/proxy/"+add("crm", class)+"/crm/200")
	}
	s.paths = append(s.paths, "/proxy/"+add("bare", "ok")+"/bare/200")
	unsaved := add("crm", "ok")
	s.store, s.leased = store, add("crm", "ok")
	s.paths = append(s.paths, "/proxy/"+s.leased+"/crm/200", "/proxy/"+unsaved+"/crm/200")
	leaseToOther(t, store, s.leased)
	keep("crm", connect.Rejected, connect.GrantValues{})
	budgets := "limiter redis {\nurl " + harness.Secret(t, "PROMETHEUS_REDIS", services.Redis(t).URL) + "\n}\n"
	start := func(options string) *harness.Gateway {
		g, _ := harness.StartApart(t, func(g *harness.Gateway) string {
			return g.Caddyfile(options+budgets, "metrics", "vendgate_proxy\nmetrics /metrics")
		})
		return g
	}
	s.gateway, s.shared = start(config(t, dir, server.URL)), start(sharedConfig(t))
	fillDisk(t, dir, unsaved) // not before: a start refuses a store with a trigger of others
	return s
}

// sharedConfig is that of a gateway whose store is in PostgreSQL.
func sharedConfig(t *testing.T) string {
	kek, _ := vault.CreateKEK()
	return fmt.Sprintf("data_dir %q\nsource local\nstore {\npostgres %s\nkey_encryption_key %s\n}\n", t.TempDir(),
		harness.Secret(t, "PROMETHEUS_DATABASE", services.PostgreSQL(t).URL), harness.Secret(t, "PROMETHEUS_KEK", kek)) +
		"tenant acme {\nkey {env.PROMETHEUS_ACME}\n}\n"
}

// provide plays a provider: its API answers the status that a path names, and its token endpoint as
// the refresh token says.
func provide(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/token":
		refresh(w, r.FormValue("refresh_token"))
	case "/000":
		panic(http.ErrAbortHandler)
	default:
		status := 0
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	}
}

func refresh(w http.ResponseWriter, token string) {
	failures := map[string]struct {
		status int
		body   string
	}{
		"invalid_grant": {400, `{"error":"invalid_grant"}`}, "rejected": {401, `{"error":"invalid_client"}`},
		"rate_limited": {429, `{}`}, "unavailable": {503, `{}`}, "malformed": {200, `{}`},
	}
	if f, ok := failures[token]; ok {
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body)
		return
	}
	// It ends at once, so that the next call refreshes again.
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "new", "token_type": "bearer", "expires_in": 1,
		"refresh_token": "ok"})
}

func config(t *testing.T, dir, provider string) string {
	app := func(slug string) string {
		return fmt.Sprintf(`app %s {
			auth_type o_auth
			upstream %[2]s
			oauth2 {
				authorize_url %[2]s/authorize
				token_url %[2]s/token
			}
			allow_http
			allow_private 127.0.0.0/8
		}
		`, slug, provider)
	}
	tenant := func(id, key, budget string) string {
		return fmt.Sprintf("tenant %s {\nkey %s\nbudget token %s\n}\n", id,
			harness.Secret(t, "PROMETHEUS_"+strings.ToUpper(id), key), budget)
	}
	return fmt.Sprintf("data_dir %q\nmetrics {\ntenants 2\n}\n", dir) +
		"source local {\nmargin 1s\nrefresh_timeout 500ms\n}\n" + app("crm") + app("bare") +
		"oauth_client crm {\nclient_id id\nclient_secret " + harness.Secret(t, "PROMETHEUS_CLIENT", "secret") + "\n}\n" +
		tenant("acme", harness.KeyA, "unlimited") + tenant("beta", harness.KeyB, "5") + tenant("gamma", keyC, "unlimited")
}

// leaseToOther has another process refresh a connection.
func leaseToOther(t *testing.T, store *store.Store, id string) {
	t.Helper()
	state, err := store.RefreshState(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := store.AcquireRefresh(t.Context(), id, state, "other", connect.MaxLease); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// fillDisk keeps the store from taking the next grant of a connection.
func fillDisk(t *testing.T, dir, id string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "vendgate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`CREATE TRIGGER disk_full BEFORE UPDATE OF sealed ON connections WHEN old.id = '` + id +
		`' BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// load calls, each path again and again, until stop is called.
func (s *stage) load() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var callers sync.WaitGroup
	again := func(do func()) {
		callers.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				do()
				<-tick.C
			}
		})
	}
	loop := func(r *http.Request) { again(func() { s.send(r.Clone(ctx)) }) }
	again(func() {
		if _, err := s.store.RenewRefresh(ctx, s.leased, "other", connect.MaxLease); err != nil && ctx.Err() == nil {
			s.t.Error(err)
		}
	})
	// The first two tenants have labels.
	s.send(s.gateway.Request(http.MethodGet, s.paths[0], nil))
	s.send(s.gateway.Request(http.MethodGet, s.paths[0], nil, "Authorization: Bearer "+harness.KeyB))
	for _, path := range s.paths {
		loop(s.gateway.Request(http.MethodGet, path, nil))
	}
	loop(s.shared.Request(http.MethodGet, s.paths[0], nil))
	for _, key := range []string{harness.KeyB, keyC, "pk_live_nobodys"} {
		loop(s.gateway.Request(http.MethodGet, s.paths[0], nil, "Authorization: Bearer "+key))
	}
	return func() {
		cancel()
		callers.Wait()
	}
}

// send makes a call. What it is answered is counted, and not looked at.
func (s *stage) send(r *http.Request) {
	res, err := s.gateway.Client.Do(r)
	if err != nil {
		if r.Context().Err() == nil {
			s.t.Error(err)
		}
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}
