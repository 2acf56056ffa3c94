package gateway

import (
	"net/http"
	"testing"
)

// TestParseByPathAllocates: calls by path cost what they did, with and without domains.
func TestParseByPathAllocates(t *testing.T) {
	r := &http.Request{Method: http.MethodGet, RequestURI: "/proxy/c1/gmail/x?y", Host: "gateway.example.com:8080"}
	for _, domains := range [][]string{nil, {"gw.example.com", "gw.example.org"}} {
		h := New(Options{}).Handler(HandlerOptions{Prefix: "/proxy", Domains: domains})
		if n := testing.AllocsPerRun(100, func() { _, _, _, _ = h.parse(r) }); n > 0 {
			t.Errorf("%v: %v allocations", domains, n)
		}
	}
}
