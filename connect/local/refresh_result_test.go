package local

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
)

// reported are the results that a source told, as `app result`.
type reported struct {
	mu  sync.Mutex
	all []string
}

func (r *reported) note(app string, result RefreshResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, app+" "+string(result))
}

func (r *reported) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.all, want) {
		t.Errorf("reported %q, want %q", r.all, want)
	}
}

// TestRefreshResults: each way in which a token endpoint answers has its result.
func TestRefreshResults(t *testing.T) { storetest.DirectAtOnce(t, testRefreshResults) }

func testRefreshResults(t *testing.T) {
	for result, a := range map[RefreshResult]answer{
		RefreshOK:           {200, `{"access_token":"a","token_type":"bearer","expires_in":3600}`, nil},
		RefreshInvalidGrant: {400, `{"error":"invalid_grant"}`, nil},
		RefreshRejected:     {401, `{"error":"invalid_client"}`, nil},
		RefreshRateLimited:  {429, ``, nil},
		RefreshUnavailable:  {503, ``, nil},
		RefreshMalformed:    {200, `<html>`, html},
	} {
		t.Run(string(result), func(t *testing.T) {
			server := httptest.NewServer(a)
			defer server.Close()
			var got reported
			s := New(Options{Store: openStore(t, t.TempDir()), Catalog: appsAt(server.URL), Clients: clients,
				Transport: through(server.Client().Transport), Refreshed: got.note})
			defer s.Close()
			id := importApp(t, s.o.Store, "gmail", grantFor(-time.Second))
			_, _ = s.Vend(t.Context(), request(id)) // what it answers has tests of its own
			got.want(t, "gmail "+string(result))
		})
	}
}

// TestRefreshResultOnce: those who share a refresh count once, and those who need none do not
// count.
func TestRefreshResultOnce(t *testing.T) { storetest.DirectAtOnce(t, testRefreshResultOnce) }

func testRefreshResultOnce(t *testing.T) {
	p := startProvider(t)
	var got reported
	s := newSource(t, p, openStore(t, t.TempDir()), func(o *Options) { o.Refreshed = got.note })
	id := importApp(t, s.o.Store, "gmail", grantFor(-time.Second))
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if _, err := s.Vend(t.Context(), request(id)); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	got.want(t, "gmail ok")
}

// TestRefreshResultWithoutCall: what keeps a refresh from being made or stored has its result.
func TestRefreshResultWithoutCall(t *testing.T) {
	storetest.DirectAtOnce(t, testRefreshResultWithoutCall)
}

func testRefreshResultWithoutCall(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	store := openStore(t, dir)
	var got reported
	noClient := func(context.Context, string, string) (connect.OAuthClient, error) {
		return connect.OAuthClient{}, fmt.Errorf("app gmail: %w", connect.ErrNoOAuthClient)
	}
	unconfigured := newSource(t, p, store, func(o *Options) { o.Refreshed, o.Clients = got.note, noClient })
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	_, _ = unconfigured.Vend(t.Context(), request(id))
	got.want(t, "gmail not_configured")

	panicking := newSource(t, p, store, func(o *Options) {
		o.Refreshed = got.note
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) { panic("a bug") }
	})
	_, _ = panicking.Vend(t.Context(), request(id))
	got.want(t, "gmail not_configured", "gmail failed")

	waiting := newSource(t, p, store, func(o *Options) {
		o.Refreshed, o.RefreshTimeout, o.Lease = got.note, 50*time.Millisecond, 50*time.Millisecond
	})
	leaseToOther(t, store, id, connect.MaxLease)
	_, _ = waiting.Vend(t.Context(), request(id))
	got.want(t, "gmail not_configured", "gmail failed", "gmail lease")
}

// TestRefreshResultUnsaved: a grant that the store does not take counts each time.
func TestRefreshResultUnsaved(t *testing.T) { storetest.DirectAtOnce(t, testRefreshResultUnsaved) }

func testRefreshResultUnsaved(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	store := openStore(t, dir)
	var got reported
	s := newSource(t, p, store, func(o *Options) { o.Refreshed, o.RefreshTimeout = got.note, 500*time.Millisecond })
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	repair := breakStore(t, dir)
	_, _ = s.Vend(t.Context(), request(id))
	_, _ = s.Vend(t.Context(), request(id))
	repair()
	got.want(t, "gmail unsaved", "gmail unsaved")
}
