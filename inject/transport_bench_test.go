package inject

import (
	"github.com/vendgate/vendgate/internal/httpx"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// BenchmarkForward sends calls through the transport under a ReverseProxy, as the gateway does, to a provider on a socket.
func BenchmarkForward(b *testing.B) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer provider.Close()
	app := keyApp(provider.URL, headers("X-Key", "{api_key}"))
	p, err := NewPlacement(app)
	if err != nil {
		b.Fatal(err)
	}
	plain := &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}
	defer plain.CloseIdleConnections()
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {},
		Transport: &Transport{Base: benchBase(plain)},
		ErrorLog:  log.Default(),
	}
	cred := vending.NewFields(app.Slug, vending.APIKey, []vending.Field{{Name: "api_key", Value: "k-123456"}})
	b.ReportAllocs()
	for b.Loop() {
		x, err := NewExchange(p, cred, "/x", "", false, nil)
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/x", nil)
		w := httptest.NewRecorder()
		proxy.ServeHTTP(w, r.WithContext(WithExchange(b.Context(), x)))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

func benchBase(t *http.Transport) http.RoundTripper { return httpx.Transport{Base: t} }
