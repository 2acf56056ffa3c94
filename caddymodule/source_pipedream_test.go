package caddymodule_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

const (
	pdToken  = "pd-canary-access-token"
	pdSecret = "pd-canary-client-secret"
)

// pipedream plays Pipedream's API on a socket; what it gets is kept byte for byte. account answers
// the account call, proxy what goes through the proxy.
func pipedream(t *testing.T, account string, proxy func(request string) string) *harness.Upstream {
	t.Helper()
	return harness.NewUpstream(t, func(request string) string {
		switch line, _, _ := strings.Cut(request, "\r\n"); {
		case strings.HasPrefix(line, "POST /v1/oauth/token "):
			return jsonAnswer("200 OK", `{"access_token":"`+pdToken+`","token_type":"Bearer","expires_in":3600}`)
		case strings.HasPrefix(line, "GET /v1/connect/proj_1/accounts/apn_1?"):
			return jsonAnswer("200 OK", account)
		}
		return proxy(request)
	})
}

func jsonAnswer(status, body string, header ...string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", status,
		strings.Join(header, ""), len(body), body)
}

// oauthBlock is the rest of an app that uses OAuth.
const oauthBlock = `
	auth_type o_auth
	oauth2 {
		authorize_url https://auth.example.com/authorize
		token_url https://auth.example.com/token
	}
`

// pipedreamGateway is a `vendgate` block with tenant acme on a pipedream source at addr, with more
// options of the source and apps.
func pipedreamGateway(t *testing.T, addr, options, apps string) string {
	t.Helper()
	return apps + `
	source pipedream {
		project proj_1
		tenant acme
		client_id the-client
		client_secret ` + harness.Secret(t, "VG_PD_SECRET", pdSecret) + `
		endpoint http://` + addr + `
		allow_http
		allow_private 127.0.0.0/8
		` + options + `
	}
	tenant acme {
		key ` + harness.Secret(t, "VG_TENANT_KEY", harness.KeyA) + `
	}`
}

// sheets is an app that no test ever dials, reached by relay.
const sheets = `app my-sheets {
	upstream https://sheets.example.com/api
	query key {access_token}
	` + oauthBlock + `
}`

// keyless is Alice's account of that app, without credentials.
const keyless = `{"data":{"id":"apn_1","external_id":"Alice@example.com","app":{"name_slug":"my_sheets"},"credentials":null}}`

// TestPipedreamVends: what Pipedream exposes is injected here, for the end user that the opaque id
// names and no other.
func TestPipedreamVends(t *testing.T) {
	provider := harness.NewUpstream(t, harness.OK)
	pd := pipedream(t,
		`{"id":"apn_1","external_id":"User `+
			`1","app":{"name_slug":"direct_v2"},"credentials":{"oauth_access_token":"canary-vended","oauth_refresh_token":"canary-refresh"}}`, harness.OK)
	g := harness.Start(t, pipedreamGateway(t, pd.Addr, "end_user external_id\napp direct direct_v2", `app direct {
		upstream http://`+provider.Addr+`
		allow_http
		allow_private 127.0.0.0/8
		`+oauthBlock+`
	}`))
	for name, tt := range map[string]struct {
		header []string
		status int
		code   string
	}{
		"theirs":           {[]string{"X-External-User-Id: User 1"}, 200, ""},
		"another's":        {[]string{"X-External-User-Id: user 1"}, 404, "connection_deleted"},
		"email alone":      {nil, 400, "invalid_user_email"},
		"id beyond ASCII":  {[]string{"X-External-User-Id: User\u00a01"}, 400, "invalid_user_email"},
		"id that is empty": {[]string{"X-External-User-Id:"}, 400, "invalid_user_email"},
	} {
		status, body := g.Do(g.Request("GET", "/proxy/apn_1/direct/v4/x?a=b", nil, tt.header...))
		got := provider.Got()
		if status != tt.status || !strings.Contains(body, tt.code) || (len(got) == 1) != (status == 200) {
			t.Errorf("%s: %d %s, %d requests at the provider", name, status, body, len(got))
		}
		if strings.Contains(body, "x-user-email") {
			t.Errorf("%s: the message names the wrong header: %s", name, body)
		}
		if len(got) == 1 && got[0] != "GET /v4/x?a=b HTTP/1.1\r\nHost: "+provider.Addr+
			"\r\nUser-Agent: Go-http-client/1.1\r\nAuthorization: Bearer canary-vended\r\n\r\n" {
			t.Errorf("%s: the provider got %q", name, got[0])
		}
	}
	if log := g.Log(); strings.Contains(log, "canary") {
		t.Error("a secret is in the log")
	}
}

