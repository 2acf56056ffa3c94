package hostile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// leaky is a gateway that is made to tell all it can.
type leaky struct {
	fleet
	admin string
	dir   string
}

// newLeaky logs at DEBUG with the request trace, keeps its configuration, serves metrics and the
// admin API, and has handlers around ours that print what they are given.
func newLeaky(t *testing.T) *leaky {
	t.Helper()
	l := &leaky{fleet: fleet{up: harness.NewUpstream(t, harness.OK), duplex: newDuplex(t)}, admin: harness.FreeAddr(t),
		dir: t.TempDir()}
	autosave := caddy.ConfigAutosavePath // under XDG_CONFIG_HOME, which Caddy read before this test could set it
	caddy.ConfigAutosavePath = filepath.Join(l.dir, "config", "autosave.json")
	t.Cleanup(func() { caddy.ConfigAutosavePath = autosave })
	options := fmt.Sprintf("data_dir %s/store\n", l.dir) + l.config(t) + "source local\n"
	l.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		_, port, _ := strings.Cut(g.Addr, ":")
		return fmt.Sprintf(leakyCaddyfile, l.admin, l.dir, g.LogFile, options, port)
	})
	// Stopping Caddy leaves the admin API listening; a configuration without it does not.
	t.Cleanup(func() { l.Load("{\nadmin off\npersist_config off\n}\n") })
	return l
}

const leakyCaddyfile = `{
	admin %s
	storage file_system %s/storage
	auto_https off
	grace_period 2s
	metrics {
		per_host
	}
	log default {
		level DEBUG
		output file %q {
			roll_disabled
		}
	}
	servers {
		trace
	}
	vendgate {
		%s
	}
}
http://:%s {
	bind 127.0.0.1
	log
	log_append tenant {vendgate.tenant}
	log_append user {vendgate.user}
	log_append connection {vendgate.connection}
	log_append app {vendgate.app}
	log_append code {vendgate.code}
	log_append key {vendgate.key}
	log_append credential {vendgate.credential}
	log_append uri {http.request.uri}
	log_append host {http.request.host}
	route {
		vendgate_proxy
		error /fails "{vendgate.tenant} failed" 500
		respond "not ours"
	}
	handle_errors {
		respond "{http.error.message} {http.error.trace} {vendgate.tenant} {vendgate.credential} {http.error}"
	}
}
`

func TestLeaks(t *testing.T) {
	l := newLeaky(t)
	l.provoke(t)
	l.provokeByHeader(t)
	t.Run("41 a source that panics", l.panics)
	for _, place := range []struct {
		name string
		text func(*testing.T) string
		// has is something that shows the place to be what it is taken for.
		has []string
	}{
		{"logs at DEBUG, with trace", func(*testing.T) string {
			return l.Log()
		}, []string{"http.log.trace", `"level":"debug"`, "http: panic serving", `"key":null`, "http.log.error"}},
		{"access log with the tenant key in X-Vendgate-Key", l.accessEntries,
			[]string{`"tenant":"alpha"`, `"X-Vendgate-Key":["REDACTED"]`, `"code":"needs_reconnection"`, `"status":503`}},
		{"metrics", func(t *testing.T) string {
			return l.fetch(t, "/metrics")
		}, []string{`caddy_vendgate_requests_total{app="key",code=""}`, `code="needs_reconnection"`}},
		{"admin config", func(t *testing.T) string {
			return l.fetch(t, "/config/")
		}, []string{"{env.HOSTILE_KEY}", `"vendgate"`}},
		{"admin goroutine dump", func(t *testing.T) string {
			return l.fetch(t, "/debug/pprof/goroutine?debug=2")
		}, []string{"goroutine "}},
		{"admin vars", func(t *testing.T) string { return l.fetch(t, "/debug/vars") }, []string{"memstats"}},
		{"autosave, data directory and storage", l.disk, []string{"{env.HOSTILE_KEY}", "SQLite format 3"}},
	} {
		t.Run("41 "+place.name, func(t *testing.T) {
			text := place.text(t)
			for _, mark := range place.has {
				if !strings.Contains(text, mark) {
					t.Errorf("no %s in %.600s", mark, text)
				}
			}
			checkSecrets(t, place.name, text)
		})
	}
}

