package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	localsource "github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	staticsource "github.com/vendgate/vendgate/vending/static"
)

const (
	floorKey    = policy.KeyPrefix + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	floorTenant = "acme"
	floorTarget = "/proxy/c1/bench/v1/users/me/messages?maxResults=10&q=is%3Aunread"
)

var floorApp = catalog.App{Slug: "bench", Name: "Bench", AuthType: string(vending.OAuth),
	Upstream: "https://api.example.com"}

// memoryUpstream is an upstream that costs as little as one can.
type memoryUpstream struct{ sent *http.Request }

var memoryBody = bytes.Repeat([]byte("a"), 1024)

func (m *memoryUpstream) RoundTrip(r *http.Request) (*http.Response, error) {
	m.sent = r
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		ContentLength: int64(len(memoryBody)), Body: io.NopCloser(bytes.NewReader(memoryBody)),
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"1024"}},
	}, nil
}

// sink is a response that is thrown away.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return len(b), nil
}

// stopping is a limiter that lets no call pass, and counts nothing.
type stopping struct{ policy.Limiter }

func (stopping) Reserve(context.Context, policy.Draws, time.Time) (policy.Reservations, policy.Spent, error) {
	return policy.Reservations{}, policy.Spent{}, vending.Refuse(vending.RateLimited, "")
}

// refusing is a source that vends nothing.
type refusing struct{}

func (refusing) Vend(context.Context, vending.Request) (vending.Credential, error) {
	return vending.Credential{}, vending.Refuse(vending.ConnectionDeleted, "")
}

// floor is a gateway that a case changes.
type floor struct {
	limiter  policy.Limiter
	source   vending.Source
	tenant   policy.Tenant
	upstream memoryUpstream
	request  *http.Request
	status   int // that the call must have
}

func newFloor(b *testing.B, field string) *floor {
	c := staticsource.Connection{ID: "c1", Tenant: floorTenant, User: user, App: floorApp.Slug,
		AuthType: vending.OAuth, Fields: []vending.Field{{Name: field, Value: token}}}
	if field != vending.AccessToken {
		c.AuthType = vending.APIKey
	}
	source, err := staticsource.New(c)
	if err != nil {
		b.Fatal(err)
	}
	f := &floor{limiter: policy.NewMemory(nil), source: source, status: http.StatusOK,
		request: httptest.NewRequest(http.MethodGet, floorTarget, nil)}
	f.tenant = policy.Tenant{ID: floorTenant, Source: "source", Capabilities: policy.AllCapabilities}
	for name, value := range map[string]string{"Authorization": "Bearer " + floorKey, "X-User-Email": user,
		"User-Agent": "bench/1.0", "Accept": "application/json", "Accept-Encoding": "gzip"} {
		f.request.Header.Set(name, value)
	}
	return f
}

func floorCatalog(b *testing.B) *catalog.Catalog {
	apps, err := catalog.New(floorApp)
	if err != nil {
		b.Fatal(err)
	}
	return apps
}

// run measures calls of the gateway.
func (f *floor) run(b *testing.B) {
	f.tenant.Usage = policy.NewMemory(nil).Usage(floorTenant, policy.Budgets{})
	keyring := policy.NewKeyring(map[policy.Digest]*policy.Tenant{policy.DigestOf(floorKey): &f.tenant}, nil, nil, nil)
	g := gateway.New(gateway.Options{
		Catalog: floorCatalog(b), Keyring: keyring, Limiter: f.limiter,
		Sources:     map[string]*gateway.Source{"source": gateway.NewSource("source", f.source)},
		Transport:   func(*catalog.App) http.RoundTripper { return &f.upstream },
		VendTimeout: time.Minute,
	})
	f.serve(b, g.Handler(gateway.HandlerOptions{Prefix: "/proxy"}))
	if f.status == http.StatusOK && f.upstream.sent.Header.Get("Authorization") != "Bearer "+token {
		b.Fatal("the credential was not injected")
	}
}

