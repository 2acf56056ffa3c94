package local

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// machines is an authorization server for client credentials; it knows one client.
type machines struct {
	*httptest.Server

	mu    sync.Mutex
	forms []string
}

const machineForm = "client_id=canary-id&client_secret=canary-secret&grant_type=client_credentials&scope=a+b"

func startMachines(t *testing.T) *machines {
	t.Helper()
	m := &machines{}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *machines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	m.mu.Lock()
	m.forms = append(m.forms, string(body))
	issued := len(m.forms)
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if string(body) != machineForm {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"canary-description"}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"canary-access-%d","token_type":"bearer","expires_in":3600}`, issued)
}

func (m *machines) asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.forms)
}

func (m *machines) source(t *testing.T, store *store.Store, logger *slog.Logger) *Source {
	t.Helper()
	s := New(Options{
		Store: store, Catalog: appsAt(m.URL), Transport: through(m.Client().Transport), RefreshTimeout: 5 * time.Second,
		Logger:  logger,
		Clients: nil, // nobody has registered us: the client is the end user's
	})
	t.Cleanup(s.Close)
	return s
}

// machineGrant is what an end user entered, with a token that ends after lifetime.
func machineGrant(lifetime time.Duration) connect.GrantValues {
	v := grantFor(lifetime)
	v.RefreshToken, v.Scope = "", ""
	v.Fields = []vending.Field{{Name: "client_id", Value: "canary-id"}, {Name: "site", Value: "acme"},
		{Name: "client_secret", Value: "canary-secret"}}
	return v
}

func machineRequest(id string) vending.Request {
	return vending.Request{Tenant: tenant, User: user, Connection: id, App: "machine"}
}

// TestClientCredentials has callers of two processes share a refresh, and none of them the client's
// secret.
func TestClientCredentials(t *testing.T) { storetest.DirectAtOnce(t, testClientCredentials) }

func testClientCredentials(t *testing.T) {
	m := startMachines(t)
	dir := t.TempDir()
	store, other := openStore(t, dir), openStore(t, dir)
	sources := []*Source{m.source(t, store, nil), m.source(t, other, nil)}
	id := importApp(t, store, "machine", machineGrant(-time.Second))
	want := vending.NewOAuth("machine", "canary-access-1", "Bearer", time.Time{},
		vending.Field{Name: "site", Value: "acme"})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if cred, err := sources[i%2].Vend(t.Context(), machineRequest(id)); err != nil || !cred.Equal(want) {
				t.Errorf("%v, or another credential than token and site", err)
			}
		})
	}
	wg.Wait()
	if got := m.asked(); !slices.Equal(got, []string{machineForm}) {
		t.Errorf("the provider got %q", got)
	}
	c, v := stored(t, other, id)
	kept := machineGrant(0)
	kept.AccessToken, kept.TokenType, kept.Expiry = "canary-access-1", "bearer", v.Expiry
	if !reflect.DeepEqual(v, kept) || c.Version != 2 || v.Expiry.Before(time.Now().Add(59*time.Minute)) {
		t.Errorf("another grant is stored than was entered and granted, at version %d", c.Version)
	}
}

// TestClientCredentialsForced: an upstream that refuses the token is given a new one.
func TestClientCredentialsForced(t *testing.T) {
	storetest.DirectAtOnce(t, testClientCredentialsForced)
}

func testClientCredentialsForced(t *testing.T) {
	m := startMachines(t)
	store := openStore(t, t.TempDir())
	s := m.source(t, store, nil)
	id := importApp(t, store, "machine", machineGrant(time.Hour))
	refused, err := s.Vend(t.Context(), machineRequest(id))
	if err != nil || tokenOf(refused) != "canary-access-0" || len(m.asked()) != 0 {
		t.Fatalf("token %q, %v", tokenOf(refused), err)
	}
	r := machineRequest(id)
	r.Force, r.Refused = true, refused
	if cred, err := s.Vend(t.Context(), r); err != nil || tokenOf(cred) != "canary-access-1" {
		t.Errorf("token %q, %v; want canary-access-1", tokenOf(cred), err)
	}
}

// TestClientCredentialsRefused tells what the end user must repair from what the operator must.
func TestClientCredentialsRefused(t *testing.T) {
	storetest.DirectAtOnce(t, testClientCredentialsRefused)
}

func testClientCredentialsRefused(t *testing.T) {
	without := func(name string) func(*connect.GrantValues) {
		return func(v *connect.GrantValues) {
			v.Fields = slices.DeleteFunc(v.Fields, func(f vending.Field) bool { return f.Name == name })
		}
	}
	whole := func(*connect.GrantValues) {}
	for name, c := range map[string]struct {
		change  func(*connect.GrantValues)
		answer  http.Handler
		want    vending.Code
		calls   int
		flagged bool
	}{
		"invalid_client": {whole, answer{401, `{"error":"invalid_client","error_description":"canary"}`, nil}, gone, 1,
			true},
		"unauthorized_client": {whole, answer{400, `{"error":"unauthorized_client"}`, nil}, gone, 1, true},
		"401 in HTML":         {whole, answer{401, `canary`, html}, gone, 1, true},
		"invalid_grant":       {whole, answer{400, `{"error":"invalid_grant"}`, nil}, gone, 1, true},
		"invalid_scope":       {whole, answer{400, `{"error":"invalid_scope"}`, nil}, broken, 1, false},
		"503":                 {whole, answer{503, `{"error":"invalid_client"}`, nil}, away, 2, false},
		"429":                 {whole, answer{429, ``, nil}, limited, 2, false},
		"no client id":        {without("client_id"), answer{200, `{"access_token":"n"}`, nil}, gone, 0, true},
		"no client secret":    {without("client_secret"), answer{200, `{"access_token":"n"}`, nil}, gone, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				c.answer.ServeHTTP(w, r)
			}))
			defer server.Close()
			var log bytes.Buffer
			store := openStore(t, t.TempDir())
			m := &machines{Server: server}
			s := m.source(t, store, slog.New(slog.NewJSONHandler(&log, nil)))
			v := machineGrant(-time.Second)
			c.change(&v)
			id := importApp(t, store, "machine", v)
			for range 2 { // what has ended, or was refused just now, is not asked for again
				cred, err := s.Vend(t.Context(), machineRequest(id))
				if codeOf(err) != c.want || !cred.IsZero() || strings.Contains(err.Error(), "canary") {
					t.Errorf("error %v, want %s", err, c.want)
				}
			}
			if conn, _ := stored(t, store, id); conn.NeedsReconnection != c.flagged || calls != c.calls {
				t.Errorf("flagged %v after %d calls, want %v after %d", conn.NeedsReconnection, calls, c.flagged, c.calls)
			}
			if strings.Contains(log.String(), "canary") {
				t.Error("a canary stands in the log")
			}
		})
	}
}
