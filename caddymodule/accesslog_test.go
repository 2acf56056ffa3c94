package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// withKeyHeader sends the tenant key where only our own entry keeps it out of the log.
var withKeyHeader = []string{"Authorization:", "X-Vendgate-Key: " + harness.KeyA}

// entries reads the access log of file.
func entries(t *testing.T, file string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var list []map[string]any
	for line := range strings.Lines(string(raw)) {
		entry := make(map[string]any)
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, entry)
	}
	return list
}

// shape is what an entry has, without the values.
func shape(entry map[string]any) []string {
	names := slices.Collect(maps.Keys(entry))
	for _, part := range []string{"request", "vendgate"} {
		inner, _ := entry[part].(map[string]any)
		for name := range inner {
			names = append(names, part+"."+name)
		}
	}
	slices.Sort(names)
	return names
}

// TestAccessLogWithKeyHeader compares the entry that replaces Caddy's with Caddy's own for the same
// call.
func TestAccessLogWithKeyHeader(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	file := filepath.Join(t.TempDir(), "access.log")
	g := harness.Start(t, staticGateway(t, up.Addr),
		fmt.Sprintf("log {\n\toutput file %q {\n\troll_disabled\n}\n}\nlog_skip /settle\nvendgate_proxy\n", file),
		"global:servers {\n\ttrace\n}")
	oneConnection(g)
	request := func(path, body string, headers ...string) (int, map[string]any) {
		t.Helper()
		before := len(entries(t, file))
		r := g.Request("POST", path, nil, headers...)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1 // chunked
		status, _ := g.Do(r)
		settle(t, g)
		after := entries(t, file)
		if len(after) != before+1 {
			t.Fatalf("%s: %d entries, want one", path, len(after)-before)
		}
		return status, after[before]
	}
	tests := map[string]struct {
		path, answer string
		status       int
		level, code  string
		msg          string
	}{
		"passed": {"/proxy/c1/key/a?q=1", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "info", "",
			"handled request"},
		"refused by us": {"/proxy/none/key/a", "", 404, "info", "connection_deleted", "handled request"},
		"provider fails": {"/proxy/c1/key/a", "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503, "error",
			"upstream_unavailable", "handled request"},
		"500 passes": {"/proxy/c1/key/a", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500, "error", "",
			"handled request"},
		"not ours": {"/elsewhere", "", 200, "info", "", "NOP"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			up.Answer(func(string) string { return tt.answer })
			_, caddys := request(tt.path, "seven b")
			status, ours := request(tt.path, "seven b", withKeyHeader...)
			if status != tt.status || ours["level"] != tt.level || ours["msg"] != tt.msg {
				t.Errorf("status %d, entry %v", status, ours)
			}
			for _, field := range []string{"logger", "level", "msg", "status", "size", "bytes_read", "user_id"} {
				if ours[field] != caddys[field] {
					t.Errorf("%s: ours %v, caddy's %v", field, ours[field], caddys[field])
				}
			}
			if got, want := shape(ours), shape(caddys); !slices.Equal(got, want) {
				t.Errorf("ours has %v\ncaddy's has %v", got, want)
			}
			headers := ours["request"].(map[string]any)["headers"].(map[string]any)
			if fmt.Sprint(headers["X-Vendgate-Key"]) != "[REDACTED]" {
				t.Errorf("headers %v", headers)
			}
			facts, _ := ours["vendgate"].(map[string]any)
			if code, _ := facts["code"].(string); code != tt.code {
				t.Errorf("facts %v", facts)
			}
		})
	}
	up.Answer(harness.OK)
	if _, passed := request("/proxy/c1/key/a", "seven b", withKeyHeader...); passed["bytes_read"] != 7.0 {
		t.Errorf("bytes_read %v of a chunked body", passed["bytes_read"])
	}
	settle(t, g)
	for _, log := range []string{file, g.LogFile} {
		raw, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "pk_live_") || strings.Contains(string(raw), "sk-canary") {
			t.Errorf("a secret is in %s", filepath.Base(log))
		}
	}
}

// TestAccessLoggers sends each call with the key in Authorization, which Caddy logs, and in
// X-Vendgate-Key, which we log: the loggers must be the same, by whatever rule Caddy chose them.
func TestAccessLoggers(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	dir := t.TempDir()
	g := harness.Start(t, staticGateway(t, up.Addr))
	oneConnection(g)
	_, port, err := net.SplitHostPort(g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	output := func(name string) string {
		return fmt.Sprintf("output file %q {\n roll_disabled\n }", filepath.Join(dir, name))
	}
	g.Load(g.Caddyfile(staticGateway(t, up.Addr), "", "vendgate_proxy") + strings.NewReplacer("PORT", port).Replace(`
http://one.test:PORT, http://two.test:PORT {
	bind 127.0.0.1
	log first {
		hostnames one.test
		`+output("first")+`
	}
	log second {
		hostnames one.test two.test
		`+output("second")+`
	}
	log_skip /proxy/c1/key/skipped
	log_name /proxy/c1/key/named third
	vendgate_proxy
}
http://*.wild.test:PORT, http://third.test:PORT {
	bind 127.0.0.1
	log third {
		`+output("third")+`
	}
	vendgate_proxy
}
http://quiet.test:PORT {
	bind 127.0.0.1
	vendgate_proxy
}
`))
	for name, tt := range map[string]struct{ host, path, want string }{
		"one logger":     {"two.test", "a", "second"},
		"two loggers":    {"one.test", "a", "first second"},
		"wildcard":       {"x.wild.test", "a", "third"},
		"upper case":     {"X.Wild.Test", "a", "third"},
		"with port":      {"two.test:" + port, "a", "second"},
		"skipped":        {"one.test", "skipped", ""},
		"named":          {"one.test", "named", "third"},
		"host unlogged":  {"quiet.test", "a", ""},
		"site unlogged":  {g.Addr, "a", ""},
		"one level only": {"third.test", "a", "third"},
	} {
		t.Run(name, func(t *testing.T) {
			loggers := func(headers ...string) string {
				before := logged(t, dir, g.LogFile)
				r := g.Request("GET", "/proxy/c1/key/"+tt.path, nil, headers...)
				r.Host = tt.host
				if status, body := g.Do(r); status != 200 {
					t.Fatalf("answered %d %s", status, body)
				}
				settle(t, g)
				var names []string
				for name, n := range logged(t, dir, g.LogFile) {
					names = append(names, slices.Repeat([]string{name}, n-before[name])...)
				}
				slices.Sort(names)
				return strings.Join(names, " ")
			}
			if caddys := loggers(); caddys != tt.want {
				t.Errorf("caddy logged to %q, want %q", caddys, tt.want)
			}
			if ours := loggers(withKeyHeader...); ours != tt.want {
				t.Errorf("we logged to %q, want %q", ours, tt.want)
			}
		})
	}
}

// logged counts the access-log entries of each logger.
func logged(t *testing.T, dir, defaultLog string) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for _, name := range []string{"first", "second", "third"} {
		for _, entry := range entries(t, filepath.Join(dir, name)) {
			counts[strings.TrimPrefix(entry["logger"].(string), "http.log.access.")]++
		}
	}
	for _, entry := range entries(t, defaultLog) {
		if logger, _ := entry["logger"].(string); strings.HasPrefix(logger, "http.log.access") {
			counts["default:"+logger]++
		}
	}
	return counts
}
