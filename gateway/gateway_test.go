package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/static"
)

const (
	tenantKey  = policy.KeyPrefix + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
	credential = "token-of-alice"
)

// TestServe is one call from end to end: a backend calls the app `notes` for its customer Alice,
// and never sees the credential by which the upstream answers.
func TestServe(t *testing.T) {
	var got *http.Request
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "hello")
	}))
	defer upstream.Close()
	events := make(events, 1)
	server := httptest.NewServer(newHandler(t, upstream.URL, events))
	defer server.Close()

	status, body := call(t, server.URL+"/proxy/c1/notes/v1/notes?draft=true", tenantKey)
	if status != http.StatusCreated || body != "hello" {
		t.Errorf("the answer is %d %q", status, body)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/v1/notes?draft=true" {
		t.Errorf("the upstream got %s %s", got.Method, got.RequestURI)
	}
	if value := got.Header.Get("Authorization"); value != "Bearer "+credential {
		t.Errorf("the upstream got Authorization %q", value)
	}
	for name, values := range got.Header {
		if name == "X-User-Email" || strings.Contains(strings.Join(values, ""), tenantKey) {
			t.Errorf("%s: %q reached the upstream", name, values)
		}
	}
	e := <-events
	if e.Tenant != "acme" || e.Connection != "c1" || e.App != "notes" || e.User != "alice@example.com" ||
		e.Source != "static" || e.Vends != 1 || e.Status != http.StatusCreated || e.Code != "" || e.Sent.IsZero() {
		t.Errorf("the event is %+v", e)
	}
}

// TestServeRefuses: a call with an unknown key gets the code for it, and comes no further.
func TestServeRefuses(t *testing.T) {
	events := make(events, 1)
	server := httptest.NewServer(newHandler(t, "http://127.0.0.1:1", events))
	defer server.Close()
	status, body := call(t, server.URL+"/proxy/c1/notes/v1/notes", tenantKey+"x")
	if code := codeOf(t, body); status != http.StatusUnauthorized || code != vending.InvalidTenantKey {
		t.Errorf("the answer is %d %s", status, body)
	}
	e := <-events
	if e.Code != vending.InvalidTenantKey || e.Origin != vending.FromGateway || e.Tenant != "" || !e.Sent.IsZero() {
		t.Errorf("the event is %+v", e)
	}
}

// TestServeMaps: an upstream that refuses the credential has the call end with a code that says
// what to do, and with what the upstream said.
func TestServeMaps(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no access for "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	}))
	defer upstream.Close()
	events := make(events, 1)
	server := httptest.NewServer(newHandler(t, upstream.URL, events))
	defer server.Close()
	status, body := call(t, server.URL+"/proxy/c1/notes/v1/notes", tenantKey)
	if code := codeOf(t, body); status != http.StatusUnauthorized || code != vending.NeedsReconnection {
		t.Errorf("the answer is %d %s", status, body)
	}
	if !strings.Contains(body, "no access for ") || strings.Contains(body, credential) {
		t.Errorf("the upstream's error is quoted as %s", body)
	}
	if e := <-events; e.Code != vending.NeedsReconnection || e.Status != http.StatusUnauthorized {
		t.Errorf("the event is %+v", e)
	}
}

// TestServeNothing: a request that is no call is left to others, or is 404 `not_found`.
func TestServeNothing(t *testing.T) {
	h := newHandler(t, "http://127.0.0.1:1", nil)
	r := httptest.NewRequest(http.MethodGet, "/elsewhere", nil)
	w := httptest.NewRecorder()
	if h.Serve(w, r) || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("Serve answered %d %s", w.Code, w.Body)
	}
	if h.ServeHTTP(w, r); w.Code != http.StatusNotFound || codeOf(t, w.Body.String()) != vending.NotFound {
		t.Errorf("ServeHTTP answered %d %s", w.Code, w.Body)
	}
}

// TestServeEnds: however a call ends, it is told of once, is in flight no more, and panics with
// nothing but http.ErrAbortHandler.
func TestServeEnds(t *testing.T) {
	panicking := errors.New("a defect")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for name, c := range map[string]struct {
		vend  func() (vending.Credential, error)
		cause any
		code  vending.Code
	}{
		"the source refuses": {func() (vending.Credential, error) {
			return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
		}, nil, vending.ConnectionDeleted},
		"the source has nothing": {func() (vending.Credential, error) {
			return vending.Credential{}, nil
		}, nil, vending.InternalError},
		"the source panics": {func() (vending.Credential, error) { panic(panicking) }, panicking, ""},
		"the caller leaves": {func() (vending.Credential, error) {
			leave()
			return vending.Credential{}, context.Canceled
		}, http.ErrAbortHandler, gateway.Aborted},
	} {
		events, limiter := make(events, 2), policy.NewMemory(nil)
		g := newGateway(t, "http://127.0.0.1:1", &scripted{vend: c.vend}, limiter)
		for _, o := range []gateway.Observer{events, nil} {
			h := g.Handler(gateway.HandlerOptions{Prefix: "/proxy", Observer: o})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/proxy/c1/notes/v1", nil)
			if c.code == gateway.Aborted {
				r = r.WithContext(ctx)
			}
			r.Header.Set("Authorization", "Bearer "+tenantKey)
			r.Header.Set("X-User-Email", "alice@example.com")
			if cause := serve(h, r); cause != c.cause {
				t.Errorf("%s: it panicked with %v, want %v", name, cause, c.cause)
			}
		}
		if n := limiter.Usage("acme", policy.Budgets{}).InFlight(); n != 0 {
			t.Errorf("%s: %d calls are in flight", name, n)
		}
		if len(events) != 1 {
			t.Errorf("%s: it was told of %d times", name, len(events))
		} else if e := <-events; e.Code != c.code || e.Tenant != "acme" {
			t.Errorf("%s: the event is %+v", name, e)
		}
	}
}

