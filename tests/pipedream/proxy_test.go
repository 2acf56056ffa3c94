package pipedream_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// spelled is a URL at origin in an encoding, such that the text has a mark in it.
func spelled(in *base64.Encoding, origin, mark string) string {
	for url := origin + "/"; ; url += "a" {
		if text := in.EncodeToString([]byte(url + "~~")); strings.Contains(text, mark) {
			return text
		}
	}
}

// TestProxyCalls: one form of call.
func TestProxyCalls(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	origin := "http://" + up.Addr
	c := newRaw(t, options(), origin)
	path := proxyPath(origin + "/")
	with := func(url64, query string) string {
		return c.request("GET /v1/connect/proj_1/proxy/"+url64+query, "")
	}
	plain := base64.RawURLEncoding.EncodeToString
	for name, request := range map[string]string{
		"no environment":     strings.Replace(c.request("GET "+path, ""), "x-pd-environment: development\r\n", "", 1),
		"no user":            strings.Replace(c.request("GET "+path, ""), "external_user_id=alice%40example.com&", "", 1),
		"no account":         strings.Replace(c.request("GET "+path, ""), "&account_id="+account, "", 1),
		"an empty user":      strings.Replace(c.request("GET "+path, ""), "alice%40example.com", "", 1),
		"a parameter more":   c.request("GET "+path+"&a=b", ""),
		"a parameter twice":  c.request("GET "+path+"&account_id="+account, ""),
		"another's account":  strings.Replace(c.request("GET "+path, ""), "alice", "bob", 1),
		"a header more":      c.request("GET "+path, "", "X-User-Email: "+user),
		"a cookie":           c.request("GET "+path, "", "Cookie: a=b"),
		"padding":            with(spelled(base64.URLEncoding, origin, "="), proxyQuery),
		"another alphabet":   with(spelled(base64.RawStdEncoding, origin, "+"), proxyQuery),
		"not base64":         with("a", proxyQuery),
		"loose bits":         with(strings.TrimSuffix(spelled(base64.RawURLEncoding, origin, "fn4"), "4")+"5", proxyQuery),
		"escaped":            strings.Replace(c.request("GET "+path, ""), "/proxy/a", "/proxy/%61", 1),
		"empty":              with("", proxyQuery),
		"no path":            with(plain([]byte("x")), proxyQuery),
		"two slashes":        with(plain([]byte("//x/")), proxyQuery),
		"a path's fragment":  with(plain([]byte("/x#a")), proxyQuery),
		"no scheme":          with(plain([]byte("//"+up.Addr+"/")), proxyQuery),
		"another scheme":     with(plain([]byte("ftp://"+up.Addr+"/")), proxyQuery),
		"a user in the URL":  with(plain([]byte("http://a:b@"+up.Addr+"/")), proxyQuery),
		"a fragment":         with(plain([]byte(origin+"/#a")), proxyQuery),
		"another API":        with(plain([]byte("http://127.0.0.1:9/")), proxyQuery),
		"a name that is not": c.request("GET "+path, "", "x-pd-proxy-: a"),
		"trailers": c.request("POST "+path, "", "Transfer-Encoding: chunked", "Trailer: X-A") +
			"0\r\nX-A: b\r\n\r\n",
	} {
		c.refused(name, c.send(request), 400, true)
	}
	for _, name := range []string{
		"Accept-Encoding", "ACCEPT_ENCODING", "Access-Control-Request-Method", "access-control-request-x", "Connection",
		"Content-Length", "content_length",
		"Cookie", "Date", "DNT", "Expect", "Host", "Keep-Alive", "Origin", "Permissions-Policy", "Referer", "TE", "te",
		"Trailer", "Transfer-Encoding",
		"Upgrade", "Via", "User-Agent", "user_agent", "Proxy-Authorization", "proxy-x", "Sec-Fetch-Mode", "sec_x",
	} {
		c.refused(name, c.send(c.request("GET "+path, "", "X-Pd-Proxy-"+name+": a")), 400, true)
	}
	for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PROPFIND"} {
		if got := c.send(c.request(method+" "+path, "")); got.StatusCode != 405 || len(c.Violations()) != 1 {
			t.Errorf("%s: %d", method, got.StatusCode)
		}
	}
	c.refused("another account", c.send(strings.Replace(c.request("GET "+path, ""), "="+account, "=apn_0", 1)), 404, false)
	if got := up.Got(); len(got) > 0 {
		t.Errorf("the API behind got %q", got)
	}
}