func (f *floor) serve(b *testing.B, h http.Handler) {
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		w.status = 0
		h.ServeHTTP(w, f.request)
		if w.status != f.status {
			b.Fatalf("the answer is %d, want %d", w.status, f.status)
		}
	}
}

func BenchmarkFloorEmptyHandler(b *testing.B) {
	newFloor(b, vending.AccessToken).serve(b, http.HandlerFunc(answerEmpty))
}

func BenchmarkFloorTransport(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.upstream.RoundTrip(f.request); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFloorEmptyReverseProxy(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.serve(b, &httputil.ReverseProxy{Transport: &f.upstream, BufferPool: newBuffers(),
		Rewrite: func(*httputil.ProxyRequest) {}})
}

func BenchmarkFloorRefusal(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.status = http.StatusUnauthorized
	f.serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.Refuse(w, r, "", vending.Refuse(vending.InvalidTenantKey, ""))
	}))
}

func BenchmarkFloorParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ours, err := policy.ParseTarget(http.MethodGet, floorTarget, "/proxy"); !ours || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFloorRefusedAtAuthenticate(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.request.Header.Del("Authorization")
	f.status = http.StatusUnauthorized
	f.run(b)
}

func BenchmarkFloorRefusedAtIdentify(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.request.Header.Del("X-User-Email")
	f.status = http.StatusBadRequest
	f.run(b)
}

func BenchmarkFloorRefusedAtPermit(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.tenant.Capabilities = []policy.Capability{policy.CapApps}
	f.status = http.StatusForbidden
	f.run(b)
}

func BenchmarkFloorRefusedAtSpend(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.limiter = stopping{f.limiter}
	f.status = http.StatusTooManyRequests
	f.run(b)
}

func BenchmarkFloorRefusedByTheSource(b *testing.B) {
	f := newFloor(b, vending.AccessToken)
	f.source = refusing{}
	f.status = http.StatusNotFound
	f.run(b)
}

// The credential lacks what the app's placement needs.
func BenchmarkFloorRefusedAtInject(b *testing.B) {
	f := newFloor(b, "another")
	f.status = http.StatusInternalServerError
	f.run(b)
}

func BenchmarkFloorInject(b *testing.B) {
	app := floorApp
	apps := floorCatalog(b)
	if known, ok := apps.App(app.Slug); ok {
		app = *known
	}
	placement, err := inject.NewPlacement(&app)
	if err != nil {
		b.Fatal(err)
	}
	f := newFloor(b, vending.AccessToken)
	transport := &inject.Transport{Base: &f.upstream}
	credential := vending.NewOAuth(app.Slug, token, "Bearer", time.Time{})
	path, query, _ := strings.Cut(strings.TrimPrefix(floorTarget, "/proxy/c1/bench"), "?")
	b.ReportAllocs()
	for b.Loop() {
		x, err := inject.NewInjection(placement, credential, path, query, true, nil)
		if err != nil {
			b.Fatal(err)
		}
		x.Guard(inject.NewKey(floorKey))
		if _, err := transport.RoundTrip(f.request.WithContext(inject.WithInjection(b.Context(), x))); err != nil {
			b.Fatal(err)
		}
		x.Forget()
	}
}

func BenchmarkFloorServedStatic(b *testing.B) { newFloor(b, vending.AccessToken).run(b) }

func BenchmarkFloorServedLocal(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	grant := connect.NewGrant(connect.GrantValues{AccessToken: token, Expiry: time.Now().Add(24 * time.Hour)})
	id, err := s.ImportConnection(b.Context(), connect.Connection{Tenant: floorTenant, User: user, App: floorApp.Slug,
		AuthType: vending.OAuth}, grant)
	if err != nil {
		b.Fatal(err)
	}
	apps := floorCatalog(b)
	source := localsource.New(localsource.Options{Store: s, Catalog: apps.App})
	defer source.Close()
	f := newFloor(b, vending.AccessToken)
	f.source = source
	f.request.RequestURI = strings.Replace(floorTarget, "/c1/", "/"+id+"/", 1)
	f.run(b)
}
