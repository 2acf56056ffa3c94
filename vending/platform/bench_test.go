package platform_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// memory is a transport without a network, so that only the source's own work is measured.
type memory struct{}

func (memory) RoundTrip(r *http.Request) (*http.Response, error) {
	body := gmailToken
	if r.Method == http.MethodGet {
		body = activeGmail
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// BenchmarkVend is one vend with the connection's app remembered: `memory` without a network,
// `loopback` with a server on this machine, whose allocations count too.
func BenchmarkVend(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmark(b, "https://connect.example", memory{}) })
	b.Run("loopback", func(b *testing.B) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				says(200, activeGmail)(w, r)
				return
			}
			says(200, gmailToken)(w, r)
		}))
		defer server.Close()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		benchmark(b, server.URL, transport)
	})
}

func benchmark(b *testing.B, base string, transport http.RoundTripper) {
	source, err := platform.New(platform.Options{BaseURL: base, AllowHTTP: true, Transport: transport, Key: ownKey})
	if err != nil {
		b.Fatalf("New: %v", err)
	}
	r := request()
	if _, err := source.Vend(context.Background(), r); err != nil {
		b.Fatalf("Vend: %v", err)
	}
	b.ReportAllocs()
	for b.Loop() {
		cred, err := source.Vend(context.Background(), r)
		if v, _ := cred.Field(vending.AccessToken); err != nil || v != secret {
			b.Fatalf("Vend: %v", err)
		}
	}
}
