package inject

import (
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"testing"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// BenchmarkForward sends calls through the transport under a ReverseProxy, as the gateway does, to
// a provider on a socket: over what net/http offers alone, and over what the gateway puts above it.
func BenchmarkForward(b *testing.B) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}))
	defer provider.Close()
	plain := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
	defer plain.CloseIdleConnections()
	for name, base := range map[string]http.RoundTripper{"alone": plain, "httpx": httpx.Transport{Base: plain}} {
		b.Run(name, func(b *testing.B) { forward(b, provider.URL, base) })
	}
}

func forward(b *testing.B, url string, base http.RoundTripper) {
	app := keyApp(url, headers("X-Key", "{api_key}"))
	p, err := NewPlacement(app)
	if err != nil {
		b.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: &Transport{Base: base},
		ErrorLog: log.Default()}
	cred := vending.NewFields(app.Slug, vending.APIKey, []vending.Field{{Name: "api_key", Value: "k-123456"}})
	b.ReportAllocs()
	for b.Loop() {
		inj, err := NewInjection(p, cred, "/x", "", false, nil)
		if err != nil {
			b.Fatal(err)
		}
		w := httptest.NewRecorder()
		proxy.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil).WithContext(WithInjection(b.Context(), inj)))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