// relayedRequest returns the only request that went through the proxy, with the target in its path
// decoded.
func relayedRequest(t *testing.T, got []string) (request, target string) {
	t.Helper()
	const begin = "/v1/connect/proj_1/proxy/"
	for _, r := range got {
		if _, rest, ok := strings.Cut(r, begin); ok {
			if request != "" {
				t.Fatalf("two requests went through the proxy: %q", got)
			}
			encoded, _, _ := strings.Cut(rest, "?")
			decoded, err := base64.RawURLEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			request, target = strings.Replace(r, encoded, "TARGET", 1), string(decoded)
		}
	}
	return request, target
}

// TestPipedreamRelays holds the bytes that reach Pipedream against those that the caller sent.
func TestPipedreamRelays(t *testing.T) {
	pd := pipedream(t, keyless, func(string) string {
		return "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nSet-Cookie: theirs=1\r\nX-Echo: " + pdToken + "\r\n" +
			"Link: <https://sheets.example.com/api/next?page=2>; rel=\"next\"\r\nLocation: /api/made/1\r\nContent-Length: " +
			"2\r\n\r\nok"
	})
	g := harness.Start(t, pipedreamGateway(t, pd.Addr, "", sheets))
	answer := g.Raw("POST /proxy/apn_1/my-sheets//v4/a%2fb?z=%zz&KEY=theirs&a=1;b HTTP/1.1\r\nHost: " +
		"gw.example\r\nAuthorization: Bearer " + harness.KeyA +
		"\r\nx-user-email: alice@EXAMPLE.com\r\nx-external-user-id: mallory\r\nCookie: c=1\r\nX-Forwarded-For: " +
		"1.2.3.4\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nUser-Agent: sdk/1\r\n" +
		"Accept-Encoding: gzip\r\nAccept: text/csv\r\nSec-Fetch-Site: none\r\nDNT: 1\r\nOrigin: " +
		"https://x.example\r\nVendgate-Errors: passthrough\r\nX-Custom: a\r\nX-Custom: b\r\n" +
		"Content-Type: text/plain; charset=x\r\nContent-Length: 4\r\n\r\nbody")
	request, target := relayedRequest(t, pd.Got())
	if target != "https://sheets.example.com/api//v4/a%2fb?z=%zz&a=1;b" {
		t.Errorf("target %s", target)
	}
	want := "POST /v1/connect/proj_1/proxy/TARGET?external_user_id=Alice%40example.com&account_id=apn_1 HTTP/1.1\r\nHost: " + pd.Addr + "\r\nUser-Agent: vendgate\r\nContent-Length: 4\r\n" +
		"Authorization: Bearer " + pdToken +
		"\r\nContent-Type: text/plain; charset=x\r\nX-Pd-Environment: production\r\nX-Pd-Proxy-Accept: text/csv\r\n" +
		"X-Pd-Proxy-Content-Type: text/plain; charset=x\r\nX-Pd-Proxy-X-Custom: a\r\nX-Pd-Proxy-X-Custom: b\r\n\r\nbody"
	if request != want {
		t.Errorf("Pipedream got\n%q, want\n%q", request, want)
	}
	for _, line := range []string{
		"HTTP/1.1 201 Created\r\n", "X-Echo: [redacted]\r\n",
		"Link: <http://gw.example/proxy/apn_1/my-sheets/next?page=2>; rel=\"next\"\r\n",
		"Location: /proxy/apn_1/my-sheets/made/1\r\n", "\r\n\r\nok",
	} {
		if !strings.Contains(answer, line) {
			t.Errorf("the answer lacks %q:\n%s", line, answer)
		}
	}
	if strings.Contains(answer, "theirs=1") || strings.Contains(answer+g.Log(), "pd-canary") {
		t.Errorf("a cookie or a secret came through:\n%s", answer)
	}
}

// TestPipedreamRelayStreams: events come as they are sent.
func TestPipedreamRelayStreams(t *testing.T) {
	more := make(chan string, 1)
	pd := pipedream(t, keyless, func(string) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
	})
	g := harness.Start(t, pipedreamGateway(t, pd.Addr, "", sheets))
	res, err := g.Client.Do(g.Request("GET", "/proxy/apn_1/my-sheets/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	go func() {
		line, _ := bufio.NewReader(res.Body).ReadString('\n')
		more <- line
	}()
	select {
	case line := <-more:
		if line != "data: 1\n" {
			t.Errorf("got %q", line)
		}
	case <-time.After(30 * time.Second):
		t.Error("the first event waits for the end")
	}
}

