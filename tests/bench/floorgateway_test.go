package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
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
	Upstream: "https://api.example.com", OAuth2: &catalog.OAuth2{TokenURL: "https://api.example.com/token"}}

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

// stop ends a call as net/http has handlers end one: without an answer, which would cost more than
// most of the steps.
func stop() { panic(http.ErrAbortHandler) }

// stopping is a limiter where calls end.
type stopping struct{ policy.Limiter }

func (stopping) Reserve(context.Context, policy.Draws, time.Time) (policy.Reservations, policy.Spent, error) {
	stop()
	return policy.Reservations{}, policy.Spent{}, nil
}

// ending is a source where calls end, before it vends or, with a source to ask, after.
type ending struct{ vending.Source }

func (e ending) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	if e.Source != nil {
		if _, err := e.Source.Vend(ctx, r); err != nil {
			return vending.Credential{}, err
		}
	}
	stop()
	return vending.Credential{}, nil
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
	status   int // of the answer; 0 if the call is stopped
}

func newFloor(b *testing.B) *floor {
	c := staticsource.Connection{ID: "c1", Tenant: floorTenant, User: user, App: floorApp.Slug,
		AuthType: vending.OAuth, Fields: []vending.Field{{Name: vending.AccessToken, Value: token}}}
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

// handler returns the gateway of the case.
func (f *floor) handler(b *testing.B) http.Handler {
	f.tenant.Usage = policy.NewMemory(nil).Usage(floorTenant, policy.Budgets{})
	keyring := policy.NewKeyring(map[policy.Digest]*policy.Tenant{policy.DigestOf(floorKey): &f.tenant}, nil, nil, nil)
	g := gateway.New(gateway.Options{
		Catalog: floorCatalog(b), Keyring: keyring, Limiter: f.limiter,
		Sources:     map[string]*gateway.Source{"source": gateway.NewSource("source", f.source)},
		Transport:   func(*catalog.App) http.RoundTripper { return &f.upstream },
		VendTimeout: time.Minute,
	})
	return g.Handler(gateway.HandlerOptions{Prefix: "/proxy"})
}

// run measures calls of the gateway.
func (f *floor) run(b *testing.B) {
	f.serve(b, f.handler(b))
	if f.status == http.StatusOK && f.upstream.sent.Header.Get("Authorization") != "Bearer "+token {
		b.Fatal("the credential was not injected")
	}
}

func (f *floor) serve(b *testing.B, h http.Handler) {
	w := &sink{header: http.Header{}}
	measure(b, func() {
		clear(w.header)
		w.status = 0
		f.call(h, w)
		if w.status != f.status {
			b.Fatalf("the answer is %d, want %d", w.status, f.status)
		}
	})
}

func (f *floor) call(h http.Handler, w http.ResponseWriter) {
	defer func() {
		if cause := recover(); cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // it is not wrapped
			panic(cause)
		}
	}()
	h.ServeHTTP(w, f.request)
}

// measure reports the CPU time of the process besides the time that passed: the garbage collector's
// is in it, and that of other processes is not.
func measure(b *testing.B, call func()) {
	b.ReportAllocs()
	before := ownCPU(b)
	for b.Loop() {
		call()
	}
	b.ReportMetric(float64(ownCPU(b)-before)/float64(b.N), "cpu-ns/op")
}

func ownCPU(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

// refused measures calls that the gateway refuses or, if alone, the same refusal without a call.
func (f *floor) refused(b *testing.B, alone bool) {
	h, answer := f.handler(b), httptest.NewRecorder()
	h.ServeHTTP(answer, f.request)
	f.status = answer.Code
	if alone {
		var refusal struct {
			Message string
			Data    struct{ Code vending.Code }
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &refusal); err != nil || refusal.Data.Code == "" {
			b.Fatalf("%v in %s", err, answer.Body)
		}
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gateway.Refuse(w, r, "", vending.Refuse(refusal.Data.Code, refusal.Message))
		})
	}
	f.serve(b, h)
}
