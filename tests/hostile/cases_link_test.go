package hostile

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// climbs are references by which a provider tries to leave /proxy/c-passing/passing/ of a call to
// /proxy/c-passing/passing/a/b, and what becomes of them.
var climbs = []struct{ name, location, want string }{
	{"dots", "/base/../../../away", "http://{up}/away"},
	{"dots of an absolute URL", "http://{up}/base/../connect/x", "http://{up}/connect/x"},
	{"encoded dots", "/base/%2e%2e/%2E./away", "http://{up}/away"},
	{"an encoded slash", "/base/..%2f..%2faway", "http://{up}/base/..%2f..%2faway"},
	{"encoded twice", "/base/%252e%252e/away", "http://{up}/base/%252e%252e/away"},
	{"a path parameter", "/base/..;/away", "http://{up}/base/..;/away"},
	{"backslashes", `/base\..\..\away`, "http://{up}/away"},
	{"a backslash for a host", `/\{evil}/x`, "http://{up}//{evil}/x"},
	{"relative", "../../../../connect/x", "http://{up}/connect/x"},
	{"relative, just outside", "../../x", "http://{up}/x"},
	{"relative, encoded", "%2e%2e/..%2f../x", "http://{up}/base/..%2f../x"},
	{"relative, a path parameter", "..;/..;/x", "http://{up}/base/a/..;/..;/x"},
	{"relative, backslashes", `..\..\..\connect`, "http://{up}/connect"},
	{"relative, no encoding", "%zz/../../../x", "http://{up}/x"},
	{"dots that stay", "/base/x/../y?q=..", "/proxy/c-passing/passing/y?q=.."},
	{"relative that stays", "../y", "/proxy/c-passing/passing/y"},
	{"the gateway itself", "http://{gw}/proxy/c-bob/key/x", ""},
	{"the gateway without a scheme", "//{gw}/connect/x", ""},
	{"a scheme without a host", "http:/connect/x", ""},
	{"a scheme and a relative path", "http:../../connect", ""},
}

var climbCases = climbRows()

func climbRows() (rows []row) {
	for _, c := range climbs {
		line, link := "Location: "+c.want, `Link: <`+c.want+`>; rel="next"`
		if c.want == "" {
			line, link = "!Location", "!Link"
		}
		rows = append(rows, row{
			name: "24 redirect climbs by " + c.name, request: get("/proxy/c-passing/passing/a/b"),
			sent: upstream("GET /base/a/b", "X-Api-Key: "+credHeader),
			answer: reply("302 Found", "moved", "Location: "+c.location, "Content-Location: "+c.location,
				`Link: <`+c.location+`>; rel="next"`), status: 302,
			headers: []string{line, strings.Replace(line, "Location", "Content-Location", 1), link},
		})
	}
	return rows
}

// TestFollowedRedirects has net/http's client and curl follow what is left of each: whatever they
// ask of the gateway is within the connection.
func TestFollowedRedirects(t *testing.T) {
	f := newFleet(t)
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatalf("a client that follows redirects is needed: apt-get install curl (%v)", err)
	}
	expand := strings.NewReplacer("{up}", f.up.Addr, "{evil}", f.evil.Addr, "{gw}", f.Addr)
	inside := func(t *testing.T, who, path string) {
		t.Helper()
		if !strings.HasPrefix(path, "/proxy/c-passing/passing/") {
			t.Errorf("%s asked the gateway for %s", who, path)
		}
	}
	asked := regexp.MustCompile(`(?m)^> GET (\S+) HTTP/1\.1\r?\n> Host: (\S+)`)
	for _, c := range climbs {
		t.Run("24 "+c.name, func(t *testing.T) {
			f.up.Answer(func(request string) string {
				if strings.HasPrefix(request, "GET /base/a/b ") {
					return reply("302 Found", "", "Location: "+expand.Replace(c.location))
				}
				return harness.OK(request)
			})
			client := &http.Client{Transport: f.Client.Transport,
				CheckRedirect: func(r *http.Request, via []*http.Request) error {
					if r.URL.Host == f.Addr {
						inside(t, "net/http", r.URL.EscapedPath())
					}
					return nil
				}}
			// without a Location it is an error
			if res, err := client.Do(f.Request(http.MethodGet, "/proxy/c-passing/passing/a/b", nil)); err == nil {
				_ = res.Body.Close()
			}
			trace, err := exec.CommandContext(t.Context(), curl, "-sSLv", "--noproxy", "*", "--max-redirs", "3", "-o",
				"/dev/null",
				// #nosec G204 -- the test's own words
				"-H", "Authorization: Bearer "+harness.KeyA, "-H", "X-User-Email: "+harness.Alice,
				f.URL+"/proxy/c-passing/passing/a/b").CombinedOutput()
			requests := asked.FindAllStringSubmatch(string(trace), -1)
			if err != nil || len(requests) == 0 {
				t.Fatalf("curl: %v\n%s", err, trace)
			}
			for _, request := range requests {
				if request[2] == f.Addr {
					inside(t, "curl", request[1])
				}
			}
			for _, request := range f.up.Got() {
				if strings.Contains(request, credHeader) && !strings.HasPrefix(request, "GET /base/") {
					t.Errorf("the credential went along with %q", request)
				}
			}
			if got := f.evil.Got(); len(got) > 0 {
				t.Errorf("the foreign host got %q", got)
			}
		})
	}
}
