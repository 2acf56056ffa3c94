package pipedream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestRelayed: a call for an account that exposes nothing goes through the proxy, byte for byte,
// and the caller sees no difference.
func TestRelayed(t *testing.T) {
	s := newStage(t, options())
	got := s.call("POST", "/proxy/"+sealed+"/chat/a%2Fb;c/%C3%A9?q=%7e&q=a+b&external_user_id=bob", "{\"a\": 1}\n",
		"Content-Type: application/json; charset=utf-8", "X-Own: one, two", "Accept: text/x", "If-None-Match: \"a\"",
		"X-Pd-Environment: production", "X-Pd-Proxy-Host: evil.example")
	sent := s.up.Got()
	if got.status != 200 || got.body != "ok" || got.header.Get("Content-Type") != "text/plain" || len(sent) != 1 {
		t.Fatalf("%s; the provider got %d requests", got, len(sent))
	}
	head, body, _ := strings.Cut(sent[0], "\r\n\r\n")
	if !strings.HasPrefix(head, "POST /base/a%2Fb;c/%C3%A9?q=%7e&q=a+b&external_user_id=bob HTTP/1.1\r\nHost: "+s.up.Addr+
		"\r\n") || body != "{\"a\": 1}\n" {
		t.Errorf("the provider got %q", sent[0])
	}
	for _, line := range []string{"Authorization: Bearer " + hidden, "Content-Type: application/json; charset=utf-8",
		"X-Own: one, two", "Accept: text/x", "If-None-Match: \"a\"", "Content-Length: 9"} {
		if !strings.Contains(head+"\r\n", "\r\n"+line+"\r\n") {
			t.Errorf("the provider got no %q: %q", line, head)
		}
	}
	for _, other := range []string{harness.KeyA, harness.Alice, "pd_at_", "\r\nHost: evil.example", clientSecret} {
		if strings.Contains(sent[0], other) {
			t.Errorf("the provider got %q", other)
		}
	}
	targets, requests := s.through(0)
	if len(targets) != 1 || targets[0] != s.origin+"/base/a%2Fb;c/%C3%A9?q=%7e&q=a+b&external_user_id=bob" ||
		requests[0].URL.Query().Encode() != query(sealed, harness.Alice) {
		t.Errorf("through the proxy: %q", targets)
	}
	for name := range requests[0].Header {
		if lower := strings.ToLower(name); strings.Contains(lower, "user-email") || strings.Contains(lower, "vendgate") ||
			lower == "x-pd-proxy-authorization" {
			t.Errorf("the proxy got the header %s", name)
		}
	}
	if requests[0].Header.Get("X-Pd-Environment") != "development" ||
		strings.Contains(s.pd.Got(pipedream.Proxy)[0], harness.KeyA) {
		t.Error("the proxy got what the caller has")
	}
}

// TestRelayedURLs: whatever letters the encoding of a URL takes, and however long it is.
func TestRelayedURLs(t *testing.T) {
	s := newStage(t, options())
	for i := range 3 {
		path := "/" + strings.Repeat("a", i) + "~~~???>>>"
		s.fine(path, s.do(rawRequest(s, "/proxy/"+sealed+"/chat"+path)))
		if targets, _ := s.through(i); len(targets) != 1 || targets[0] != s.origin+"/base"+path {
			t.Errorf("%s: through the proxy %q", path, targets)
		}
	}
}

// rawRequest is one whose target is sent as it stands.
func rawRequest(s *stage, target string) *http.Request {
	r := s.Request("GET", "/", nil)
	r.URL.Opaque = target
	return r
}

