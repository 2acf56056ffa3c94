package vendgate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	vendgate "github.com/vendgate/vendgate/sdk/go"
)

const (
	key   = "ck_CanaryOfTheCaller0123456789CanaryOfTheCaller"
	alice = "alice@example.com"
)

var acme = []vendgate.Host{
	{Host: "api.acme.example", BasePath: "/v1"},
	{Host: "files.acme.example", Path: "/~files.acme.example"},
}

// call is a request as the gateway got it.
type call struct {
	Line, Body string
	Header     http.Header
}

// gateway stands in for the real one: it tells hosts, and answers calls.
type gateway struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
	asked []string
}

// tell answers the Platform API with a status and data.
type tell func(path string) (status int, data any)

func tellHosts(string) (int, any) { return http.StatusOK, map[string]any{"hosts": acme} }

func startGateway(t *testing.T, told tell, answer http.HandlerFunc) *gateway {
	t.Helper()
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, "/platform/v1"); ok {
			g.mu.Lock()
			g.asked = append(g.asked, path)
			g.mu.Unlock()
			status, data := told(path)
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]any{"status": "x", "message": "told", "data": data})
			return
		}
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.calls = append(g.calls, call{r.Method + " " + r.RequestURI, string(body), r.Header})
		g.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// took returns the calls since the last look.
func (g *gateway) took() []call {
	g.mu.Lock()
	defer g.mu.Unlock()
	calls := g.calls
	g.calls = nil
	return calls
}

func (g *gateway) options() vendgate.Options {
	return vendgate.Options{Gateway: g.URL, Key: key, Email: alice, Connection: "conn_1", App: "acme"}
}

func clientOf(t *testing.T, o vendgate.Options) *http.Client {
	t.Helper()
	transport, err := vendgate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}
