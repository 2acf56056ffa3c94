package hostile

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// What a log must not hold: a request token, and the code and state that a provider sends a browser
// back with.
const (
	linkToken = "1kV9aZ0QxT7bN3mLpR5sUw2yEoHcGdJfX"
	authCode  = "SplxlOBeZQQYbYS6WxSbIA"
	authState = "af0ifjsldkj-XyZ_0123456789abcdefghijklmnopq"
)

// newTokenStage logs all there is, around the gateway and a connection manager and a handler that
// fails for the rest.
func newTokenStage(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{up: harness.NewUpstream(t, harness.OK), duplex: newDuplex(t)}
	options := fmt.Sprintf("data_dir %s\n", filepath.Join(t.TempDir(), "store")) + f.config(t) + "source local\n"
	f.Gateway = harness.Start(t, options, `log
	log_append by_caddy yes
	route {
		vendgate_proxy
		vendgate_connect
		error /conect/* "no such page" 404
		error /broken/* "defect" 500
		respond /elsewhere/* "not ours" 404
		respond "other"
	}
	handle_errors {
		respond "{http.error.status_code}"
	}`)
	return f
}

// TestTokensInLogs sends a token in every place of a request that Caddy logs, and has answers quote
// it: it is in no log.
func TestTokensInLogs(t *testing.T) {
	f := newTokenStage(t)
	const callback = "/connect/callback?code=" + authCode + "&state=" + authState
	link := "https://gw.example/connect/" + linkToken
	once, twice := url.QueryEscape(link), url.QueryEscape(url.QueryEscape(link))
	plain := func(target string, more ...string) string {
		return lines(append([]string{"GET " + target + " HTTP/1.1", "Host: {gw}"}, more...)...)
	}
	var requests []string
	for _, target := range []string{
		"/connect/" + linkToken, callback, "/conect/" + linkToken, "/x/connect/" + linkToken, "//connect/" + linkToken,
		"/Connect%2F" + linkToken, "/" + linkToken,
		"/connect/" + linkToken + ".", "/conect/" + linkToken + "%3E", "/conect/" + linkToken + "/credentials",
		"/broken/" + linkToken, "/elsewhere/" + linkToken,
		"/elsewhere/x?next=" + once, "/elsewhere/x?next=" + twice, "/elsewhere/" + once, "/conect/%31" + linkToken[1:],
		"/elsewhere/x?next=" + url.QueryEscape(callback),
		"/conect/callback?code=" + authCode + "&state=" + authState,
		"/broken/callback?state=" + authState + "&code=" + authCode, "/elsewhere/x?error=denied&state=" + authState,
		"/platform/v1/mcp/" + linkToken, "/platform/v1//mcp/" + linkToken, "/plattform/v1/mcp/" + linkToken,
		"/elsewhere/x?" + linkToken + "=1", "/elsewhere/;" + linkToken,
	} {
		requests = append(requests, plain(target))
	}
	for _, name := range []string{
		"X-Original-URL", "X-Forwarded-Uri", "X-Original-Uri", "X-Rewrite-Url", "X-Accel-Redirect", "Referer",
		"X-Envoy-Original-Path", "X-Forwarded-Path", "Forwarded", "X-Anything",
	} {
		for _, value := range []string{"/connect/" + linkToken, link, once, twice, callback, linkToken, "see <" + link + ">.",
			"/platform/v1/mcp/" + linkToken} {
			requests = append(requests, plain("/elsewhere/x", name+": "+value), get("/proxy/c-key/key/x", name+": "+value),
				plain("/broken/x", name+": "+value))
		}
	}
	for _, target := range []string{"x?text=" + once, "x?text=" + twice, "x?u=" + url.QueryEscape("https://gw"+callback),
		"connect/" + linkToken, "x?text=" + linkToken, once} {
		requests = append(requests, get("/proxy/c-key/key/"+target))
	}
	requests = append(requests, get("/proxy/"+linkToken+"/key/x"), get("/proxy/c-key/"+linkToken+"/x"),
		get("/proxy/connect/"+linkToken), plain("/proxy/c-key/key/x?text="+once))
	requests = append(requests, plain("/elsewhere/none"),
		get("/proxy/c-key/key/none?state=open&id=550e8400-e29b-41d4-a716-446655440000"))
	calls := f.send(t, requests)

	for _, line := range []string{
		"Location: " + link, "Link: <" + link + `>; rel="next"`, "Content-Location: https://other.example/x?u=" + once,
		"Refresh: 0; url=" + link, "X-Echo: " + linkToken,
		"Location: https://other.example/x?u=" + url.QueryEscape("https://gw"+callback),
	} {
		f.up.Answer(func(string) string { return reply("302 Found", "moved", line) })
		for _, request := range []string{get("/proxy/c-key/key/x"), call("POST", "/proxy/c-key/key/y", "Content-Length: 4") +
			"body", get("/proxy/c-key/key/x", "X-Original-URL: "+link)} {
			calls += f.send(t, []string{request})
		}
	}
	harness.Within(t, "every request in the access log", 10*time.Second, func() bool { return f.entries(t) >= calls })
	if n := f.entries(t); n != calls {
		t.Errorf("%d entries for %d requests", n, calls)
	}
	log := f.Log()
	for what, secret := range map[string]string{"request token": linkToken, "authorization code": authCode,
		"state": authState, "most of the token": linkToken[1:]} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) {
				t.Errorf("a log has the %s: %.900s", what, line)
				break
			}
		}
	}
	for _, mark := range []string{`"bytes_read":4`, `"size":5`, `"status":302`, `"uri":"/connect/REDACTED"`,
		`"by_caddy":"yes"`, `"uri":"/elsewhere/x?REDACTED"`} {
		if !strings.Contains(log, mark) {
			t.Errorf("no %s in the log", mark)
		}
	}
}

// send makes each request and returns how many there were.
func (f *fleet) send(t *testing.T, requests []string) int {
	t.Helper()
	for _, request := range requests {
		exchange(t, f.Addr, request)
	}
	f.up.Got()
	return len(requests)
}

// entries counts the entries of the access log.
func (f *fleet) entries(t *testing.T) (n int) {
	t.Helper()
	raw, err := os.ReadFile(f.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(raw), `"logger":"http.log.access"`)
}
