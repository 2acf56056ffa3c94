package integration

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// probe asks without a key, as balancers do.
func probe(t *testing.T, g *harness.Gateway, method, path string) (status int, body string, h http.Header) {
	t.Helper()
	r := g.Request(method, path, nil, "Authorization:", "x-user-email:")
	res, err := g.Client.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text)), res.Header
}

const healthSite = "log\nvendgate_health\nvendgate_proxy\nvendgate_connect\nvendgate_not_found"

// TestHealth: both checks, of a store that cannot be read and of one that can again.
func TestHealth(t *testing.T) {
	dir := t.TempDir()
	g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9")+keyed(t, "acme"), healthSite)
	const ready = `{"status":"ready","checks":[{"name":"server","ok":true},{"name":"store","ok":true}]}`
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/health/live", 200, `{"status":"live"}`}, {"HEAD", "/health/live", 200, ""},
		{"GET", "/health/ready", 200, ready}, {"HEAD", "/health/ready", 200, ""},
		{"POST", "/health/ready", 404, "not_found"}, {"GET", "/health", 404, "not_found"},
		{"GET", "/health/ready/", 404, "not_found"}, {"GET", "/healthy/ready", 404, "not_found"},
	} {
		status, body, h := probe(t, g, c.method, c.path)
		if status != c.status || body != c.body && !(c.status == 404 && strings.Contains(body, c.body)) ||
			h.Get("Cache-Control") != "no-store" || h.Get("Vendgate-Request-Id") == "" {
			t.Errorf("%s %s: %d %s %v", c.method, c.path, status, body, h)
		}
	}
	if _, _, h := probe(t, g, "GET", "/health/ready"); h.Get("Content-Type") != "application/json" {
		t.Errorf("%v", h)
	}
	// A handler before vendgate_proxy must keep a key from the log as well.
	r := g.Request("GET", "/health/live", nil, "X-Vendgate-Key: "+harness.KeyA)
	if res, err := g.Client.Do(r); err != nil || res.Body.Close() != nil {
		t.Fatal(err)
	}
	if strings.Contains(g.Log(), harness.KeyA) {
		t.Error("a health check puts a key into the log")
	}

	db, err := sql.Open("sqlite", filepath.Join(dir, "vendgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.Exec("PRAGMA legacy_alter_table = ON; ALTER TABLE " + from + " RENAME TO " + to); err != nil {
			t.Fatal(err)
		}
	}
	rename("meta", "elsewhere")
	var status int
	var body string
	harness.Within(t, "a store that cannot be read", 10*time.Second, func() bool {
		status, body, _ = probe(t, g, "GET", "/health/ready")
		return status != 200
	})
	if want := `{"status":"not_ready","checks":[{"name":"server","ok":true},` +
		`{"name":"store","ok":false,"reason":"the store cannot be read; the log has the cause"}]}`; status != 503 ||
		body != want {
		t.Errorf("%d %s", status, body)
	}
	if status, body, _ := probe(t, g, "GET", "/health/live"); status != 200 {
		t.Errorf("it is not alive: %d %s", status, body)
	}
	out, _, err := harness.Command(t, "", "health", "--url", g.URL+"/health/ready")
	if err == nil || out != "not_ready\nstore: the store cannot be read; the log has the cause\n" {
		t.Errorf("the command says %q, %v", out, err)
	}
	if n := strings.Count(g.Log(), "not ready: the store cannot be read"); n != 1 {
		t.Errorf("the cause is logged %d times", n)
	}
	rename("elsewhere", "meta")
	harness.Within(t, "the store again", 10*time.Second, func() bool {
		status, body, _ = probe(t, g, "GET", "/health/ready")
		return status == 200
	})
	if body != ready {
		t.Errorf("ready again: %s", body)
	}
	if out, _, err := harness.Command(t, "", "health", "--url", g.URL+"/health/ready"); err != nil || out != "ready\n" {
		t.Errorf("the command says %q, %v", out, err)
	}
	for _, url := range []string{g.URL + "/nothing", "http://127.0.0.1:1/health/ready", "::"} {
		if out, _, err := harness.Command(t, "", "health", "--url", url); err == nil || out != "" {
			t.Errorf("%s: the command says %q, %v", url, out, err)
		}
	}
	// The default is the package's first address, which a site of one's own replaces.
	if _, errs, err := harness.Command(t, "", "health", "--url", "http://127.0.0.1:1/health/ready"); err == nil ||
		!strings.Contains(errs+err.Error(), "write the address of its vendgate_health as --url") {
		t.Errorf("the command says %q, %v", errs, err)
	}
	g.Load(g.Caddyfile("data_dir \""+dir+"\"\nvend_timeout 9s\n"+keyApp("http://127.0.0.1:9")+keyed(t, "acme"), "",
		healthSite))
	if status, body, _ := probe(t, g, "GET", "/health/ready"); status != 200 || body != ready {
		t.Errorf("after a reload: %d %s", status, body)
	}
}

// TestHealthWithoutStore: a gateway over other sources has no store that could fail.
func TestHealthWithoutStore(t *testing.T) {
	g := harness.Start(t, keyApp("http://127.0.0.1:9")+staticSource(t), "vendgate_proxy\nvendgate_health /status")
	if status, body, _ := probe(t, g, "GET", "/status/ready"); status != 200 ||
		body != `{"status":"ready","checks":[{"name":"server","ok":true}]}` {
		t.Errorf("%d %s", status, body)
	}
}

// TestHealthShutdown: a gateway that is about to stop is not ready, and goes on serving for its
// shutdown_delay, on new connections too, so that a balancer takes it out before it is gone.
func TestHealthShutdown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	g, p := harness.StartApart(t, func(g *harness.Gateway) string {
		return g.Caddyfile("data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9"), "shutdown_delay 3s", healthSite)
	})
	if status, body, _ := probe(t, g, "GET", "/health/ready"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	p.Signal(t, syscall.SIGTERM)
	begun := time.Now()
	harness.Within(t, "the shutdown", 10*time.Second, func() bool {
		status, _, _ := probe(t, g, "GET", "/health/ready")
		return status != 200
	})
	for time.Since(begun) < 2500*time.Millisecond {
		g.Client.CloseIdleConnections()
		status, body, _ := probe(t, g, "GET", "/health/ready")
		if status != 503 || !strings.Contains(body, `{"name":"server","ok":false,"reason":"the server is shutting down"}`) {
			t.Errorf("%d %s", status, body)
		}
		if status, body, _ := probe(t, g, "GET", "/health/live"); status != 200 {
			t.Errorf("it is not alive: %d %s", status, body)
		}
	}
	p.Ended(t, 20*time.Second)
	if took := time.Since(begun); took < 3*time.Second || took > 5*time.Second {
		t.Errorf("a shutdown_delay of 3 s took %s", took)
	}
}
