package hostile

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// linkedApps are apps with an option `redirects`, and one that declares links.
func linkedApps(addr string) string {
	app := func(slug, rest string) string {
		return fmt.Sprintf("app %s {\nauth_type api_key\nfield api_key Key secret\nheader X-Api-Key {api_key}\nupstream "+
			"http://%s/base\nallow_http\nallow_private 127.0.0.0/8\n%s\n}\n", slug, addr, rest)
	}
	return app("refusing", "redirects refuse") + app("following", "redirects follow") + app("passing", "redirects pass") +
		app("linked",
			"extra_hosts files.example.com *.svc.eu.example.com\nlinks {\nmembers @odata.nextLink paging.next host\nheaders "+
				"Operation-Location\n}")
}

// byHeader is a call whose key HTTP clients carry along to another host.
func byHeader(method, target string, more ...string) string {
	return lines(append([]string{method + " " + target + " HTTP/1.1", "Host: {gw}", "X-Vendgate-Key: " + harness.KeyA,
		"X-User-Email: " + harness.Alice}, more...)...)
}

// byHeaderSent is what the upstream gets of it.
func byHeaderSent(line string) []string { return upstream(line, "X-Api-Key: "+credHeader) }

var carriedCases = carriedRows()

func carriedRows() (rows []row) {
	const own = "http://{gw}/proxy/c-key/key"
	refused := func(name, request string, sent []string, answer, host string) row {
		return row{
			name: "51 " + name, request: request, sent: sent, answer: answer, status: 403, code: "policy_denied",
			origin:  "gateway",
			headers: []string{"!Location"}, within: host, lacks: "/secret",
		}
	}
	for _, to := range []struct{ name, location, host string }{
		{"another host", "http://{evil}/secret?sig=/secret", "127.0.0.1:"},
		{"another host, in upper case", "HTTP://{evil}/secret", "127.0.0.1:"},
		{"another port", "http://127.0.0.1:1/base/secret", "127.0.0.1:1;"},
		{"another scheme", "ftp://{up}/base/secret", "127.0.0.1:"},
		{"no scheme", "//{evil}/secret", "127.0.0.1:"},
		{"three slashes", "///{evil}/secret", "127.0.0.1:"},
		{"user info", "http://{up}@{evil}/secret", "127.0.0.1:"},
		{"a backslash", `http://{evil}\@{up}/base/secret`, "127.0.0.1:"},
		{"a backslash for a slash", `/\{evil}/secret`, "127.0.0.1:"},
		{"a tab in the scheme", "ht\ttp://{evil}/secret", "127.0.0.1:"},
		{"a script", "javascript:alert('/secret')", "the scheme javascript"},
		{"the own host, outside of the base path", "http://{up}/secret", "127.0.0.1:"},
		{"a path outside of the base path", "/secret", "127.0.0.1:"},
		{"the second of two", "/base/x\r\nLocation: http://{evil}/secret", "127.0.0.1:"},
	} {
		rows = append(rows,
			refused("a redirect to "+to.name, byHeader("GET", "/proxy/c-key/key/x"), byHeaderSent("GET /base/x"),
				reply("302 Found", "moved", "Location: "+to.location), to.host))
	}
	for _, status := range []string{"300 Choices", "301 Moved", "303 See Other", "304 Not Modified", "305 Proxy",
		"307 Temporary", "308 Permanent", "399 Odd"} {
		answer := reply(status, "", "Location: http://{evil}/secret")
		rows = append(rows, refused("status "+status, byHeader("GET", "/proxy/c-key/key/x"), byHeaderSent("GET /base/x"),
			answer, "127.0.0.1:"))
	}
	away := reply("307 Temporary", "moved", "Location: http://{evil}/secret")
	post := []string{lines("POST /base/x HTTP/1.1", "Host: {up}", "Content-Length: 1", "X-Api-Key: "+credHeader) + "b"}
	socket := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	socketSent := []string{lines("GET /base/x HTTP/1.1", "Host: {up}", "Connection: Upgrade",
		"Sec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-Websocket-Version: 13", "Upgrade: websocket", "X-Api-Key: "+credHeader)}
	secure := reply("302 Found", "", "Location: https://{evil}/secret")
	rows = append(rows,
		refused("a POST", byHeader("POST", "/proxy/c-key/key/x", "Content-Length: 1")+"b", post, away, "Authorization"),
		refused("an upgrade", byHeader("GET", "/proxy/c-key/key/x", socket...), socketSent, away, "Authorization"),
		refused("errors as they are", byHeader("GET", "/proxy/c-plain/plain/x"), byHeaderSent("GET /plain/x"), away,
			"Authorization"),
		refused("an app that refuses, a key that clients remove", get("/proxy/c-refusing/refusing/x"),
			upstream("GET /base/x", "X-Api-Key: "+credHeader), away, "redirects follow"),
		row{
			name: "51 an app that refuses, a key that clients carry", request: byHeader("GET", "/proxy/c-refusing/refusing/x"),
			sent:   byHeaderSent("GET /base/x"),
			answer: away, status: 403, code: "policy_denied", origin: "gateway", within: "set redirects follow",
			lacks: "Authorization",
		},
		refused("following http", byHeader("GET", "/proxy/c-following/following/x"), byHeaderSent("GET /base/x"), away,
			"without https"),
		refused("following a POST", byHeader("POST", "/proxy/c-following/following/x", "Content-Length: 1")+"b", post, secure,
			"GET and HEAD"),
		refused("following an upgrade", byHeader("GET", "/proxy/c-following/following/x", socket...), socketSent, secure,
			"GET and HEAD"),
		refused("following a choice", byHeader("GET", "/proxy/c-following/following/x"), byHeaderSent("GET /base/x"),
			reply("300 Choices", "", "Location: https://{evil}/secret"), "clients do not follow"),
		refused("a key that some clients carry to another port", get("/proxy/c-key/key/x"), keyCall, away,
			"some HTTP clients"),
		refused("a key that some clients carry to a host below",
			strings.Replace(get("/proxy/c-key/key/x"), "Host: {gw}", "Host: Gw.example:80", 1),
			keyCall, reply("302 Found", "", "Location: //a.gw.EXAMPLE.:8080/secret"), "a.gw.example.:8080"),
		row{
			name: "51 following to a private address", request: byHeader("GET", "/proxy/c-following/following/x"),
			sent: byHeaderSent("GET /base/x"), answer: secure,
			status: 503, code: "upstream_unavailable", origin: "upstream", headers: []string{"!Location"}, within: "127.0.0.1:",
			lacks: "/secret",
		},
		row{
			name: "51 following to the gateway", request: byHeader("GET", "/proxy/c-following/following/x"),
			sent:   byHeaderSent("GET /base/x"),
			answer: reply("302 Found", "", "Location: https://{gw}/proxy/c-bob/key/x"), status: 302,
			headers: []string{"!Location"},
		},
		row{
			name: "51 an app that passes", request: byHeader("GET", "/proxy/c-passing/passing/x"),
			sent: byHeaderSent("GET /base/x"), answer: away,
			status: 307, headers: []string{"Location: http://{evil}/secret"},
		},
		row{
			name: "51 a key that clients remove", request: get("/proxy/c-key/key/x"), sent: keyCall,
			answer: reply("307 Temporary", "", "Location: http://evil.example/secret"),
			status: 307, headers: []string{"Location: http://evil.example/secret"},
		},
	)
	for location, want := range map[string]string{
		"http://{up}/base/y": own + "/y", "//{up}/base/y": own + "/y", "/base/y": "/proxy/c-key/key/y", "y?p=2": "y?p=2",
		"?p=2": "?p=2",
	} {
		rows = append(rows, row{
			name: "51 a redirect that stays, " + location, request: byHeader("GET", "/proxy/c-key/key/x"),
			sent:   byHeaderSent("GET /base/x"),
			answer: reply("302 Found", "", "Location: "+location), status: 302, headers: []string{"Location: " + want},
		})
	}
	rows = append(rows, row{
		name: "51 a place that was made elsewhere", request: byHeader("GET", "/proxy/c-key/key/x"),
		sent:   byHeaderSent("GET /base/x"),
		answer: reply("201 Created", "", "Location: http://{evil}/y"), status: 201,
		headers: []string{"Location: http://{evil}/y"},
	})
	return rows
}

