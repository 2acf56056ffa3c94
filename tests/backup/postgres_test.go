package backup

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

// rotating is a provider that replaces the refresh token each time, and refuses an older one. Its
// access tokens have ended when they are made.
type rotating struct {
	*httptest.Server
	mu sync.Mutex
	// asked counts the token calls, and current is the refresh token that it takes.
	asked, current int
}

func newRotating(t *testing.T) *rotating {
	p := &rotating{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	w.Header().Set("Content-Type", "application/json")
	if r.FormValue("refresh_token") != fmt.Sprintf("rt-%d", p.current) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error":"invalid_grant"}`)
		return
	}
	p.current++
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "at", "token_type": "bearer", "expires_in": 1,
		"refresh_token": fmt.Sprintf("rt-%d", p.current)})
}

func (p *rotating) calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *rotating) app(t *testing.T) string {
	return fmt.Sprintf("app crm {\nauth_type o_auth\nupstream %[1]s\noauth2 {\nauthorize_url %[1]s/authorize\n"+
		"token_url %[1]s/token\n}\nallow_http\nallow_private 127.0.0.0/8\n}\n", p.URL) +
		"oauth_client crm {\nclient_id id\nclient_secret " + harness.Secret(t, "BACKUP_CLIENT", "secret") + "\n}\n"
}

// onPostgres is the block of a store in a database, sealed by the key in a file.
func onPostgres(t *testing.T, pg *services.Postgres, kek string) string {
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(pg.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("store {\npostgres {file.%s}\nkey_encryption_key {file.%s}\n}\n", file, kek)
}

func configFile(t *testing.T, global string) string {
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n\tvendgate {\n"+global+"\n\t}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// postgresTool runs one of PostgreSQL's programs on a database, with the password in a file: all
// users of a machine can read the arguments of a program.
func postgresTool(t *testing.T, pg *services.Postgres, name string, args ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(pg.Addr)
	if err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(passwords, []byte("*:*:*:*:"+pg.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// #nosec G204 -- one of Debian's, with the test's own arguments
	cmd := exec.CommandContext(t.Context(), filepath.Join(services.BinDir(t), name), args...)
	cmd.Env = append(os.Environ(), "PGPASSFILE="+passwords, "PGHOST="+host, "PGPORT="+port, "PGUSER="+pg.Database,
		"PGDATABASE="+pg.Database)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// TestPostgresDump dumps the database of a running gateway by pg_dump, and restores it into an
// empty one by pg_restore: three connections answer there. The refresh token of a fourth was
// replaced since, and the provider is asked once.
func TestPostgresDump(t *testing.T) {
	up, provider := harness.NewUpstream(t, harness.OK), newRotating(t)
	pg, fresh := services.PostgreSQL(t), services.PostgreSQL(t)
	env, program := harness.Environ(t), harness.Program(t)
	kek := filepath.Join(t.TempDir(), "kek")
	harness.Run(t, env, "", program, "keyset", "kek", "create", "--out", kek)
	apps := harness.KeyApp(up.Addr) + provider.app(t)
	on := func(pg *services.Postgres) string {
		return onPostgres(t, pg, kek) + "source local {\nmargin 1s\n}\n" + apps
	}
	serves := func(pg *services.Postgres) *harness.Gateway {
		g, _ := harness.StartApart(t, func(g *harness.Gateway) string {
			return g.Caddyfile(on(pg), "", "vendgate_proxy\nvendgate_connect")
		})
		return g
	}
	config := configFile(t, on(pg))
	env = harness.Environ(t) // with the client's secret
	gateway := serves(pg)
	key := strings.TrimSpace(harness.Run(t, env, "", program, "tenant", "create", "acme", "--email", "dev@acme.example",
		"--config", config))
	imported := func(app, credential string) string {
		return strings.TrimSpace(harness.Run(t, env, credential, program, "connection", "import", "--tenant", "acme",
			"--user", harness.Alice, "--app", app, "--no-verify", "--config", config))
	}
	var ids []string
	for i := range 3 {
		ids = append(ids, imported("key", fmt.Sprintf(`{"api_key":"sk-live-%d"}`, i)))
	}
	rotated := imported("crm", `{"access_token":"old","refresh_token":"rt-0","expires_at":"2020-01-02T15:04:05Z"}`)

	dump := filepath.Join(t.TempDir(), "vendgate.dump")
	postgresTool(t, pg, "pg_dump", "--format=custom", "--file="+dump, "--exclude-table-data=sessions",
		"--exclude-table-data=attempts")
	path := "/proxy/" + rotated + "/crm/v1"
	if status, body := get(gateway, path, key); status != http.StatusOK {
		t.Fatalf("before the restore it answers %d: %s", status, body)
	}
	postgresTool(t, fresh, "pg_restore", "--no-owner", "--exit-on-error", "--dbname="+fresh.Database, dump)
	harness.Run(t, env, "", program, "store", "check", "--config", configFile(t, on(fresh)))
	harness.Run(t, env, "", program, "store", "adopt", "--config", configFile(t, on(fresh)))

	wantRestored(t, serves(fresh), key, ids)
	wantAskedOnce(t, serves(fresh), provider, path, key)
	if out := harness.Run(t, env, "", program, "audit", "--config", configFile(t, on(fresh))); !strings.Contains(out,
		"store_restored") {
		t.Errorf("the audit trail has no restore: %s", out)
	}
}

func wantRestored(t *testing.T, g *harness.Gateway, key string, ids []string) {
	t.Helper()
	for _, id := range ids {
		if status := call(t, g, key, id); status != http.StatusOK {
			t.Errorf("the restored connection answers %d", status)
		}
	}
}

// wantAskedOnce checks that a replaced refresh token is sent to the provider once, and never again.
func wantAskedOnce(t *testing.T, g *harness.Gateway, p *rotating, path, key string) {
	t.Helper()
	before := p.calls()
	for range 3 {
		if status, body := get(g, path, key); status != http.StatusUnauthorized ||
			!strings.Contains(body, "needs_reconnection") {
			t.Errorf("the connection whose token was replaced answers %d: %s", status, body)
		}
	}
	if asked := p.calls() - before; asked != 1 {
		t.Errorf("the provider was asked %d times for the replaced token, want once", asked)
	}
}

func get(g *harness.Gateway, path, key string) (status int, body string) {
	return g.Do(g.Request(http.MethodGet, path, nil, "Authorization: Bearer "+key))
}
