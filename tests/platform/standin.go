// Package platform plays Pabbly Connect's Platform API, as its integration guide describes it: the
// two calls that a gateway makes. It holds who calls it to the guide, and knows nothing of the
// gateway: it must never import what it is there to test.
//
// Where the guide leaves the form of an answer open, the stand-in has more than one: see [Style].
// Numbers in comments are the guide's sections.
package platform

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Key is a tenant key and what it may do: any subset of `apps`, `connections`, `token` and `delete`
// (3, "Capabilities"). During a rotation a tenant has two (3, "Key rotation").
type Key struct {
	Tenant       string
	Capabilities []string
}

// Connection is one app authorized by one end user for one tenant (2, "Core concepts").
type Connection struct {
	Tenant, User string
	// App is what the answer says of the app: the guide shows no form. See [AppObject].
	App any
	// Status is `pending`, `active`, `rejected` or `expired` (8, "Connection status").
	Status string
	// Revoked answers the token call 401 `needs_reconnection` (12, 14 "the OAuth grant expired").
	Revoked bool
	// Token is the data of the token call's answer: [OAuth] or [Fields] (8, "two shapes").
	Token any
}

// StandIn is the API. It is an http.Handler, safe for parallel use; its exported members are set
// before it serves.
type StandIn struct {
	Style Style
	// Keys are the tenant keys by their text, `pk_live_…` (3).
	Keys map[string]Key
	// Connections are by id, an opaque string (8).
	Connections map[string]Connection

	t      testing.TB
	mu     sync.Mutex
	tokens int // left of the budget
	reads  int
	fault  http.HandlerFunc
	calls  []string
}

// New returns the API without keys and connections, with the budgets of section 12: 600 token calls
// and 120 others. A request that the guide does not describe fails the test.
func New(t testing.TB) *StandIn {
	return &StandIn{t: t, Keys: make(map[string]Key), Connections: make(map[string]Connection), tokens: 600, reads: 120}
}

// Budget sets what is left of the budgets for token calls and for others.
func (s *StandIn) Budget(tokens, reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens, s.reads = tokens, reads
}

// Fail has token calls answered by f from now on; nil ends that.
func (s *StandIn) Fail(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Calls returns the calls received so far, as method and path, and forgets them.
func (s *StandIn) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

const base = "/platform/v1/connections/"

func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.RequestURI)
	capability := s.check(r)
	key, ok := s.Keys[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, base), "/token")
	c, known := s.Connections[id]
	vends := capability == "token"
	switch {
	// The guide names no code for a key that is unknown or retired; this is Vendgate's.
	case !ok:
		s.Style.refuse(w, 401, "invalid_tenant_key")
	case !slices.Contains(key.Capabilities, capability): // 3, 12
		s.Style.refuse(w, 403, "capability_disabled")
	case !s.spend(vends): // 12: 429 carries Retry-After, in seconds
		w.Header().Set("Retry-After", "42")
		s.Style.refuse(w, 429, "rate_limited")
	case !known || c.Tenant != key.Tenant || c.User != r.Header.Get("X-User-Email"): // 11: one's own only
		s.Style.refuse(w, 404, "connection_deleted")
	case !vends:
		s.Style.succeed(w, c.metadata(id))
	case s.fault != nil:
		s.fault(w, r)
	case c.Revoked:
		s.Style.refuse(w, 401, "needs_reconnection")
	default:
		w.Header().Set("Cache-Control", "no-store") // 11, 14
		s.Style.succeed(w, c.Token)
	}
}

func (s *StandIn) spend(vends bool) bool {
	budget := &s.reads
	if vends {
		budget = &s.tokens
	}
	if *budget == 0 {
		return false
	}
	*budget--
	return true
}

// check fails the test unless r is one of the two calls (8), with the headers of section 4 and no
// body; it returns the capability that r needs.
func (s *StandIn) check(r *http.Request) string {
	capability, method := "connections", http.MethodGet
	if strings.HasSuffix(r.URL.Path, "/token") {
		capability, method = "token", http.MethodPost
	}
	id := strings.TrimSuffix(strings.TrimPrefix(r.RequestURI, base), "/token")
	if r.Method != method || !strings.HasPrefix(r.RequestURI, base) || id == "" || strings.ContainsAny(id, "/?") {
		s.t.Errorf("request %s %s is not in the guide", r.Method, r.RequestURI)
	}
	for _, name := range []string{"Authorization", "X-User-Email"} {
		if len(r.Header.Values(name)) != 1 {
			s.t.Errorf("%s: %d times", name, len(r.Header.Values(name)))
		}
	}
	allowed := []string{"Authorization", "X-User-Email", "Accept", "Accept-Encoding", "User-Agent", "Content-Length"}
	for name := range r.Header {
		if !slices.Contains(allowed, name) {
			s.t.Errorf("header %s was sent", name)
		}
	}
	if auth := r.Header.Get("Authorization"); !strings.HasPrefix(auth, "Bearer pk_live_") {
		s.t.Errorf("Authorization is no tenant key as Bearer")
	}
	if body, err := io.ReadAll(r.Body); err != nil || len(body) != 0 {
		s.t.Errorf("a body of %d bytes, %v", len(body), err)
	}
	return capability
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the gateway may have gone
}