// TestProxied: bytes there and back.
func TestProxied(t *testing.T) {
	const back = "HTTP/1.1 418 Teapot\r\nX-Two: a\r\nX-Two: b\r\nContent-Encoding: gzip\r\nContent-Length: " +
		"3\r\nConnection: X-Hop\r\n\r\n\x1f\x8b\x00"
	up := harness.NewUpstream(t, func(string) string { return back })
	origin := "http://" + up.Addr
	c := newRaw(t, options(), origin)
	request := c.request("POST "+proxyPath(origin+"/a%2Fb;c?q=%7e&q=a+b"), "{\"a\": 1}\n",
		"x-pd-proxy-content-type: text/x", "X-PD-Proxy-Authorization: mine", "x-pd-proxy-x-a: 1", "x-pd-proxy-x-a: 2")
	got := c.send(request)
	if got.StatusCode != 418 || got.body != "\x1f\x8b\x00" || len(got.Header["X-Two"]) != 2 ||
		got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Content-Type") != "" ||
		got.Header.Get("Date") != "" || got.ContentLength != 3 {
		t.Errorf("answered %d %q %q", got.StatusCode, got.Header, got.body)
	}
	want := "POST /a%2Fb;c?q=%7e&q=a+b HTTP/1.1\r\nHost: " + up.Addr +
		"\r\nUser-Agent: pipedream/1\r\nContent-Length: 9\r\nAuthorization: Bearer xoxb-canary-5502\r\nContent-Type: " +
		"text/x\r\nX-A: 1\r\nX-A: 2\r\n\r\n{\"a\": 1}\n"
	if sent := up.Got(); len(sent) != 1 || sent[0] != want {
		t.Errorf("the API behind got %q, want %q", sent, want)
	}
	if kept := c.Got(pipedream.Proxy); len(kept) != 1 || kept[0] != request {
		t.Errorf("kept %q", kept)
	}
	up.Answer(func(string) string { return "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" })
	if got := c.proxy("DELETE", origin+"/"); got.StatusCode != 302 || got.Header.Get("Location") != "/elsewhere" {
		t.Errorf("a redirect: %d", got.StatusCode)
	}
	up.Answer(func(string) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx\r\n"
	})
	if got := c.proxy("GET", origin+"/"); got.StatusCode != 200 || got.body != "half" ||
		!errors.Is(got.err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %d %q %v", got.StatusCode, got.body, got.err)
	}
	up.Close()
	c.refused("nobody there", c.proxy("GET", origin+"/"), 502, false)
}

// TestProxyOverTLS: the API behind is found and trusted as configured.
func TestProxyOverTLS(t *testing.T) {
	up := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	}))
	t.Cleanup(up.Close)
	o := options()
	o.RootCAs = x509.NewCertPool()
	o.RootCAs.AddCert(up.Certificate())
	o.Dial = dialOnly(up.Listener.Addr().String())
	c := newRaw(t, o, "https://example.com")
	if got := c.proxy("GET", "https://example.com/"); got.StatusCode != 200 || got.body != "example.com" {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
	o.TLS = &tls.Config{Certificates: up.TLS.Certificates, MinVersion: tls.VersionTLS12}
	s := pipedream.Start(t, o)
	conn, err := tls.Dial("tcp", s.Addr,
		&tls.Config{RootCAs: o.RootCAs, ServerName: "example.com", MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, tokenRequest(goodClient)); err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != 200 ||
		s.URL != "https://"+s.Addr {
		t.Errorf("over TLS: %v", err)
	}
	if got := s.Got(pipedream.Token); len(got) != 1 || got[0] != tokenRequest(goodClient) {
		t.Errorf("over TLS the bytes are %q", got)
	}
}

// TestProxyStreams: each part arrives before the next is sent, and after its time a call ends.
func TestProxyStreams(t *testing.T) {
	next := make(chan string)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-r.Context().Done()
			return
		}
		flush := http.NewResponseController(w)
		_ = flush.Flush()
		for part := range next {
			_, _ = io.WriteString(w, part)
			_ = flush.Flush()
		}
	}))
	t.Cleanup(up.Close)
	o := options()
	o.ProxyTimeout = time.Second
	c := newRaw(t, o, up.URL)
	conn, err := net.Dial("tcp", c.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, c.request("GET "+proxyPath(up.URL+"/"), ""))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(res.Body)
	for _, part := range []string{"data: 1\n", "data: 2\n"} {
		next <- part
		if got, err := in.ReadString('\n'); got != part || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := in.ReadString('\n'); err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("after its time the answer ended with %v", err)
	}
	close(next)
	c.refused("silent", c.proxy("GET", up.URL+"/silent"), 504, false)
}

// TestProxyTargets: full URLs and relative ones, by what the app's target URL is.
func TestProxyTargets(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	origin := "http://" + up.Addr
	c := newRaw(t, options(), origin)
	for _, tt := range []struct {
		account      *pipedream.Account
		target, path string
		body         string
	}{
		{pipedream.OAuth(account, user, "slack", "xoxb-canary-5505").Behind(origin), "/a?b=//c", "/a?b=//c", ""},
		{pipedream.OAuth(account, user, "slack", "xoxb-canary-5505").Behind(origin), origin + "/a", "/a", ""},
		{pipedream.OAuth(account, user, "gitlab",
			"xoxb-canary-5505").Behind(origin).Dynamic("https://{{custom_fields.base_api_url}}", "gitlab.com"), "/a", "/a", ""},
		{pipedream.OAuth(account, user, "zendesk", "xoxb-canary-5505").Behind(origin).Dynamic(
			"https://{{custom_fields.subdomain}}.zendesk.com/api/v2"), "/a", "/api/v2/a", ""},
		{pipedream.OAuth(account, user, "salesforce",
			"xoxb-canary-5505").Behind(origin).Dynamic("{{custom_fields.instance_url}}"), "/a", "/a", ""},
		{pipedream.OAuth(account, user, "gitlab",
			"xoxb-canary-5505").Behind(origin).Dynamic("https://{{custom_fields.base_api_url}}", "gitlab.com"), origin + "/a",
			"", `{"error":{"domain":["not allowed for this app"]}}`},
		{pipedream.OAuth(account, user, "brave", "xoxb-canary-5505").Behind(origin).Unproxied(), "/a", "",
			`{"error":"App record not found"}`},
	} {
		c.Put(tt.account)
		got := c.proxy("GET", tt.target)
		if tt.body != "" {
			if c.refused(tt.target, got, 400, true); got.body != tt.body+"\n" {
				t.Errorf("%s: %s", tt.target, got.body)
			}
			continue
		}
		if sent := up.Got(); got.StatusCode != 200 || len(sent) != 1 || !strings.HasPrefix(sent[0], "GET "+tt.path+" ") {
			t.Errorf("%s: %d, the API behind got %q", tt.target, got.StatusCode, sent)
		}
	}
}