// TestPipedreamRelayMaps: what comes back through the proxy becomes the codes that any provider's
// answer does.
func TestPipedreamRelayMaps(t *testing.T) {
	for name, tt := range map[string]struct {
		answer     string
		status     int
		code       string
		retryAfter string
		accounts   int // account calls
	}{
		"throttled": {jsonAnswer("429 Too Many Requests", `{"error":"Throttled"}`, "Retry-After: 7\r\n"), 429,
			"rate_limited", "7", 1},
		"timed out":     {jsonAnswer("504 Gateway Timeout", `{"error":"`+pdToken+`"}`), 503, "upstream_unavailable", "", 1},
		"unauthorized":  {jsonAnswer("401 Unauthorized", `{"error":"bad `+pdToken+`"}`), 401, "needs_reconnection", "", 2},
		"not found":     {jsonAnswer("404 Not Found", `{"theirs":1}`), 404, `{"theirs":1}`, "", 1},
		"no answer":     {"", 503, "upstream_unavailable", "", 1},
		"broken answer": {"HTTP/1.1 abc " + pdToken + "\r\n\r\n", 503, "upstream_unavailable", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			pd := pipedream(t, keyless, func(string) string { return tt.answer })
			g := harness.Start(t, pipedreamGateway(t, pd.Addr, "", sheets))
			res, err := g.Client.Do(g.Request("POST", "/proxy/apn_1/my-sheets/x", []byte("body")))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != tt.status || !strings.Contains(string(body), tt.code) ||
				res.Header.Get("Retry-After") != tt.retryAfter {
				t.Errorf("%d %s, Retry-After %q", res.StatusCode, body, res.Header.Get("Retry-After"))
			}
			got := pd.Got()
			if relayedRequest(t, got); strings.Count(strings.Join(got, ""), "GET /v1/connect/proj_1/accounts/") != tt.accounts {
				t.Errorf("calls: %q", got)
			}
			if strings.Contains(string(body)+g.Log(), "pd-canary") {
				t.Errorf("a secret came through: %s", body)
			}
		})
	}
}

// TestPipedreamRelayRefuses: what cannot go through the proxy goes nowhere.
func TestPipedreamRelayRefuses(t *testing.T) {
	pd := pipedream(t, keyless, harness.OK)
	bots := pipedream(t, strings.Replace(keyless, "my_sheets", "bot", 1), harness.OK)
	bot := `app bot {
		upstream https://bot.example.com
		path_prefix /bot{access_token}
		` + oauthBlock + `
	}`
	for name, tt := range map[string]struct {
		at      *harness.Upstream
		request func(*harness.Gateway) *http.Request
		status  int
		code    string
	}{
		"HEAD": {pd, func(g *harness.Gateway) *http.Request {
			return g.Request("HEAD", "/proxy/apn_1/my-sheets/x", nil)
		}, 400, "invalid_request"},
		"OPTIONS": {pd, func(g *harness.Gateway) *http.Request {
			return g.Request("OPTIONS", "/proxy/apn_1/my-sheets/x", nil)
		}, 400, "invalid_request"},
		"WebSocket": {pd, func(g *harness.Gateway) *http.Request {
			return g.Request("GET", "/proxy/apn_1/my-sheets/x", nil, "Connection: Upgrade", "Upgrade: websocket",
				"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
		}, 400, "invalid_request"},
		"secret in the path": {bots, func(g *harness.Gateway) *http.Request {
			return g.Request("GET", "/proxy/apn_1/bot/x", nil)
		}, 500, "internal_error"},
	} {
		t.Run(name, func(t *testing.T) {
			g := harness.Start(t, pipedreamGateway(t, tt.at.Addr, "", sheets+"\n"+bot))
			res, err := g.Client.Do(tt.request(g))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != tt.status || res.Header.Get("Vendgate-Code") != tt.code ||
				res.Header.Get("Vendgate-Origin") != "gateway" {
				t.Errorf("%d %v", res.StatusCode, res.Header)
			}
			for _, r := range tt.at.Got() {
				if strings.Contains(r, "/proxy/") {
					t.Errorf("it went out: %q", r)
				}
			}
			if logged := strings.Contains(g.Log(),
				"app bot cannot be relayed: its path holds a part of the credential"); logged != (tt.status == 500) {
				t.Errorf("the operator is told: %t", logged)
			}
		})
	}
}

// TestPipedreamReload: a reload while a fetch of the access token hangs ends that fetch, and the
// next configuration works.
func TestPipedreamReload(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		leave() // the caller, now that the fetch is under way
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn) // until the fetch lets go of it
	}()
	pd := pipedream(t, keyless, harness.OK)
	g := harness.Start(t, pipedreamGateway(t, l.Addr().String(), "timeout 60s", sheets))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if res, err := client.Do(g.Request("GET", "/proxy/apn_1/my-sheets/x", nil).WithContext(ctx)); err == nil {
		_ = res.Body.Close()
		t.Error("the caller had an answer")
	}
	g.Load(g.Caddyfile(pipedreamGateway(t, pd.Addr, "", sheets), "", "vendgate_proxy"))
	select {
	case <-ended:
	case <-time.After(30 * time.Second): // half of what the fetch may take
		t.Error("the fetch goes on without its configuration")
	}
	if status, body := g.Do(g.Request("GET", "/proxy/apn_1/my-sheets/x", nil)); status != 200 || body != "ok" {
		t.Errorf("%d %s", status, body)
	}
}
