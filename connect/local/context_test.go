package local

import (
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestAuditNamesTheRequest: that a refresh outlives its caller must not lose who caused it.
func TestAuditNamesTheRequest(t *testing.T) { storetest.DirectAtOnce(t, testAuditNamesTheRequest) }

func testAuditNamesTheRequest(t *testing.T) {
	p := startProvider(t)
	p.current = "another"
	store := openStore(t, t.TempDir())
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	ctx := connect.WithActor(t.Context(), connect.Actor{Name: "api key abc", Request: "request-7"})
	if _, err := newSource(t, p, store).Vend(ctx, request(id)); codeOf(err) != vending.NeedsReconnection {
		t.Fatalf("error %v", err)
	}
	rows, _, err := store.Audit(t.Context(),
		connect.AuditFilter{Tenant: tenant, Connection: id, Event: connect.VendFailed})
	if err != nil || len(rows) != 1 || rows[0].Actor != "api key abc" || rows[0].Request != "request-7" {
		t.Errorf("recorded %+v, %v", rows, err)
	}
}

// TestTransportIsTheApps: no app is dialled under another's guard.
func TestTransportIsTheApps(t *testing.T) { storetest.DirectAtOnce(t, testTransportIsTheApps) }

func testTransportIsTheApps(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store, func(o *Options) {
		own := o.Transport
		o.Transport = func(app *catalog.App) http.RoundTripper {
			if app.Slug != "gmail" {
				return nil
			}
			return own(app)
		}
	})
	if _, err := s.Vend(t.Context(), request(importApp(t, store, "gmail", grantFor(-time.Second)))); err != nil {
		t.Errorf("gmail: %v", err)
	}
	id := importApp(t, store, "basic-auth", grantFor(-time.Second))
	_, err := s.Vend(t.Context(), vending.Request{Tenant: tenant, User: user, Connection: id})
	if codeOf(err) != vending.UpstreamUnavailable || p.asked() != 1 {
		t.Errorf("basic-auth: %v after %d calls", err, p.asked())
	}
}

// TestCallerCannotWatch has a caller whose context forwards 1xx answers, as that of a proxied
// request does.
func TestCallerCannotWatch(t *testing.T) { storetest.DirectAtOnce(t, testCallerCannotWatch) }

func testCallerCannotWatch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Canary", "canary")
		w.WriteHeader(http.StatusEarlyHints)
		answer{200, `{"access_token":"n"}`, nil}.ServeHTTP(w, r)
	}))
	defer server.Close()
	store := openStore(t, t.TempDir())
	s := New(Options{Store: store, Catalog: appsAt(server.URL), Clients: clients,
		Transport: through(server.Client().Transport)})
	defer s.Close()
	seen := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:        func(string) { seen++ },
		Got1xxResponse: func(int, textproto.MIMEHeader) error { seen++; return nil },
	})
	cred, err := s.Vend(ctx, request(importApp(t, store, "gmail", grantFor(-time.Second))))
	if err != nil || tokenOf(cred) != "n" || seen != 0 {
		t.Errorf("token %q, %v; the caller saw %d events", tokenOf(cred), err, seen)
	}
}