// targets are one call for each way a credential enters a request.
var targets = []string{
	"/proxy/c-key/key/x?q=1", "/proxy/c-plain/plain/x", "/proxy/c-query/query/x?a=b", "/proxy/c-bot/bot/x",
	"/proxy/c-basic/basic/x",
	"/proxy/c-bearer/bearer/x", "/proxy/c-signed/signed/x", "/proxy/nothing/key/x", "/proxy/c-key/query/x",
	"/proxy/c-key/key/../x", "/other", "/fails",
}

// provoke makes every kind of answer with every placement, and reads all that the caller gets.
// Bodies that pass through, of successes as of errors in passthrough, are the provider's word to
// the caller: they stay as they are.
func (l *leaky) provoke(t *testing.T) {
	for _, answer := range []func(string) string{
		harness.OK,
		func(request string) string { return reply("401 No", request, "Content-Type: text/plain") },
		func(request string) string { return reply("503 Down", request) },
		func(string) string { return "HTTP/1.1 2x0 nonsense\r\n\r\n" },
		func(string) string { return "" }, // closes the connection
		func(request string) string {
			return reply("500 Bad", "ok", "X-Echo: "+strings.ReplaceAll(request, "\r\n", " "))
		},
	} {
		l.up.Answer(answer)
		for _, target := range targets {
			got := exchange(t, l.Addr, get(target, "Cookie: session=1"))
			told := got.raw
			if strings.Contains(target, "/plain/") {
				told, _, _ = strings.Cut(told, "\r\n\r\n") // passthrough leaves the body alone
			}
			checkSecrets(t, "the answer to "+target, told)
		}
	}
	l.up.Got()
}

// provokeByHeader has the tenant key where Caddy redacts nothing by itself.
func (l *leaky) provokeByHeader(t *testing.T) {
	l.up.Answer(harness.OK)
	for _, target := range targets {
		request := strings.Replace(get(target), "Authorization: Bearer ", "X-Vendgate-Key: ", 1)
		checkSecrets(t, "the answer to "+target, exchange(t, l.Addr, request).raw)
	}
	for _, scheme := range []string{"Basic " + strings.TrimPrefix(basic(harness.KeyA+":"), "Basic "), "Bearer unknown"} {
		request := strings.Replace(get("/proxy/c-key/key/x"), "Bearer "+harness.KeyA, scheme, 1)
		checkSecrets(t, "the answer", exchange(t, l.Addr, request).raw)
	}
}

// panics has a source panic with a credential in scope. The caller's connection breaks; the gateway
// goes on.
func (l *leaky) panics(t *testing.T) {
	l.up.Answer(harness.OK)
	l.up.Got()
	script.play(func(r vending.Request) (vending.Credential, error) {
		credential, err := fields(vending.APIKey, "api_key", credHeader)(r)
		if err == nil {
			panic(fmt.Sprintf("a defect, with %v and %+v in scope", credential, r))
		}
		return credential, err
	})
	conn := dial(t, l.Addr)
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, strings.ReplaceAll(as(keyC, get("/proxy/c/key/x")), "{gw}", l.Addr)); err != nil {
		t.Fatal(err)
	}
	raw, _ := io.ReadAll(conn) // ends with the connection, however it ends
	checkSecrets(t, "the caller", string(raw))
	script.play(fields(vending.APIKey, "api_key", credHeader))
	if got := exchange(t, l.Addr, as(keyC, get("/proxy/c/key/x"))); got.StatusCode != 200 || len(l.up.Got()) != 1 {
		t.Errorf("after the panic the gateway answered %q", got.raw)
	}
	if text := l.fetch(t, "/metrics"); !strings.Contains(text, "caddy_vendgate_in_flight 0") {
		t.Error("the call that panicked counts as in flight")
	}
}

func (l *leaky) accessEntries(*testing.T) string {
	var entries []string
	for line := range strings.Lines(l.Log()) {
		if strings.Contains(line, `"logger":"http.log.access"`) {
			entries = append(entries, line)
		}
	}
	return strings.Join(entries, "")
}

func (l *leaky) fetch(t *testing.T, path string) string {
	t.Helper()
	res, err := l.Client.Get("http://" + l.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s answered %d, error %v", path, res.StatusCode, err)
	}
	return string(body)
}

// disk is all that was written, file by file.
func (l *leaky) disk(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(caddy.ConfigAutosavePath); err != nil {
		t.Errorf("no autosave: %v", err)
	}
	return all.String()
}
