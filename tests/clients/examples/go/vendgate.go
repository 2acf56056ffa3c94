package main

import "net/http"

// Vendgate is a transport through the gateway, for http.Client and for every SDK that takes one.
type Vendgate struct {
	Host string // of the gateway
	Key  string // of one connection, ck_…
}

// RoundTrip implements http.RoundTripper.
func (v Vendgate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == v.Host { // the key is for nobody else, wherever a redirect or a link leads
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+v.Key)
	}
	return http.DefaultTransport.RoundTrip(r)
}
