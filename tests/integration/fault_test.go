package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestUnannouncedTrailers of an HTTP/2 provider are cleaned, though nothing says before that they
// will come.
func TestUnannouncedTrailers(t *testing.T) {
	url, ca := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = w.Write([]byte("body"))
		w.Header().Set(http.TrailerPrefix+"X-Echo", canary)
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "a=b")
	}), "HTTP/2.0")
	g := harness.Start(t, ca+keyApp(url)+staticSource(t), "global:servers {\n protocols h1 h2c\n}")
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h2 := &http.Transport{Protocols: protocols}
	defer h2.CloseIdleConnections()
	res, err := (&http.Client{Transport: h2}).Do(g.Request("GET", "/proxy/c1/key/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if res.Trailer.Get("X-Echo") != "[redacted]" || res.Trailer.Get("Set-Cookie") != "" {
		t.Errorf("trailers %v", res.Trailer)
	}
}

// TestRefusedConfigurationLeavesBudgets: what a configuration with a mistake says of budgets was
// never said.
func TestRefusedConfigurationLeavesBudgets(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}), "plain")
	config := strings.Replace(keyApp(url)+staticSource(t), "budget token unlimited", "budget token 1", 1)
	g := harness.Start(t, config, harness.Kept) // what waits in a listener that Caddy closes would be reset
	status := func() int {
		res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if first, second := status(), status(); first != 200 || second != 429 {
		t.Fatalf("%d, then %d", first, second)
	}
	bad := strings.Replace(config, "budget token 1", "budget token unlimited", 1) +
		"\ntenant other {\n key {env.VG_NOT_SET}\n}\n"
	if err := g.TryLoad(g.Caddyfile(bad, "", "vendgate_proxy")); err == nil {
		t.Fatal("the bad configuration was accepted")
	}
	if got := status(); got != 429 {
		t.Errorf("after a refused configuration: %d", got)
	}
	g.Load(g.Caddyfile(strings.Replace(config, "budget token 1", "budget token unlimited", 1), "", "vendgate_proxy"))
	if got := status(); got != 200 {
		t.Errorf("without a bound: %d", got)
	}
	g.Load(g.Caddyfile(config, "", "vendgate_proxy"))
	if got := status(); got != 429 {
		t.Errorf("after the bound came back: %d", got)
	}
}

// TestStalledErrorBody: a provider that stalls in the middle of its error does not hold the caller.
func TestStalledErrorBody(t *testing.T) {
	for encoding, want := range map[string]string{
		"":     `"body":"so far ","truncated":true`,
		"gzip": `"body":""`,
	} {
		t.Run(encoding, func(t *testing.T) {
			url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if encoding == "" {
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = w.Write([]byte("so far " + canary[:10]))
				} else {
					w.Header().Set("Content-Encoding", encoding)
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}), "plain")
			g := harness.Start(t, keyApp(url)+staticSource(t))
			g.Client.Timeout = 10 * time.Second
			res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if res.Header.Get("Vendgate-Code") != "upstream_unavailable" || !strings.Contains(string(body), want) {
				t.Errorf("%d %s", res.StatusCode, body)
			}
		})
	}
}

// TestMalformedBody is the caller's fault, not the provider's.
func TestMalformedBody(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	answer := g.Raw(fmt.Sprintf(
		"POST /proxy/c1/key/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nx-user-email: %s\r\nTransfer-Encoding: "+
			"chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\nzz\r\n", g.Addr, harness.KeyA, harness.Alice))
	if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "Vendgate-Code: invalid_request\r\n") {
		t.Errorf("%q", answer)
	}
}

// TestCallerGoneDuringVend is nobody's defect: it is neither logged as one nor counted as one.
func TestCallerGoneDuringVend(t *testing.T) {
	asked := make(chan struct{}, 8)
	platform, _ := provider(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}), "plain")
	g := harness.Start(t, keyApp("http://127.0.0.1:9")+`
	source platform {
		url `+platform+`/platform/v1
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		allow_http
		allow_private 127.0.0.0/8
	}
	tenant acme {
		key {env.VG_TENANT_A}
	}`, "log\nvendgate_proxy")
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /proxy/c1/key/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nx-user-email: %s\r\n\r\n",
		g.Addr, harness.KeyA, harness.Alice)
	<-asked
	conn.Close()
	harness.Within(t, "the entry of the aborted call", 10*time.Second, func() bool {
		return strings.Contains(g.Log(), `"code":"aborted"`)
	})
	if strings.Contains(g.Log(), "internal_error") {
		t.Error("the caller's leaving was logged as a defect")
	}
}
