package caddymodule

import (
	"net/http"
	"testing"
)

// TestParseByPathAllocates: calls by path cost what they did, with and without domains.
func TestParseByPathAllocates(t *testing.T) {
	r := &http.Request{Method: http.MethodGet, RequestURI: "/proxy/c1/gmail/x?y", Host: "gateway.example.com:8080"}
	for _, hosts := range [][]string{nil, {"gw.example.com", "gw.example.org"}} {
		p := &Proxy{Prefix: "/proxy", Hosts: hosts}
		if n := testing.AllocsPerRun(100, func() { _, _, _, _ = p.parse(r) }); n > 0 {
			t.Errorf("%v: %v allocations", hosts, n)
		}
	}
}
