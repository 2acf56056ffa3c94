package mcpserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_connections","arguments":{}}}`

// TestOtherMethods: there is no stream to listen to and no session to end.
func TestOtherMethods(t *testing.T) {
	s := newStage(t)
	for _, method := range []string{"GET", "DELETE"} {
		res, body := s.raw(method, nil)
		if res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
			t.Errorf("%s: %s %v %s", method, res.Status, res.Header, body)
		}
		res, body = s.raw(method, strings.NewReader("["+call+"]"), "Accept: text/event-stream", "Mcp-Session-Id: x")
		if res.StatusCode != 405 {
			t.Errorf("%s with a body: %s %s", method, res.Status, body)
		}
	}
}

// TestMessages: whatever comes, there is one answer to it, and the next call is served.
func TestMessages(t *testing.T) {
	s := newStage(t)
	const current = "Mcp-Protocol-Version: 2025-06-18"
	for name, c := range map[string]struct {
		body   string
		header string
		status int
		want   string
	}{
		"a call":         {call, current, 200, `"structuredContent":{"connections":[],"total":0}`},
		"a call of old":  {call, "", 200, `"total":0`},
		"a notification": {`{"jsonrpc":"2.0","method":"notifications/initialized"}`, current, 202, ""},
		"a batch":        {"[" + call + "]", "", 400, "batches are not supported"},
		"a batch of old": {" \n[" + call + "," + call + "]", "Mcp-Protocol-Version: 2025-03-26", 400,
			"batches are not supported"},
		"an empty batch": {"[]", "", 400, "batches are not supported"},
		"nothing":        {"", current, 400, ""},
		"not JSON":       {"{", current, 400, ""},
		"a number":       {"7", current, 400, ""},
		"null":           {"null", current, 400, ""},
		"not UTF-8":      {"\xff\xfe", current, 400, ""},
		// the first alone
		"two messages": {call + `{"jsonrpc":"2.0","id":2,"method":"ping"}`, current, 200, `"id":1`},
		"deeply nested": {`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":` + strings.Repeat("[",
			20000), current, 400, ""},
		"no method":         {`{"jsonrpc":"2.0","id":1}`, current, 202, ""},
		"an unknown method": {`{"jsonrpc":"2.0","id":1,"method":"tokens/vend"}`, current, 400, ""},
		"an unknown tool": {
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_token","arguments":{}}}`, current, 200,
			`"error":`},
		"no arguments": {
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"check_connection_status"}}`, current, 200,
			`"isError":true`},
		"arguments of another kind": {
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_connections","arguments":[]}}`, current, 200,
			`"id":1`},
		"an unknown revision":    {call, "Mcp-Protocol-Version: 1999-01-01", 400, "Unsupported protocol version"},
		"not JSON by its header": {call, "Content-Type: text/plain", 415, ""},
		"takes no stream":        {call, "Accept: application/json", 400, ""},
		"a response":             {`{"jsonrpc":"2.0","id":1,"result":{}}`, current, 202, ""},
	} {
		res, body := s.raw("POST", strings.NewReader(c.body), c.header)
		if res.StatusCode != c.status || !strings.Contains(body, c.want) || strings.Contains(body, `"id":2`) {
			t.Errorf("%s: %s %s", name, res.Status, body)
		}
	}
	if res, body := s.raw("POST", strings.NewReader(call)); res.StatusCode != 200 {
		t.Errorf("afterwards: %s %s", res.Status, body)
	}
}

// TestListening: the revision of 2026-07-28 lets clients wait for changes. There are none, so that
// no request is held open for it.
func TestListening(t *testing.T) {
	s := newStage(t)
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	body := `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{` + meta +
		`,"notifications":{"toolsListChanged":true}}}`
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
		"Mcp-Protocol-Version": "2026-07-28",
		"Mcp-Method":           "subscriptions/listen", "Tenant": "acme", "X-User-Email": alice,
	} {
		r.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-store" ||
		strings.Contains(string(text), `"toolsListChanged":true`) {
		t.Errorf("%s %v %s, %v", res.Status, res.Header, text, err)
	}
}

// TestBodyBound: 64 KiB, announced or not.
func TestBodyBound(t *testing.T) {
	s := newStage(t)
	const tooLarge = `{"status":"error","message":"the body may have at most 65536 ` +
		`bytes","data":{"code":"request_too_large","origin":"gateway"},"error":{"code":"request_too_large","type":"vendgate_error","message":"the body may have at most 65536 bytes"}}`
	full := call + strings.Repeat(" ", 64<<10-len(call))
	if res, body := s.raw("POST", strings.NewReader(full)); res.StatusCode != 200 {
		t.Errorf("64 KiB: %s %s", res.Status, body)
	}
	if res, body := s.raw("POST",
		io.MultiReader(strings.NewReader(full), strings.NewReader(" "))); res.StatusCode != 413 || body != tooLarge {
		t.Errorf("a byte more, in chunks: %s %s", res.Status, body)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn,
		"POST / HTTP/1.1\r\nHost: x\r\nTenant: acme\r\nContent-Length: 65537\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 413 || string(body) != tooLarge {
		t.Errorf("announced: %s %s", res.Status, body)
	}
}

// TestCutBody: a body that ends before it should is the caller's mistake.
func TestCutBody(t *testing.T) {
	s := newStage(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn,
		"POST / HTTP/1.1\r\nHost: x\r\nTenant: acme\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 400 || res.Header.Get("Vendgate-Code") != "invalid_request" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}
