package hostile

import (
	"io"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// hints is an interim answer in front of another.
const hints = "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\nX-Echo: " + credHeader +
	"\r\nSet-Cookie: a=b\r\nVendgate-Code: x\r\n\r\n"

// The sample handshake of RFC 6455, section 1.3.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func handshake(target string) string {
	return get(target, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: "+wsKey,
		"Sec-WebSocket-Version: 13")
}

// shaken is what the upstream gets for a handshake.
func shaken(line string) []string {
	return upstream(line, "Connection: Upgrade", "Sec-Websocket-Key: "+wsKey, "Sec-Websocket-Version: 13",
		"Upgrade: websocket", "X-Api-Key: "+credHeader)
}

func badUpgrade(name, request string, sent []string, answer ...string) row {
	return row{name: name, request: request, sent: sent,
		answer: lines(append([]string{"HTTP/1.1 101 Switching Protocols"}, answer...)...) + "raw bytes",
		status: 503, code: "upstream_unavailable", origin: "upstream", lacks: "raw bytes"}
}

func switched(accept string) string {
	return lines("HTTP/1.1 101 Switching by "+credHeader, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: "+accept, "X-Echo: "+credHeader, "Set-Cookie: a=b")
}

var streamCases = []row{
	{name: "29 interim answer with an echo and Set-Cookie", request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: hints + reply("200 OK", "ok", "X-Last: 1"),
		status: 200, body: "ok", raw: "X-Echo: [redacted]\r\n", lacks: "Set-Cookie",
		headers: []string{"X-Last: 1", "!X-Echo", "!Link"}},
	{name: "29 several interim answers before an error", request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: hints + hints + reply("503 Down", "no"),
		status: 503, code: "upstream_unavailable", origin: "upstream", raw: "HTTP/1.1 103 Early Hints\r\n",
		lacks: "Set-Cookie"},
	{name: "29 trailers", request: get("/proxy/c-key/key/x"), sent: keyCall, status: 200, body: "ok",
		raw: "2\r\nok\r\n0\r\n", lacks: "Set-Cookie: ",
		answer: lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum, X-Echo") +
			"2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Echo: " + credHeader + "\r\n\r\n"},
	{name: "29 trailers arrive, scrubbed", run: trailers},
	{name: "29 HEAD", request: call("HEAD", "/proxy/c-key/key/x"), sent: upstream("HEAD /base/x", "Connection: close",
		"X-Api-Key: "+credHeader), answer: "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
		status: 200, headers: []string{"Content-Length: 1234"}, lacks: "\r\n\r\n."},
	{name: "29 HEAD refused upstream", run: headRefused},
	{name: "29 204 with a body", request: get("/proxy/c-key/key/x"), sent: keyCall,
		answer: reply("204 No Content", "hello", "Connection: close"), status: 204, lacks: "hello"},
	{name: "29 304 with a body", request: get("/proxy/c-key/key/x"), sent: keyCall, answer: reply("304 Not Modified",
		"hello", "Etag: \"e\"", "Connection: close"), status: 304, headers: []string{"Etag: \"e\""}, lacks: "hello"},
	{name: "29 gzip untouched", request: get("/proxy/c-key/key/x", "Accept-Encoding: gzip"),
		sent:   upstream("GET /base/x", "Accept-Encoding: gzip", "X-Api-Key: "+credHeader),
		answer: reply("200 OK", zipped("hello"), "Content-Encoding: gzip"), status: 200, body: zipped("hello"),
		headers: []string{"Content-Encoding: gzip"}},
	{name: "29 gzip unasked", request: get("/proxy/c-key/key/x"), sent: keyCall, answer: reply("200 OK", zipped("hello"),
		"Content-Encoding: gzip"), status: 200, body: zipped("hello"), headers: []string{"Content-Encoding: gzip"}},
	{name: "29 chunked without end, cancelled by the caller", run: endless},
	{name: "29 body that breaks off", run: brokenBody},

	{name: "30 fake upgrade answered 200", request: handshake("/proxy/c-key/key/x"), sent: shaken("GET /base/x"),
		status: 200, body: "ok", headers: []string{"!Upgrade", "!Sec-Websocket-Accept"}},
	{name: "30 bytes after a fake upgrade", run: afterFakeUpgrade},
	{name: "30 real upgrade, both ways", run: realUpgrade},
	badUpgrade("30 101 with a wrong accept", handshake("/proxy/c-key/key/x"), shaken("GET /base/x"), "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
	badUpgrade("30 101 without an accept", handshake("/proxy/c-key/key/x"), shaken("GET /base/x"), "Upgrade: websocket",
		"Connection: Upgrade"),
	badUpgrade("30 101 to another protocol", handshake("/proxy/c-key/key/x"), shaken("GET /base/x"), "Upgrade: h2c",
		"Connection: Upgrade", "Sec-WebSocket-Accept: "+wsAccept),
	badUpgrade("30 101 unasked", get("/proxy/c-key/key/x"), keyCall, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: "+wsAccept),
	badUpgrade("30 101 unasked, with a key", get("/proxy/c-key/key/x", "Sec-WebSocket-Key: "+wsKey),
		upstream("GET /base/x", "Sec-Websocket-Key: "+wsKey, "X-Api-Key: "+credHeader), "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Accept: "+wsAccept),
	keyRow("30 h2c upgrade", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
		"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
	keyRow("30 h2c upgrade, Connection names half of it", "Connection: Upgrade", "Upgrade: h2c",
		"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
	keyRow("30 upgrade to a list", "Connection: Upgrade", "Upgrade: websocket, h2c"),
	keyRow("30 upgrade that Connection does not name", "Upgrade: websocket"),
	{name: "30 HTTP/2 preface", run: prefaced},
}

// trailers reads what net/http's client makes of the trailers.
func trailers(t *testing.T, f *fleet) {
	f.up.Answer(func(string) string {
		return lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum") +
			"2\r\nok\r\n0\r\nX-Sum: 7\r\nX-Echo: " + credHeader + "\r\nSet-Cookie: a=b\r\nVendgate-Code: x\r\n\r\n"
	})
	res, err := f.Client.Do(f.Request("GET", "/proxy/c-key/key/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || string(body) != "ok" || len(f.up.Got()) != 1 {
		t.Fatalf("body %q, error %v", body, err)
	}
	if h := res.Trailer; h.Get("X-Sum") != "7" || h.Get("X-Echo") != "[redacted]" || h.Get("Set-Cookie") != "" ||
		h.Get("Vendgate-Code") != "" {
		t.Errorf("trailers %q", h)
	}
}

// headRefused has no body to hold an envelope: the code is in the header alone.
func headRefused(t *testing.T, f *fleet) {
	f.up.Answer(func(string) string { return "HTTP/1.1 401 No\r\nContent-Length: 1234\r\n\r\n" })
	got := exchange(t, f.Addr, call("HEAD", "/proxy/c-key/key/x"))
	if got.StatusCode != 401 || got.Header.Get("Vendgate-Code") != "needs_reconnection" ||
		!strings.HasSuffix(got.raw, "\r\n\r\n") || len(f.up.Got()) != 1 {
		t.Errorf("answered %q", got.raw)
	}
}

// endless streams chunks until the connection to the upstream ends, which the caller brings about
// by leaving.
func endless(t *testing.T, f *fleet) {
	ended := make(chan struct{})
	f.duplex.each(func(p *peer) {
		defer close(ended)
		if _, err := io.WriteString(p, lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")); err != nil {
			return
		}
		for {
			if _, err := io.WriteString(p, "4\r\ntick\r\n"); err != nil {
				return
			}
		}
	})
	conn := dial(t, f.Addr)
	if _, err := io.WriteString(conn, strings.ReplaceAll(get("/proxy/c-raw/raw/x"), "{gw}", f.Addr)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 64<<10)); err != nil {
		t.Fatalf("reading the stream: %v", err)
	}
	_ = conn.Close()
	await(t, ended, "the upstream's connection to end")
}

// brokenBody must not look like a whole one to the caller.
func brokenBody(t *testing.T, f *fleet) {
	f.duplex.each(func(p *peer) { _, _ = io.WriteString(p, lines("HTTP/1.1 200 OK", "Content-Length: 10")+"half") })
	res, err := f.Client.Do(f.Request("GET", "/proxy/c-raw/raw/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	// Nothing had been sent: half an answer becomes a whole error.
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 503 ||
		!strings.Contains(string(body), `"sent":true`) {
		t.Errorf("%d %s %v", res.StatusCode, body, err)
	}
}

// afterFakeUpgrade sends a second request behind a handshake that is answered 200: it is the
// gateway's to judge.
func afterFakeUpgrade(t *testing.T, f *fleet) {
	f.up.Answer(harness.OK)
	raw := f.Raw(strings.ReplaceAll(handshake("/proxy/c-key/key/x"), "{gw}", f.Addr) +
		lines("GET /proxy/c-key/key/admin HTTP/1.1", "Host: x", "Connection: close"))
	if got := f.up.Got(); len(got) != 1 || strings.Count(raw, "HTTP/1.1 ") != 2 ||
		!strings.Contains(raw, "HTTP/1.1 401 Unauthorized\r\n") {
		t.Errorf("the upstream got %q, the caller %q", got, raw)
	}
}

func realUpgrade(t *testing.T, f *fleet) {
	ended, head := make(chan struct{}), make(chan string, 1)
	f.duplex.each(func(p *peer) {
		defer close(ended)
		head <- p.head
		if _, err := io.WriteString(p, switched(wsAccept)+"first"); err != nil {
			return
		}
		buf := make([]byte, 64)
		for {
			n, err := p.in.Read(buf)
			if _, werr := p.Write([]byte(strings.ToUpper(string(buf[:n])))); err != nil || werr != nil {
				return
			}
		}
	})
	conn := dial(t, f.Addr)
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, strings.ReplaceAll(handshake("/proxy/c-raw/raw/x"), "{gw}", f.Addr)); err != nil {
		t.Fatal(err)
	}
	raw := readUntil(t, conn, "first")
	checkSecrets(t, "the caller", raw)
	if !strings.HasPrefix(raw, "HTTP/1.1 101 Switching Protocols\r\n") ||
		!strings.Contains(raw, "Sec-Websocket-Accept: "+wsAccept) || strings.Contains(raw, "Set-Cookie") {
		t.Errorf("the caller got %q", raw)
	}
	if want := strings.ReplaceAll(shaken("GET /x")[0], "{up}", f.duplex.addr); <-head != want {
		t.Errorf("the upstream got another head than %q", want)
	}
	for _, text := range []string{"ping", "\x81\x05hello\x00"} {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if got := readUntil(t, conn, strings.ToUpper(text)); got != strings.ToUpper(text) {
			t.Errorf("sent %q, got %q", text, got)
		}
	}
	_ = conn.Close()
	await(t, ended, "the upstream's connection to end")
}

// prefaced tries HTTP/2 with prior knowledge on the plain port, where it is not served.
func prefaced(t *testing.T, f *fleet) {
	raw := f.Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if sent := f.up.Got(); len(sent) > 0 || strings.Contains(raw, " 200 ") || strings.Contains(raw, " 101 ") {
		t.Errorf("the upstream got %q, the caller %q", sent, raw)
	}
}

func readUntil(t *testing.T, r io.Reader, mark string) string {
	t.Helper()
	var all strings.Builder
	buf := make([]byte, 1024)
	for !strings.HasSuffix(all.String(), mark) {
		n, err := r.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			t.Fatalf("reading up to %q: %v after %q", mark, err, all.String())
		}
	}
	return all.String()
}
