package hostile

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// nginxConf is a cache for all that its origins let it keep, by URL alone, as nginx does by itself.
// `/direct/` leads past the gateway.
const nginxConf = `
daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	proxy_cache_path %[1]s/cache keys_zone=one:1m;
	server {
		listen %[2]s;
		proxy_cache one;
		proxy_cache_valid 200 10m;
		proxy_set_header Host $http_host;
		add_header X-Cache $upstream_cache_status always;
		location / { proxy_pass http://%[3]s; }
		location /direct/ { proxy_pass http://%[4]s; }
	}
}
`

// startNginx puts nginx in front of a gateway and returns its address.
func startNginx(t *testing.T, f *fleet) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatalf("a shared cache is needed: apt-get install nginx-light (%v)", err)
	}
	dir, addr := t.TempDir(), harness.FreeAddr(t)
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConf, dir, addr, f.Addr, f.up.Addr), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its workers are no longer root, where the test is.
	for p := dir; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil { // #nosec G302 -- a directory of the test
			t.Fatal(err)
		}
	}
	p := harness.StartProcess(t, os.Environ(), program, "-c", config, "-p", dir, "-e", filepath.Join(dir, "error.log"))
	t.Cleanup(func() {
		p.Signal(t, syscall.SIGTERM) // killed, it would leave its workers behind
		p.Ended(t, 10*time.Second)
	})
	p.Await(t, "nginx to serve", 10*time.Second, func() bool {
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	})
	return addr
}

// TestSharedCache: whatever a provider says to caches, one in front of the gateway serves nobody
// what another caller got, nor anything after a key was revoked.
func TestSharedCache(t *testing.T) {
	f := newFleet(t)
	cache := startNginx(t, f)
	ask := func(target, key string, more ...string) *answer {
		t.Helper()
		return exchange(t, cache,
			strings.ReplaceAll(as(key, get(target, append(more, "Connection: close")...)), "{gw}", "gw.example"))
	}
	for i, say := range [][]string{
		nil, {"Cache-Control: public"}, {"Cache-Control: public, max-age=600"}, {"cache-control: S-MaxAge=600"},
		{"Cache-Control: max-age=600", "Cache-Control: public"},
		{"X-Accel-Expires: 600"}, {"Cache-Control: private", "X-Accel-Expires: 600"},
		{"Expires: Fri, 31 Dec 2099 23:59:59 GMT"}, {`Cache-Control: private="x", max-age=600`},
		{"Surrogate-Control: max-age=600", "CDN-Cache-Control: max-age=600"},
	} {
		t.Run(fmt.Sprintf("58 %q", say), func(t *testing.T) {
			f.up.Answer(func(string) string { return reply("200 OK", "alpha's own", say...) })
			// Past the gateway, the cache does keep what it may: it is one.
			direct := fmt.Sprintf("/direct/%d", i)
			if ask(direct, harness.KeyA); i < 3 {
				if got := ask(direct, harness.KeyA); got.Header.Get("X-Cache") != "HIT" {
					t.Fatalf("the cache kept nothing: %q", got.raw)
				}
			}
			target := fmt.Sprintf("/proxy/c-key/key/%d", i)
			f.up.Got()
			for n := range 2 {
				if got := ask(target, harness.KeyA); got.body != "alpha's own" || got.Header.Get("X-Cache") != "MISS" ||
					len(f.up.Got()) != 1 {
					t.Errorf("call %d: %q", n, got.raw)
				}
			}
			if got := ask(target, harness.KeyB); got.StatusCode != 404 ||
				got.Header.Get("Vendgate-Code") != "connection_deleted" {
				t.Errorf("another tenant got %q", got.raw)
			}
			byHeader := strings.NewReplacer("Authorization: Bearer ", "X-Vendgate-Key: ", "{gw}", "gw.example")
			for key, want := range map[string]int{harness.KeyA: 200, harness.KeyB: 404} {
				if got := exchange(t, cache, byHeader.Replace(as(key, get(target, "Connection: close")))); got.StatusCode != want {
					t.Errorf("with the key in a header: %q", got.raw)
				}
			}
			f.up.Got()
		})
	}
	config := strings.ReplaceAll(f.config(t), "HOSTILE_TENANT_A}", "HOSTILE_TENANT_ANEW}")
	harness.Secret(t, "HOSTILE_TENANT_ANEW", "pk_live_NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN")
	f.Load(f.Caddyfile(config, strings.TrimPrefix(longLines, "global:"), "vendgate_proxy"))
	if got := ask("/proxy/c-key/key/2", harness.KeyA); got.StatusCode != 401 || len(f.up.Got()) != 0 {
		t.Errorf("after the key was revoked: %q", got.raw)
	}
}

