package caddymodule_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestNoForwardProxy: a client that takes the gateway for its proxy is told what it is, and nothing
// is dialled for it.
func TestNoForwardProxy(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\n%s", t.TempDir(), harness.KeyApp(up.Addr)))
	for _, request := range []string{
		"CONNECT " + up.Addr + " HTTP/1.1\r\nHost: " + up.Addr + "\r\n\r\n",
		"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
		"GET http://" + up.Addr + "/v1 HTTP/1.1\r\nHost: " + up.Addr + "\r\nConnection: close\r\n\r\n",
		"GET http://" + g.Addr + "/proxy/c1/key/v1 HTTP/1.1\r\nHost: " + g.Addr + "\r\nConnection: close\r\n\r\n",
	} {
		line, _, _ := strings.Cut(request, "\r")
		if got := g.Raw(request); !strings.HasPrefix(got, "HTTP/1.1 400 ") ||
			!strings.Contains(got, "this is no forward proxy") {
			t.Errorf("%s: answered %s", line, got)
		}
	}
	proxy := &url.URL{Scheme: "http", Host: g.Addr}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	if res, err := client.Get("https://api.openai.com/v1/models"); err == nil {
		res.Body.Close()
		t.Errorf("a client with it as HTTPS_PROXY was answered %d", res.StatusCode)
	}
	if got := up.Got(); len(got) > 0 {
		t.Errorf("the host that was named got %q", got)
	}
	t.Run("next to a site with a host name", func(t *testing.T) {
		g := harness.StartWith(t, func(g *harness.Gateway) string {
			site := g.Caddyfile("source local", "", "vendgate_proxy")
			_, port, _ := strings.Cut(g.Addr, ":")
			return strings.Replace(site, "http://:"+port+" {", "http://:"+port+" {\n bind 127.0.0.1\n vendgate_not_found\n}\n"+
				"http://gateway.example:"+port+" {", 1)
		})
		for _, target := range []string{"CONNECT api.openai.com:443", "GET http://api.openai.com/v1"} {
			got := g.Raw(target + " HTTP/1.1\r\nHost: api.openai.com\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 404 ") {
				t.Errorf("%s: answered %s", target, got)
			}
		}
	})
}
