// Package pipedream plays Pipedream Connect's API on a real socket: tokens, accounts with their
// credentials, and the proxy. It holds who calls it to what is published of that API, and knows
// nothing of the gateway: it must never import what it is there to test.
//
// What is published, and named where a rule follows from it: the OpenAPI (pipedream.com/docs), from
// which the types of @pipedream/sdk 3.1.6 are made; the pages of pipedream.com/docs/connect
// ("docs"); issues of PipedreamHQ/pipedream; threads of pipedream.com/community.
package pipedream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Options are what the API is like. The zero value of a bound stands for what holds in truth.
type Options struct {
	Project, Environment, ClientID, ClientSecret string
	// ExpiresIn is how long a token lives, and what its answer says of that in whole seconds: an
	// hour in truth.
	ExpiresIn time.Duration
	// Enveloped puts accounts under `data`.
	Enveloped bool
	// ErrorObjects makes `error` an object in the body of an error: the schema ErrorResponse says a
	// string, and public reports have objects (issue 18638).
	ErrorObjects bool
	// Reads are the calls for accounts, and Calls those of the proxy, that are permitted in each
	// Window: 2,000 and 1,000 in 5 minutes in truth (docs, "Rate limits", and Connect API proxy,
	// "Limits").
	Reads, Calls int
	Window       time.Duration
	// ProxyTimeout bounds a call through the proxy, its answer's body included: 30 seconds in
	// truth.
	ProxyTimeout time.Duration
	// Dial and RootCAs are how the proxy reaches and trusts the APIs behind it; nil is as everyone
	// does.
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	RootCAs *x509.CertPool
	// TLS is nil for an API in the clear.
	TLS *tls.Config
}

func (o *Options) complete() {
	for value, truth := range map[*time.Duration]time.Duration{&o.ExpiresIn: time.Hour, &o.Window: 5 * time.Minute,
		&o.ProxyTimeout: 30 * time.Second} {
		if *value == 0 {
			*value = truth
		}
	}
	if o.Reads == 0 {
		o.Reads = 2000
	}
	if o.Calls == 0 {
		o.Calls = 1000
	}
}

// StandIn is a running API.
type StandIn struct {
	// Addr is host and port; URL is its base, without a path.
	Addr, URL string

	server *http.Server
	// upstream is the transport of the proxy.
	upstream *http.Transport
	closed   chan struct{}

	mu         sync.Mutex
	options    Options
	tokens     map[string]time.Time // by bearer, when it ends
	accounts   map[string]*Account
	secrets    []string
	windows    map[Kind]*window
	faults     map[Kind]*plannedFault
	calls      []recordedCall
	violations []string
}

// Start runs the API until the test's end. A call outside the facts that [StandIn.Violations] did
// not take fails the test.
func Start(t testing.TB, o Options) *StandIn {
	t.Helper()
	o.complete()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &StandIn{
		Addr: l.Addr().String(), URL: "http://" + l.Addr().String(), options: o, closed: make(chan struct{}),
		tokens: make(map[string]time.Time), accounts: make(map[string]*Account), secrets: []string{o.ClientSecret},
		faults:  make(map[Kind]*plannedFault),
		windows: map[Kind]*window{AccountOf: {}, Proxy: {}},
	}
	if o.TLS != nil {
		l, s.URL = tls.NewListener(l, o.TLS), "https://"+s.Addr
	}
	s.upstream = &http.Transport{DialContext: o.Dial,
		TLSClientConfig: &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}, DisableCompression: true}
	s.server = &http.Server{
		Handler: s, ConnContext: withWire, ReadHeaderTimeout: time.Minute,
		// What breaks here was broken by the test.
		ErrorLog: log.New(nothing{}, "", 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.server.Serve(tap{l}) // ends with Close
	}()
	t.Cleanup(func() {
		s.close()
		<-done
		for _, v := range s.Violations() {
			t.Errorf("a call outside the facts: %s", v)
		}
	})
	return s
}

func (s *StandIn) close() {
	close(s.closed)
	_ = s.server.Close() // the listener is ours alone
	s.upstream.CloseIdleConnections()
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

// Change changes what the API is like from the next call on, but for how it and the APIs behind it
// are reached.
func (s *StandIn) Change(change func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.options)
	s.options.complete()
}

func (s *StandIn) now() Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options
}

// Secrets are all values that none but the API and its client may ever see: the client's secret,
// tokens, and credentials of accounts.
func (s *StandIn) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.secrets...)
}

// ServeHTTP holds a call to the facts, then to what is permitted, then fails as it was told to, or
// answers.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(r)
	s.record(c)
	if refused := s.permit(c); refused != nil {
		s.refuse(w, c, refused)
		return
	}
	if s.fail(w, c) {
		return
	}
	var refused *refusal
	switch c.kind {
	case Token:
		s.issue(w)
	case AccountOf:
		refused = s.describe(w, c)
	case Proxy:
		refused = s.relay(r.Context(), w, c)
	}
	if refused != nil {
		s.refuse(w, c, refused)
	}
}

// permit checks a call in the order in which an API would: what it is, who makes it, and how often.
func (s *StandIn) permit(c *call) *refusal {
	if refused := c.check(); refused != nil {
		return refused
	}
	if c.kind == Token {
		return s.checkClient(c)
	}
	o := s.now()
	got := c.Header.Get("X-Pd-Environment")
	if got != "development" && got != "production" { // the header's only values (OpenAPI)
		return outside("x-pd-environment is none: %q", got)
	}
	if refused := s.authenticate(c); refused != nil {
		return refused
	}
	// Accounts of one environment are invisible in the other (docs, "Environments").
	if c.project != o.Project || got != o.Environment {
		return &refusal{status: http.StatusNotFound, text: "record not found"}
	}
	if refused := s.spend(c.kind); refused != nil || c.kind != Proxy {
		return refused
	}
	return s.prepare(c)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}
