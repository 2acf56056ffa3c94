package outage

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// stage is a gateway on a PostgreSQL with a connection to a provider.
type stage struct {
	*harness.Gateway
	t  *testing.T
	id string // of the connection
}

// startGateway starts a gateway on the database at url.
func startGateway(t *testing.T, url string) *stage {
	t.Helper()
	s := &stage{t: t}
	s.Gateway, s.id = harness.Start(t, config(t, url), gatewaySite, "global:metrics"), seed(t, url)
	return s
}

const gatewaySite = "vendgate_health\nvendgate_proxy\nvendgate_connect\nmetrics /metrics\nvendgate_not_found"

// kek is what seals the keyset of all databases here.
var kek, _ = vault.CreateKEK()

func config(t testing.TB, url string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"url": url, "kek": kek, "tenant": harness.KeyA} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return fmt.Sprintf(`data_dir %[1]s/data
		store {
			postgres {file.%[1]s/url}
			key_encryption_key {file.%[1]s/kek}
		}
		tenant acme {
			key {file.%[1]s/tenant}
		}
		%[2]s`, dir, harness.KeyApp(startUpstream(t)))
}

// seed stores a connection of tenant A's, as a command would.
func seed(t testing.TB, url string) (id string) {
	t.Helper()
	key := must[vault.KEK](t)(vault.ParseKEK(kek))
	s := must[*store.Store](t)(store.Open(t.Context(), store.Options{Dir: t.TempDir(), Postgres: url,
		KeyEncryptionKeys: []vault.KEK{key}}))
	id, err := s.ImportConnection(t.Context(), connect.Connection{Tenant: acme, User: harness.Alice, App: "key",
		AuthType: vending.APIKey}, connect.NewGrant(connect.GrantValues{
		Fields: []vending.Field{{Name: "api_key", Value: "canary-key"}}}))
	check(t, err)
	check(t, s.Close())
	return id
}