// TestNothingExposed: credentials that are null or empty are as good as none.
func TestNothingExposed(t *testing.T) {
	s := newStage(t, options())
	for name, bare := range map[string]*pipedream.Account{
		"null":       s.sealedAccount().Set("credentials", nil),
		"empty":      s.sealedAccount().Set("credentials", map[string]any{}),
		"null token": s.sealedAccount().Set("credentials", map[string]any{"oauth_access_token": nil}),
	} {
		s.pd.Put(bare)
		for _, enveloped := range []bool{false, true} {
			s.pd.Change(func(o *pipedream.Options) { o.Enveloped = enveloped })
			before := len(s.pd.Got(pipedream.Proxy))
			s.fine(name, s.get(sealed, "chat"))
			if n := len(s.pd.Got(pipedream.Proxy)) - before; n != 1 {
				t.Errorf("%s: %d calls of the proxy", name, n)
			}
		}
	}
}

// TestRelayedHeaders: what the proxy does not take is left out, and all else it takes.
func TestRelayedHeaders(t *testing.T) {
	s := newStage(t, options())
	s.fine("with what the proxy refuses", s.call("PUT", "/proxy/"+sealed+"/chat/x", "body",
		"Accept-Encoding: br", "Access-Control-Request-Method: GET", "Access-Control-Request-Other: a", "Cookie: a=b",
		"Date: Mon, 01 Jan 2024 00:00:00 GMT", "DNT: 1",
		"Keep-Alive: 5", "Origin: https://a.example", "Permissions-Policy: a", "Referer: https://a.example/", "TE: trailers",
		"Via: 1.1 a", "User-Agent: mine/1",
		"Proxy-Authorization: Basic eDp5", "Sec-Fetch-Mode: cors", "Accept_encoding: br", "Proxy_x: a", "Sec_x: b",
		"Expect: 100-continue"))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		s.fine(method, s.call(method, "/proxy/"+sealed+"/chat/x", ""))
	}
	before := len(s.pd.Got(pipedream.Proxy))
	for _, method := range []string{"OPTIONS", "PROPFIND"} {
		s.refused(method, s.call(method, "/proxy/"+sealed+"/chat/x", ""), 400, "invalid_request")
	}
	if got := s.call("HEAD", "/proxy/"+sealed+"/chat/x", ""); got.status != 400 || got.code != "invalid_request" {
		t.Errorf("HEAD: %s", got)
	}
	s.refused("an upgrade", s.call("GET", "/proxy/"+sealed+"/chat/x", "", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"), 400, "invalid_request")
	if n := len(s.pd.Got(pipedream.Proxy)) - before; n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
}

// TestRelayedAnswers: answers are handled as if they had come from the provider.
func TestRelayedAnswers(t *testing.T) {
	s := newStage(t, options())
	answer := func(status, body string, more ...string) func(string) string {
		return func(string) string {
			return strings.Join(append([]string{"HTTP/1.1 " + status, fmt.Sprintf("Content-Length: %d", len(body))}, more...),
				"\r\n") + "\r\n\r\n" + body
		}
	}
	for name, c := range map[string]struct {
		answer       func(string) string
		status       int
		code, header string
	}{
		"created":   {answer("201 Created", "ok", "X-Theirs: a"), 201, "", "X-Theirs: a"},
		"not found": {answer("404 Not Found", "ok", "Content-Type: text/x"), 404, "", "Content-Type: text/x"},
		"gzip":      {answer("200 OK", "\x1f\x8b\x00", "Content-Encoding: gzip"), 200, "", "Content-Encoding: gzip"},
		"cookies":   {answer("200 OK", "ok", "Set-Cookie: a=b"), 200, "", "Set-Cookie: "},
		"moved": {answer("302 Found", "ok", "Location: "+s.origin+"/base/next?a=b"), 302, "",
			"Location: " + "{gw}/proxy/" + sealed + "/chat/next?a=b"},
		"link": {answer("200 OK", "ok", `Link: <`+s.origin+`/base/x?page=2>; rel="next"`), 200, "",
			`Link: <{gw}/proxy/` + sealed + `/chat/x?page=2>; rel="next"`},
		"unauthorized": {answer("401 Unauthorized", `{"error":"x"}`), 401, "needs_reconnection", ""},
		"limited":      {answer("429 Too Many Requests", "x", "Retry-After: 9"), 429, "rate_limited", "Retry-After: 9"},
		"unavailable":  {answer("503 Unavailable", "x"), 503, "upstream_unavailable", ""},
		"500":          {answer("500 Bad", "x"), 500, "", ""},
	} {
		s.up.Answer(c.answer)
		got := s.get(sealed, "chat")
		if got.status != c.status || got.code != c.code {
			t.Errorf("%s: %s", name, got)
		}
		header, value, _ := strings.Cut(c.header, ": ")
		if v := got.header.Get(header); header != "" && v != strings.ReplaceAll(value, "{gw}", s.URL) {
			t.Errorf("%s: %s is %q", name, header, v)
		}
		if n := len(s.up.Got()); n != 1 && name != "unauthorized" || n > 2 {
			t.Errorf("%s: the provider got %d requests", name, n)
		}
	}
}

// TestRelayedFaults: the proxy itself fails.
func TestRelayedFaults(t *testing.T) {
	s := newStage(t, options(), "timeout 5s")
	for name, c := range map[string]struct {
		pipedream.Fault
		status int
		code   string
	}{
		"504":       {pipedream.Answer(504, "application/json", `{"error":"timeout"}`), 503, "upstream_unavailable"},
		"502":       {pipedream.Answer(502, "text/html", "<h1>x</h1>"), 503, "upstream_unavailable"},
		"503":       {pipedream.Answer(503, "text/html", "<h1>x</h1>"), 503, "upstream_unavailable"},
		"throttled": {pipedream.Throttle(7 * time.Second), 429, "rate_limited"},
		"hung up":   {pipedream.Hangup, 503, "upstream_unavailable"},
	} {
		before := len(s.pd.Got(pipedream.Proxy))
		s.pd.Fail(pipedream.Proxy, -1, c.Fault)
		got := s.call("POST", "/proxy/"+sealed+"/chat/x", "body")
		s.refused(name, got, c.status, c.code)
		if after := got.header.Get("Retry-After"); (name == "throttled") != (after == "7") {
			t.Errorf("%s: Retry-After is %q", name, after)
		}
		if n := len(s.pd.Got(pipedream.Proxy)) - before; n != 1 {
			t.Errorf("%s: %d calls of the proxy", name, n)
		}
	}
	s.pd.Fail(pipedream.Proxy, 0, nil)
	s.fine("afterwards", s.get(sealed, "chat"))
	s.pd.Change(func(o *pipedream.Options) { o.ProxyTimeout = 200 * time.Millisecond })
	s.up.Answer(func(string) string { time.Sleep(time.Second); return harness.OK("") })
	if got := s.get(sealed, "chat"); got.status != 503 || got.code != "upstream_unavailable" {
		t.Errorf("too long for the proxy: %s", got)
	}
}

// TestRelayedAfterRevocation: the token ended between the account and the proxy, whose 401 is not
// the provider's.
func TestRelayedAfterRevocation(t *testing.T) {
	s := newStage(t, options())
	s.pd.Fail(pipedream.AccountOf, 1, func(http.ResponseWriter, func(time.Duration) bool) bool {
		s.pd.Revoke()
		return false
	})
	s.fine("a call with a body", s.call("POST", "/proxy/"+sealed+"/chat/x", "body"))
	if n := s.fetched(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestRelayedTokenRefused: a 401 of Pipedream's own is not the provider's, however often it comes.
func TestRelayedTokenRefused(t *testing.T) {
	s := newStage(t, options())
	s.pd.Fail(pipedream.Proxy, -1, func(w http.ResponseWriter, wait func(time.Duration) bool) bool {
		s.pd.Revoke()
		return pipedream.Answer(401, "application/json", `{"error":"x"}`)(w, wait)
	})
	got := s.call("POST", "/proxy/"+sealed+"/chat/x", "body")
	if s.refused("refused", got, 500, "internal_error"); got.origin != "vending" {
		t.Errorf("origin %q", got.origin)
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n != 2 {
		t.Errorf("%d calls of the proxy", n)
	}
	s.pd.Fail(pipedream.Proxy, 0, nil)
	s.fine("afterwards", s.get(sealed, "chat"))
}
