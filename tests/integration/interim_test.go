package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/h2peer"
	"github.com/vendgate/vendgate/tests/harness"
)

// rawCall is a call of Alice over a connection that ends with the answer.
func rawCall(g *harness.Gateway, method, protocol string) string {
	return fmt.Sprintf("%s /proxy/c1/key/x %s\r\nHost: %s\r\nAuthorization: Bearer %s\r\nx-user-email: "+
		"%s\r\nConnection: close\r\n\r\n", method, protocol, g.Addr, harness.KeyA, harness.Alice)
}

// sized is an answer with a Content-Length.
func sized(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body),
		body)
}

// TestSourceInterim: nobody sees the interim answers of a remote source, which may hold the
// gateway's own key, whether it is asked before a call, again after a 503, or by force; those of
// the provider pass.
func TestSourceInterim(t *testing.T) {
	const early = "HTTP/1.1 103 Early Hints\r\nX-Platform: " + harness.KeyB + "\r\n\r\n"
	tokens := 0
	platform := harness.NewUpstream(t, func(request string) string {
		if strings.HasPrefix(request, "GET ") {
			return early + sized("200 OK", `{"status":"success","data":{"id":"c1","status":"active","app":{"slug":"key"}}}`)
		}
		if tokens++; tokens == 1 || tokens == 3 {
			return early + sized("503 Down", `{}`)
		}
		return early + early + sized("200 OK",
			fmt.Sprintf(`{"status":"success","data":{"auth_type":"api_key","fields":{"api_key":"%s-%d"}}}`, canary, tokens))
	})
	calls := 0
	provider := harness.NewUpstream(t, func(request string) string {
		answer := "HTTP/1.1 103 Early Hints\r\nX-Provider: " + canary +
			"\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 7\r\nSet-Cookie: a=b\r\n\r\n"
		if calls++; calls == 1 {
			return answer + sized("401 No", `{}`)
		}
		return answer + sized("200 OK", `"fine"`)
	})
	g := harness.Start(t, keyApp("http://"+provider.Addr)+`
	source platform {
		url http://`+platform.Addr+`/platform/v1
		key `+harness.Secret(t, "VG_TENANT_B", harness.KeyB)+`
		allow_http
		allow_private 127.0.0.0/8
	}
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
	}`)
	answer := g.Raw(rawCall(g, "GET", "HTTP/1.1"))
	if !strings.HasSuffix(answer, "\r\n\r\n\"fine\"") || tokens != 4 || calls != 2 {
		t.Fatalf("%d vends, %d calls: %q", tokens, calls, answer)
	}
	if strings.Contains(answer, harness.KeyB) || strings.Contains(answer, "X-Platform") {
		t.Errorf("the source's interim answer reached the caller: %q", answer)
	}
	if strings.Count(answer, "HTTP/1.1 103 Early Hints\r\nX-Provider: ") != 2 || strings.Contains(answer, "X-Hop") ||
		strings.Contains(answer, "Set-Cookie") {
		t.Errorf("the provider's interim answers: %q", answer)
	}
	if strings.Contains(answer, canary+"-") {
		t.Errorf("the credential: %q", answer)
	}
}