// startUpstream is a provider: /stream never ends by itself.
func startUpstream(t testing.TB) (addr string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.URL.Path == "/stream" {
			if _, err := io.WriteString(w, "data: x\n\n"); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// answer is what a request got, and how long that took.
type answer struct {
	status     int
	code, from string
	retryAfter string
	body       string
	took       time.Duration
}

func (s *stage) get(method, path string, headers ...string) answer {
	s.t.Helper()
	began := time.Now()
	res := must[*http.Response](s.t)(s.Client.Do(s.Request(method, path, nil, headers...)))
	defer func() { _ = res.Body.Close() }()
	body := must[[]byte](s.t)(io.ReadAll(res.Body))
	h := res.Header
	return answer{res.StatusCode, h.Get("Vendgate-Code"), h.Get("Vendgate-Origin"), h.Get("Retry-After"), string(body),
		time.Since(began)}
}

func (s *stage) call() answer { s.t.Helper(); return s.get("GET", "/proxy/"+s.id+"/key/items") }

// stream begins a call that goes on, and returns what reads its next event.
func (s *stage) stream() (next func() error) {
	s.t.Helper()
	res := must[*http.Response](s.t)(s.Client.Do(s.Request("GET", "/proxy/"+s.id+"/key/stream", nil)))
	s.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewReader(res.Body)
	return func() error { _, err := lines.ReadString('\n'); return err }
}

// errorLines are the lines of the gateway's log at the level ERROR.
func (s *stage) errorLines() []string { return s.logged(`"level":"error"`) }

// logged are the lines of the gateway's log that have a text in them.
func (s *stage) logged(text string) (lines []string) {
	for _, line := range strings.Split(s.Log(), "\n") {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestGatewayDuringOutage loses the database server under a gateway, in all ways that there are.
func TestGatewayDuringOutage(t *testing.T) {
	for name, c := range map[string]struct {
		lose, back func(*services.Postgres)
		first      time.Duration
	}{
		"killed": {(*services.Postgres).Kill, (*services.Postgres).Start, time.Second},
		"frozen": {(*services.Postgres).Freeze, (*services.Postgres).Thaw, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			pg := services.OwnPostgreSQL(t)
			s := startGateway(t, pg.URL)
			next := s.stream()
			check(t, next())
			if a := s.call(); a.status != 200 {
				t.Fatalf("%+v", a)
			}
			c.lose(pg)
			a := s.call()
			wantLost(t, "the first call", a)
			if a.took > c.first {
				t.Errorf("the first call took %v, more than %v", a.took, c.first)
			}
			for range 10 {
				a := s.call()
				if wantLost(t, "a call", a); a.took > 100*time.Millisecond {
					t.Errorf("a call took %v on a server that is known to be lost", a.took)
				}
			}
			s.checkLost(next)
			c.back(pg)
			s.checkBack(time.Now(), next)
		})
	}
}

func wantLost(t testing.TB, what string, a answer) {
	t.Helper()
	if a.status != 503 || a.code != "upstream_unavailable" || a.from != "vending" || a.retryAfter == "" {
		t.Errorf("%s: %+v, want 503 upstream_unavailable of vending with Retry-After", what, a)
	}
}

// checkLost checks what is answered while the server is away.
func (s *stage) checkLost(next func() error) {
	t := s.t
	t.Helper()
	wantLost(t, "an unknown key", s.get("GET", "/proxy/"+s.id+"/key/items", "Authorization: Bearer "+harness.KeyB))
	wantLost(t, "an unknown caller key", s.get("GET", "/proxy/"+s.id+"/key/items",
		"Authorization: Bearer ck_"+strings.Repeat("a", 43)))
	wantLost(t, "the Platform API", s.get("GET", "/platform/v1/connections"))
	wantLost(t, "MCP", s.get("POST", "/platform/v1/mcp"))
	wantLost(t, "MCP by its URL", s.get("POST", "/platform/v1/mcp/"+strings.Repeat("a", 33)))
	token := strings.Repeat("a", 33)
	for what, a := range map[string]answer{
		"a hosted page": s.get("GET", "/connect/"+token), "the dashboard": s.get("GET", "/connect/dashboard",
			"Cookie: vendgate-session="+strings.Repeat("a", 43)),
	} {
		if a.status != 503 || a.retryAfter == "" || !strings.Contains(a.body, "not available at the moment") {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if a := s.get("GET", "/health/live"); a.status != 200 {
		t.Errorf("not alive: %+v", a)
	}
	if a := s.get("GET", "/health/ready"); a.status != 503 || !strings.Contains(a.body, `"store","ok":false`) {
		t.Errorf("ready: %+v", a)
	}
	harness.Within(t, "the metric store_up", 5*time.Second, func() bool {
		return strings.Contains(s.get("GET", "/metrics").body, "\ncaddy_vendgate_store_up 0\n")
	})
	for range 50 {
		check(t, next()) // the stream goes on
	}
	var told int
	for _, line := range s.errorLines() {
		if strings.Contains(line, "call failed") {
			t.Errorf("logged for a call: %s", line)
		}
		if strings.Contains(line, "the store cannot be read: keys") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the log tells of the outage %d times, want once: %q", told, s.errorLines())
	}
}

// checkBack checks that the gateway recovers by itself, within 2 s of the server's return.
func (s *stage) checkBack(began time.Time, next func() error) {
	t := s.t
	t.Helper()
	for s.call().status != 200 && time.Since(began) < 20*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	t.Logf("calls work again after %v", took)
	if took > 2*time.Second {
		t.Errorf("calls work again after %v, more than 2 s", took)
	}
	check(t, next())
	harness.Within(t, "readiness", 5*time.Second, func() bool { return s.get("GET", "/health/ready").status == 200 })
	harness.Within(t, "the log of the end", 5*time.Second, func() bool {
		return strings.Contains(s.Log(), "the store can be read again")
	})
	told := s.logged(`"msg":"the store can`)
	if len(told) != 2 {
		t.Errorf("the log does not tell of the outage once, and of its end: %q", told)
	}
	body := s.get("GET", "/metrics").body
	for _, want := range []string{"caddy_vendgate_store_up 1", `caddy_vendgate_store_pool_connections{state="max"} `,
		`caddy_vendgate_store_duration_seconds_count{operation="grant"} `} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// TestGatewayFailover has a server fail over to another address, which the URL names as well.
func TestGatewayFailover(t *testing.T) {
	first, second := services.OwnPostgreSQL(t), services.OwnPostgreSQL(t)
	url := strings.Replace(first.URL, first.Addr, first.Addr+","+second.Addr, 1) + "&target_session_attrs=read-write"
	s := startGateway(t, url)
	next := s.stream()
	check(t, next())
	second.Query(fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD '%[2]s'; CREATE DATABASE %[1]s OWNER %[1]s ENCODING 'UTF8'
		TEMPLATE template0`, first.Database, first.Password))
	dump := exec.CommandContext(t.Context(), filepath.Join(services.BinDir(t), "pg_dump"), first.URL)
	load := exec.CommandContext(t.Context(), filepath.Join(services.BinDir(t), "psql"), "-q", "-X", "-v",
		"ON_ERROR_STOP=1",
		strings.Replace(first.URL, first.Addr, second.Addr, 1))
	load.Stdin = strings.NewReader(string(must[[]byte](t)(dump.Output())))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	first.Kill()
	began := time.Now()
	if a := s.call(); a.status != 200 {
		wantLost(t, "the first call", a)
	}
	s.checkBackOnly(began)
	check(t, next())
}

// checkBackOnly is checkBack of an outage that may have been too short to be logged.
func (s *stage) checkBackOnly(began time.Time) {
	for s.call().status != 200 && time.Since(began) < 20*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(began); took > 2*time.Second {
		s.t.Errorf("calls work again after %v, more than 2 s", took)
	}
}
