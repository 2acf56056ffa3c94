package gateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// maxAllocations bounds what a call allocates on its way through the gateway, ReverseProxy's part
// of about 20 included, and without those of the server and of the connection to the provider. A
// change that needs more should say what for. The bound is two above the count without the race
// detector, under which a sync.Pool drops some of what it is given.
const maxAllocations = 37

// TestCost bounds the allocations of a call.
func TestCost(t *testing.T) {
	h, r := newCheap(t)
	w := &discarding{header: make(http.Header, 16)}
	if n := testing.AllocsPerRun(200, func() { serveCheap(t, h, w, r) }); n > maxAllocations {
		t.Errorf("a call takes %v allocations, want at most %d", n, maxAllocations)
	}
}

// BenchmarkServe is a call without the server and without the connection to the provider.
func BenchmarkServe(b *testing.B) {
	h, r := newCheap(b)
	w := &discarding{header: make(http.Header, 16)}
	b.ReportAllocs()
	for b.Loop() {
		serveCheap(b, h, w, r)
	}
}

func serveCheap(t testing.TB, h *gateway.Handler, w *discarding, r *http.Request) {
	clear(w.header)
	w.status = 0
	if h.ServeHTTP(w, r); w.status != http.StatusOK {
		t.Fatal(w.status)
	}
}

// newCheap returns a handler over a source and a provider that cost next to nothing, and a call.
func newCheap(t testing.TB) (*gateway.Handler, *http.Request) {
	t.Helper()
	cred := vending.NewFields("notes", vending.APIKey, []vending.Field{{Name: "token", Value: credential}})
	source := &scripted{vend: func() (vending.Credential, error) { return cred, nil }}
	g := newGatewayOver(t, "https://notes.example", source, policy.NewMemory(nil), unlimited,
		func(*catalog.App) http.RoundTripper { return answering{} })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/proxy/c1/notes/v1/users/me/messages", nil)
	r.Header.Set("Authorization", "Bearer "+tenantKey)
	r.Header.Set("X-User-Email", "alice@example.com")
	r.Header.Set("Accept", "*/*")
	r.Header.Set("User-Agent", "test")
	return g.Handler(gateway.HandlerOptions{Prefix: "/proxy"}), r
}

// unlimited is more than any benchmark spends.
const unlimited = policy.Budget(1 << 30)

// answering answers every request with a kilobyte, and takes four allocations for it.
type answering struct{}

var kilobyte = bytes.Repeat([]byte("x"), 1<<10)

func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(kilobyte)), Request: r,
		Header: http.Header{"Content-Type": jsonType}, Body: io.NopCloser(bytes.NewReader(kilobyte)),
	}, nil
}

var jsonType = []string{"application/json"}

// discarding is a response writer that keeps the status alone.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(status int)      { d.status = status }
func (d *discarding) Write(p []byte) (int, error) { return len(p), nil }