// TestInterimLeavesHeaders: what the operator's directives set is on the final answer, and on no
// other.
func TestInterimLeavesHeaders(t *testing.T) {
	const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nStrict-Transport-Security: theirs\r\n\r\n"
	provider := harness.NewUpstream(t, func(string) string {
		return early + "HTTP/1.1 102 Processing\r\n\r\n" + early + sized("200 OK", "1")
	})
	g := harness.Start(t, keyApp("http://"+provider.Addr)+staticSource(t),
		"header Strict-Transport-Security max-age=7\nheader X-Site operator\nvendgate_proxy")
	want := "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nStrict-Transport-Security: theirs\r\n\r\n"
	answer := g.Raw(rawCall(g, "GET", "HTTP/1.1"))
	final, ok := strings.CutPrefix(answer, want+"HTTP/1.1 102 Processing\r\n\r\n"+want)
	if !ok {
		t.Errorf("the interim answers: %q", answer)
	}
	for _, line := range []string{"\r\nStrict-Transport-Security: max-age=7\r\n", "\r\nX-Site: operator\r\n",
		"\r\nServer-Timing: ", "\r\nServer: Caddy\r\n"} {
		if strings.Count(final, line) != 1 {
			t.Errorf("the final answer has %q %d times: %q", line, strings.Count(final, line), final)
		}
	}
	if strings.Contains(final, "Link") || strings.Contains(final, "theirs") {
		t.Errorf("the final answer has an interim one's header: %q", final)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if old := g.Raw(rawCall(g, method, "HTTP/1.0")); !strings.HasPrefix(old, "HTTP/1.0 200 ") ||
			strings.Contains(old, " 103 ") || strings.Contains(old, "Link") {
			t.Errorf("an HTTP/1.0 caller got %q", old)
		}
	}
}

// TestInterimOverHTTP2: the same for a caller and a provider that speak HTTP/2.
func TestInterimOverHTTP2(t *testing.T) {
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		s.Head(false, "103", "link", "</a>")
		s.OK()
	})
	g := harness.Start(t, trusting(t, peer)+keyApp(peer.URL)+staticSource(t), "global:servers {\n protocols h1 h2c\n}",
		"header X-Site operator\nvendgate_proxy")
	for _, protocol := range []string{"HTTP/1.1", "HTTP/1.0"} {
		answer := g.Raw(rawCall(g, "GET", protocol))
		if n := strings.Count(answer, " 103 Early Hints\r\nLink: </a>\r\n\r\n"); (n == 1) != (protocol == "HTTP/1.1") ||
			!strings.Contains(answer, "X-Site: operator") {
			t.Errorf("%s: %q", protocol, answer)
		}
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h2 := &http.Transport{Protocols: protocols}
	defer h2.CloseIdleConnections()
	var seen []string
	r := g.Request("GET", "/proxy/c1/key/x", nil)
	res, err := h2.RoundTrip(r.WithContext(interims(r.Context(), &seen)))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.Header.Get("X-Site") != "operator" || res.Header.Get("Link") != "" || len(seen) != 1 ||
		seen[0] != "103 map[Link:[</a>]]" {
		t.Errorf("%v before %v", seen, res.Header)
	}
}

// TestStatuses: a status that HTTP does not have is no answer; one without a meaning passes.
func TestStatuses(t *testing.T) {
	status := ""
	peer := h2peer.New(t, func(s *h2peer.Stream) { s.Head(true, status, "x-theirs", "1") })
	g := harness.Start(t, trusting(t, peer)+keyApp(peer.URL)+staticSource(t))
	for _, c := range []struct {
		status string
		want   int
	}{
		{"0", 503}, {"000", 503}, {"7", 503}, {"099", 503}, {"99", 503}, {"-200", 503}, {"+99", 503}, {"1000", 503},
		{"1200", 503},
		{"99999999999", 503}, {"-9223372036854775808", 503}, {"101", 503}, {"103", 503}, {"199", 503}, {"x", 503}, {"", 503},
		{"200.5", 503},
		{"200", 200}, {"299", 299}, {"600", 600}, {"999", 999},
	} {
		status = c.status
		res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
		if err != nil {
			t.Fatalf("%q: %v", c.status, err)
		}
		res.Body.Close()
		code := res.Header.Get("Vendgate-Code")
		if res.StatusCode != c.want || (code == "upstream_unavailable") != (c.want == 503) || c.want != 503 &&
			res.Header.Get("X-Theirs") != "1" {
			t.Errorf("%q: answered %d %q", c.status, res.StatusCode, code)
		}
	}
	if log := g.Log(); strings.Contains(log, "panic") || strings.Contains(log, "invalid WriteHeader") {
		t.Error("it panicked")
	}
}
