package hostile

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestLoops runs calls to an app whose upstream is the gateway that they come through, or another
// one before it. The credential is a tenant key, so that nothing but the loop's guard ends them.
func TestLoops(t *testing.T) {
	for _, c := range []struct {
		name, base string
		// front is what stands between the gateway and itself, if anything does.
		front func(http.Handler) http.Handler
		// calls are how many reach the gateway at most.
		calls int32
	}{
		{"itself", "/proxy/c-loop/loop", nil, 2},
		{"itself, by the caller's path", "", nil, 2},
		{"itself, behind another prefix", "/gw/c-loop/loop", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path = strings.Replace(r.URL.Path, "/gw/", "/proxy/", 1)
				next.ServeHTTP(w, r)
			})
		}, 2},
		{"other gateways in between", "/proxy/c-loop/loop", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if h := r.Header.Get("Vendgate-Hops"); len(h) > 2 {
					r.Header.Set("Vendgate-Hops", h[:2]+"0123456789abcdef") // as another one would
				}
				next.ServeHTTP(w, r)
			})
		}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			var gateway string
			through := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if calls.Load() > 50 {
					http.Error(w, "it goes on for ever", http.StatusTeapot)
					return
				}
				forwardTo(gateway, w, r)
			}))
			if c.front != nil {
				through = c.front(through)
			}
			front := httptest.NewServer(through)
			defer front.Close()
			key := harness.Secret(t, "HOSTILE_TENANT_A", harness.KeyA)
			g := harness.Start(t,
				fmt.Sprintf("app loop {\nauth_type api_key\nfield api_key Key secret\nheader X-Vendgate-Key {api_key}\nheader "+
					"X-User-Email alice@example.com\nupstream %s%s\nallow_http\nallow_private 127.0.0.0/8\n}\n"+
					"source static {\nconnection c-loop {\ntenant alpha\nuser *\napp loop\nfield api_key %s\n}\n}\ndefault_source "+
					"static\ntenant alpha {\nkey %s\nbudget token unlimited\n}\n", front.URL, c.base, key, key))
			gateway = g.Addr
			target := "/proxy/c-loop/loop/x"
			if c.base == "" {
				target = strings.Repeat("/proxy/c-loop/loop", 40) + "/x"
			}
			got := exchange(t, g.Addr, get(target))
			if got.StatusCode != 400 || !strings.Contains(got.body, `"code":"invalid_request"`) ||
				!strings.Contains(got.body, "gateway") {
				t.Errorf("answered %d %s", got.StatusCode, got.body)
			}
			if n := calls.Load() + 1; n > c.calls {
				t.Errorf("%d calls, want at most %d", n, c.calls)
			}
		})
	}
}

// forwardTo sends a request on as a plain proxy does.
func forwardTo(addr string, w http.ResponseWriter, r *http.Request) {
	p := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(&url.URL{Scheme: "http", Host: addr})
	}}
	p.ServeHTTP(w, r)
}