// TestKeyTaker: only a source that asks for the caller's key gets it.
func TestKeyTaker(t *testing.T) {
	for _, takes := range []bool{false, true} {
		source := &scripted{takes: takes, vend: func() (vending.Credential, error) {
			return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
		}}
		h := newGateway(t, "http://127.0.0.1:1", source, policy.NewMemory(nil)).Handler(
			gateway.HandlerOptions{Prefix: "/proxy"})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/proxy/c1/notes/v1", nil)
		r.Header.Set("Authorization", "Bearer "+tenantKey)
		r.Header.Set("X-User-Email", "alice@example.com")
		if cause := serve(h, r); cause != nil {
			t.Fatal(cause)
		}
		if got := source.asked.Key.Reveal(); (got == tenantKey) != takes || !takes && got != "" {
			t.Errorf("a source that takes keys: %t got %q", takes, got)
		}
	}
}

// serve serves a request and returns what the handler panicked with.
func serve(h http.Handler, r *http.Request) (cause any) {
	defer func() { cause = recover() }()
	h.ServeHTTP(httptest.NewRecorder(), r)
	return nil
}

// scripted is a source that notes what it was last asked for.
type scripted struct {
	takes bool
	vend  func() (vending.Credential, error)
	asked vending.Request
}

func (s *scripted) TakesCallerKey() bool { return s.takes }

func (s *scripted) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	s.asked = r
	return s.vend()
}

// newHandler puts a gateway together: one app, one source with one connection, one tenant with one
// key.
func newHandler(t *testing.T, upstream string, o gateway.Observer) *gateway.Handler {
	t.Helper()
	source, err := static.New(static.Connection{
		ID: "c1", Tenant: "acme", User: "alice@example.com", App: "notes", AuthType: vending.APIKey,
		Fields: []vending.Field{{Name: "token", Value: credential}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return newGateway(t, upstream, source, policy.NewMemory(nil)).Handler(
		gateway.HandlerOptions{Prefix: "/proxy", Observer: o})
}

// newGateway is newHandler's over another source and a limiter that the test has.
func newGateway(t *testing.T, upstream string, source vending.Source, limiter policy.Limiter) *gateway.Gateway {
	t.Helper()
	return newGatewayOver(t, upstream, source, limiter, policy.DefaultTokenBudget,
		func(*catalog.App) http.RoundTripper { return http.DefaultTransport })
}

// newGatewayOver is newGateway's over another transport and another budget.
func newGatewayOver(t testing.TB, upstream string, source vending.Source, limiter policy.Limiter,
	budget policy.Budget, transport func(*catalog.App) http.RoundTripper) *gateway.Gateway {
	t.Helper()
	apps, err := catalog.New(catalog.App{
		Slug: "notes", Name: "Notes", AuthType: string(vending.APIKey), Upstream: upstream, AllowHTTP: true,
		Fields:    []catalog.Field{{Name: "token", Label: "Token", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {token}"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	budgets := policy.Budgets{Token: budget}
	acme := &policy.Tenant{ID: "acme", Source: "static", Capabilities: policy.AllCapabilities, Budgets: budgets,
		Usage: limiter.Usage("acme", budgets)}
	keyring := policy.NewKeyring(map[policy.Digest]*policy.Tenant{policy.DigestOf(tenantKey): acme}, nil, nil, nil)
	return gateway.New(gateway.Options{
		Catalog: apps, Keyring: keyring, Limiter: limiter,
		Sources:     map[string]*gateway.Source{"static": gateway.NewSource("static", source)},
		Transport:   transport,
		Public:      http.DefaultTransport,
		VendTimeout: time.Second,
	})
}

// events is an Observer that hands on the event of each call when that has ended.
type events chan gateway.Event

func (events) Begin(r *http.Request, _ *gateway.Event) *http.Request { return r }

func (events) Response(w http.ResponseWriter, _ *http.Request, _ http.Header,
	_ *gateway.Event) http.ResponseWriter {
	return w
}

func (c events) End(_ http.ResponseWriter, _ *http.Request, e *gateway.Event) { c <- *e }

// call makes a call for Alice and returns status and body.
func call(t *testing.T, url, key string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("text"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-User-Email", "Alice@example.com")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// codeOf reads the code of an error.
func codeOf(t *testing.T, body string) vending.Code {
	t.Helper()
	var answer struct{ Data struct{ Code vending.Code } }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return answer.Data.Code
}