// carrying is a client that follows redirects itself and removes Authorization and Cookie alone
// when it comes to another host, as follow-redirects under axios does (its index.js,
// _processResponse).
const carrying = `
const follow = async (url, headers) => {
  for (let hops = 0; hops < 5; hops++) {
    const res = await fetch(url, {headers, redirect: "manual"});
    const to = res.headers.get("location");
    if (res.status < 300 || res.status > 399 || !to) return res.status;
    const next = new URL(to, url);
    if (next.host !== new URL(url).host) { delete headers.authorization; delete headers.cookie; }
    url = next.href;
  }
};
const [url, key, email] = process.argv.slice(1);
const headers = () => ({"x-vendgate-key": key, "x-user-email": email, "x-custom": "own"});
await follow(url, headers());
await fetch(url, {headers: headers()}).catch(() => {});
`

// TestCarriedKey has clients of three kinds, each with the key in a header of its own, call what
// redirects to another host: that host gets no request at all. What the same clients do where the
// operator passes redirects shows that the test would see it.
func TestCarriedKey(t *testing.T) {
	f := newFleet(t)
	call := map[string]func(url string) error{
		"net/http": func(url string) error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			r.Header.Set("X-Vendgate-Key", harness.KeyA)
			r.Header.Set("X-User-Email", harness.Alice)
			res, err := (&http.Client{Transport: f.Client.Transport}).Do(r)
			if err != nil {
				return err
			}
			return res.Body.Close()
		},
		"curl": func(url string) error {
			return exec.CommandContext(t.Context(), "curl", "-sSL", "--noproxy", "*", "-o", "/dev/null", "-H",
				"X-Vendgate-Key: "+harness.KeyA,
				"-H", "X-User-Email: "+harness.Alice, url).Run() // #nosec G204 -- the test's own words
		},
		"node": func(url string) error {
			// #nosec G204 -- the test's own words
			return exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", carrying, url, harness.KeyA,
				harness.Alice).Run()
		},
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		f.up.Answer(func(string) string {
			return reply(itoa(status)+" Moved", "", "Location: http://"+f.evil.Addr+"/x")
		})
		for name, do := range call {
			if err := do(f.URL + "/proxy/c-key/key/x"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := f.evil.Got(); len(got) > 0 {
				t.Errorf("%d: %s sent the foreign host %q", status, name, got)
			}
			if err := do(f.URL + "/proxy/c-passing/passing/x"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got := f.evil.Got(); len(got) == 0 || !strings.Contains(got[0], harness.KeyA) {
				t.Errorf("%d: %s no longer carries the key along: %q", status, name, got)
			}
		}
	}
}