// cacheCases are what a provider says to caches, and what leaves.
var cacheCases = []row{
	cacheRow("nothing", nil, "Cache-Control: private"),
	cacheRow("public", []string{"Cache-Control: public, max-age=60, s-maxage=600"}, "Cache-Control: max-age=60, private"),
	cacheRow("several lines, odd case", []string{"cache-control: PUBLIC", "CACHE-CONTROL: Max-Age=60"},
		"Cache-Control: Max-Age=60, private"),
	cacheRow("private for a field", []string{`Cache-Control: private="set-cookie", max-age=60`},
		"Cache-Control: max-age=60, private"),
	cacheRow("private already", []string{"Cache-Control: private, max-age=60", `Etag: "e"`},
		"Cache-Control: private, max-age=60", `Etag: "e"`),
	cacheRow("no-store", []string{"Cache-Control: no-store"}, "Cache-Control: no-store"),
	cacheRow("what steers networks", []string{
		"CDN-Cache-Control: max-age=60", "Cloudflare-CDN-Cache-Control: max-age=60", "Surrogate-Control: max-age=60",
		"Surrogate-Key: a", "Edge-Control: cache-maxage=60m",
		"Edge-Cache-Tag: a", "X-Accel-Expires: 60", "X-Accel-Redirect: /connect", "Vary: Accept", "Age: 7",
	}, "Cache-Control: private", "Vary: Accept", "Age: 7", "!CDN-Cache-Control", "!Cloudflare-CDN-Cache-Control",
		"!Surrogate-Control", "!Surrogate-Key", "!Edge-Control", "!Edge-Cache-Tag",
		"!X-Accel-Expires", "!X-Accel-Redirect"),
	{name: "58 key in a header of its own", request: strings.Replace(get("/proxy/c-key/key/x"), "Authorization: Bearer ",
		"X-Vendgate-Key: ", 1), sent: keyCall, status: 200, body: "ok",
		answer: reply("200 OK", "ok", "Cache-Control: public"), headers: []string{"Cache-Control: private", "!Vary"}},
	{name: "58 an error that passes", request: get("/proxy/c-plain/plain/x"), sent: upstream("GET /plain/x",
		"X-Api-Key: "+credHeader), status: 503, code: "upstream_unavailable", origin: "upstream",
		answer: reply("503 Down", "theirs", "Cache-Control: public, max-age=600"), body: "theirs",
		headers: []string{"Cache-Control: max-age=600, private"}},
	{name: "58 an interim answer", request: get("/proxy/c-key/key/x"), sent: keyCall, status: 200, body: "ok",
		raw: "Cache-Control: private\r\n", lacks: "public",
		answer: "HTTP/1.1 103 Early Hints\r\nCache-Control: public\r\nSurrogate-Control: public\r\n\r\n" + reply("200 OK",
			"ok")},
	{name: "58 trailers", request: get("/proxy/c-key/key/x"), sent: keyCall, status: 200, body: "ok", lacks: "public",
		headers: []string{"Cache-Control: private"},
		answer: lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: Cache-Control, CDN-Cache-Control") +
			"2\r\nok\r\n0\r\nCache-Control: public\r\nCDN-Cache-Control: public\r\n\r\n"},
	{name: "58 revalidation", request: get("/proxy/c-key/key/x", `If-None-Match: "e"`),
		sent:   upstream("GET /base/x", `If-None-Match: "e"`, "X-Api-Key: "+credHeader),
		answer: lines("HTTP/1.1 304 Not Modified", `Etag: "e"`, "Cache-Control: public, max-age=60"), status: 304,
		headers: []string{`Etag: "e"`, "Cache-Control: max-age=60, private"}},
}

func cacheRow(name string, say []string, headers ...string) row {
	return row{name: "58 caches are told " + name, request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: reply("200 OK", "ok", say...), status: 200, body: "ok", headers: headers}
}
