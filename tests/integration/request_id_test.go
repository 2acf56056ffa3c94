package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// logged is a line of the log, as far as requests are followed by it.
type logged struct {
	Level, Logger, Msg string
	Vendgate           struct {
		ID string `json:"request_id"`
	}
	Request                       any
	Tenant, Connection, App, Path string
	Method, Code, Origin, Error   string
	UpstreamStatus                int `json:"upstream_status"`
}

// lines are those of the log that keep says.
func lines(t *testing.T, g *harness.Gateway, keep func(logged) bool) (found []logged) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(g.Log()), "\n") {
		var l logged
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if keep(l) {
			found = append(found, l)
		}
	}
	return found
}

// idForm is a request id: one header, without what logs or shells would have to quote.
var idForm = regexp.MustCompile(`(?m)^Vendgate-Request-Id: ([A-Za-z0-9-]{20,40})\r$`)

// TestRequestID: every answer has an id of ours, whatever became of the call and whatever the
// provider calls its own, and the access log has the same. Interim answers pass without one.
func TestRequestID(t *testing.T) {
	const theirs = "Vendgate-Request-Id: THEIRS-THEIRS-THEIRS-THEIRS\r\n"
	up := harness.NewUpstream(t, func(request string) string {
		_, path, _ := strings.Cut(strings.SplitN(request, " HTTP/", 2)[0], " ")
		switch path {
		case "/early":
			return "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" + theirs + "\r\n" + sized("200 OK", `"early"`)
		case "/stream":
			return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + theirs + "Transfer-Encoding: chunked\r\n\r\n" +
				"5\r\ndata:\r\n0\r\n\r\n"
		case "/away":
			return "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/x\r\n" + theirs + "Content-Length: 0\r\n\r\n"
		case "/socket":
			return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + theirs +
				"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
		case "/denied":
			return "HTTP/1.1 401 No\r\n" + theirs + "Content-Length: 0\r\n\r\n"
		case "/broken":
			return "no http\r\n\r\n"
		}
		return strings.Replace(sized("200 OK", `"fine"`), "\r\n", "\r\n"+theirs, 1)
	})
	g := harness.Start(t, "data_dir \""+t.TempDir()+"\"\nsource local\ndefault_source static\n"+keyApp("http://"+up.Addr)+
		staticSource(t),
		"log\nvendgate_proxy {\n hosts gw.example\n}\nvendgate_connect\nvendgate_not_found")
	seen := make(map[string]string)
	for name, c := range map[string]struct{ line, more, status string }{
		"passed":   {"GET /proxy/c1/key/x", "", "200"},
		"interim":  {"GET /proxy/c1/key/early", "", "200"},
		"streamed": {"GET /proxy/c1/key/stream", "", "200"},
		"redirect": {"GET /proxy/c1/key/away", "X-Vendgate-Key: " + harness.KeyA, "403"},
		"upgraded": {"GET /proxy/c1/key/socket",
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "101"},
		"mapped":         {"GET /proxy/c1/key/denied", "", "401"},
		"left as it is":  {"GET /proxy/c1/key/denied", "Vendgate-Errors: passthrough", "401"},
		"no response":    {"GET /proxy/c1/key/broken", "", "503"},
		"no app":         {"GET /proxy/c1/none/x", "", "404"},
		"no key":         {"GET /proxy/c1/key/x", "X-Vendgate-Key: pk_live_no", "401"},
		"refused path":   {"GET /proxy/c1/key/../x", "", "400"},
		"a key too many": {"GET /proxy/c1/key/x?k=" + harness.KeyA, "", "400"},
		"by host":        {"GET /x", "Host: key.gw.example", "400"},
		"the api":        {"GET /platform/v1/connections", "", "200"},
		"no endpoint":    {"GET /platform/v1/none", "", "400"},
		"the mcp server": {"GET /platform/v1/mcp", "", "405"},
		"a wrong method": {"PUT /platform/v1/connections", "", "400"},
		"a hosted page":  {"GET /connect/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "404"},
		"the dashboard":  {"GET /connect/dashboard", "", "303"},
		"an asset":       {"GET /connect/assets/none", "", "404"},
		"nothing":        {"GET /nothing", "", "404"},
	} {
		key := "Authorization: Bearer " + harness.KeyA + "\r\n"
		if strings.Contains(c.more, "X-Vendgate-Key") {
			key = ""
		}
		host := "Host: " + g.Addr + "\r\n"
		if strings.HasPrefix(c.more, "Host:") {
			host = ""
		}
		connection := "Connection: close\r\n"
		if c.status == "101" {
			connection = "Connection: Upgrade\r\n"
		}
		answer := g.Raw(c.line + " HTTP/1.1\r\n" + host + key + "x-user-email: " + harness.Alice + "\r\n" +
			connection + c.more + strings.Repeat("\r\n", 1+min(1, len(c.more))))
		ids := idForm.FindAllStringSubmatch(answer, -1)
		if !strings.Contains(answer, "HTTP/1.1 "+c.status+" ") || len(ids) != 1 ||
			strings.Count(strings.ToLower(answer), "vendgate-request-id") != 1 || strings.Contains(answer, "THEIRS") {
			t.Errorf("%s: answered %q", name, answer)
			continue
		}
		id := ids[0][1]
		if seen[id] != "" {
			t.Errorf("%s and %s have one id", name, seen[id])
		}
		seen[id] = name
		entries := lines(t, g, func(l logged) bool {
			return strings.HasPrefix(l.Logger, "http.log.access") && l.Vendgate.ID == id
		})
		if c.status != "101" && len(entries) != 1 {
			t.Errorf("%s: the access log has its id in %d entries", name, len(entries))
		}
	}
}

// TestFailureLine: a call that failed has one line in the log by which it is found, and nothing
// secret is in it.
func TestFailureLine(t *testing.T) {
	up := harness.NewUpstream(t, func(request string) string {
		switch {
		case strings.Contains(request, "/down"):
			return sized("503 Down", `{}`)
		case strings.Contains(request, "/torn"):
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nno chunk\r\n"
		case strings.Contains(request, "/denied"):
			return sized("401 No", `{}`)
		}
		return sized("200 OK", `{}`)
	})
	inPath := strings.NewReplacer("app key", "app inpath", "header X-Api-Key {api_key}", "path_prefix /bot{api_key}")
	source := strings.Replace(staticSource(t), "source static {",
		"source static {\n connection c2 {\n tenant acme\n app inpath\n field api_key {env.VG_KEY}\n }\n", 1)
	closed := "http://" + harness.FreeAddr(t)
	g := harness.Start(t, keyApp("http://"+up.Addr)+inPath.Replace(keyApp(closed))+source, "log\nvendgate_proxy")
	const secret = "11223344:AAE-a_key_of_the_provider_s"
	for name, c := range map[string]struct {
		path string
		want logged
	}{
		"passed": {"/proxy/c1/key/x", logged{}},
		"down": {"/proxy/c1/key/down?q=1", logged{Level: "error", Msg: "call failed", Connection: "c1", App: "key",
			Path: "/proxy/c1/key/down", Code: "upstream_unavailable", Origin: "upstream", UpstreamStatus: 503}},
		"denied": {"/proxy/c1/key/denied", logged{Level: "debug", Msg: "call failed", Connection: "c1", App: "key",
			Path: "/proxy/c1/key/denied", Code: "needs_reconnection", Origin: "upstream", UpstreamStatus: 401}},
		"torn": {"/proxy/c1/key/torn", logged{Level: "warn", Msg: "the provider's response broke off", Connection: "c1",
			App: "key", Path: "/proxy/c1/key/torn", UpstreamStatus: 200}},
		"unknown": {"/proxy/c9/key/x", logged{Level: "debug", Msg: "call failed", Connection: "c9", App: "key",
			Path: "/proxy/c9/key/x", Code: "connection_deleted", Origin: "vending"}},
		"away": {"/proxy/c2/inpath/x?token=" + secret, logged{Level: "error", Msg: "call failed", Connection: "c2",
			App: "inpath", Path: "/proxy/c2/inpath/x", Code: "upstream_unavailable", Origin: "upstream"}},
		"key": {"/proxy/c2/inpath/bot" + secret + "/getMe", logged{Level: "error", Msg: "call failed", Connection: "c2",
			App: "inpath", Path: "/proxy/c2/inpath/REDACTED/getMe", Code: "upstream_unavailable", Origin: "upstream"}},
	} {
		res, err := g.Client.Do(g.Request("GET", c.path, nil))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		id := res.Header.Get("Vendgate-Request-Id")
		found := lines(t, g, func(l logged) bool { return l.Request == any(id) })
		if c.want.Msg == "" {
			if len(found) != 0 {
				t.Errorf("%s: logged %+v", name, found)
			}
			continue
		}
		if len(found) != 1 {
			t.Errorf("%s: %d lines", name, len(found))
			continue
		}
		got := found[0]
		cause := got.Error
		c.want.Logger, c.want.Request, c.want.Tenant, c.want.Method, got.Error = "vendgate", id, "acme", "GET", ""
		if got != c.want {
			t.Errorf("%s: logged %+v\nwant %+v", name, got, c.want)
		}
		if (cause == "") != (name == "down" || name == "denied" || name == "unknown") {
			t.Errorf("%s: its cause is %q", name, cause)
		}
	}
	for _, line := range strings.Split(g.Log(), "\n") {
		ours := strings.Contains(line, `"logger":"vendgate"`)
		if ours && strings.Contains(line, secret) || strings.Contains(line, canary) || strings.Contains(line, harness.KeyA) {
			t.Errorf("the log has a secret: %s", line)
		}
	}
}

// TestCallInAuditTrail: what a call caused in the store is recorded as that call's.
func TestCallInAuditTrail(t *testing.T) {
	up := harness.NewUpstream(t, func(string) string { return sized("401 No", `{}`) })
	dir := filepath.Join(t.TempDir(), "store")
	store, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://"+up.Addr)+keyed(t, "acme"), "vendgate_proxy")
	id, err := store.ImportConnection(t.Context(),
		connect.Connection{Tenant: "acme", User: harness.Alice, App: "key", AuthType: vending.APIKey},
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: canary}}}))
	if err != nil {
		t.Fatal(err)
	}
	answer := g.Raw("GET /proxy/" + id + "/key/x HTTP/1.1\r\nHost: " + g.Addr + "\r\nAuthorization: Bearer " +
		keyOf("acme") +
		"\r\nx-user-email: " + harness.Alice + "\r\nConnection: close\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := store.Audit(t.Context(), connect.AuditFilter{Connection: id, Event: connect.VendFailed})
	if err != nil || len(rows) != 1 || rows[0].Request != res.Header.Get("Vendgate-Request-Id") ||
		rows[0].Actor != "system" {
		t.Errorf("the audit trail of call %s has %+v, %v", res.Header.Get("Vendgate-Request-Id"), rows, err)
	}
}
