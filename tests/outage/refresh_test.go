package outage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// provider is a token endpoint that rotates refresh tokens: one that is sent twice ends the grant.
type provider struct {
	*httptest.Server
	// called runs while a call has taken effect and is not answered yet.
	called func()

	mu     sync.Mutex
	issued int
	reused bool
}

func startProvider(t testing.TB, called func()) *provider {
	p := &provider{called: called}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("refresh_token")
	p.mu.Lock()
	if token != fmt.Sprintf("canary-refresh-%d", p.issued) {
		p.reused = true
	}
	p.issued++
	issued, reused := p.issued, p.reused
	p.mu.Unlock()
	p.called()
	w.Header().Set("Content-Type", "application/json")
	if reused {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": fmt.Sprintf("canary-access-%d", issued), "token_type": "bearer", "expires_in": 3600,
		"refresh_token": fmt.Sprintf("canary-refresh-%d", issued),
	})
}

// newSource returns the source of a node.
func newSource(t testing.TB, p *provider, s *store.Store) *local.Source {
	app := &catalog.App{Slug: "gmail", Name: "Gmail", OAuth2: &catalog.OAuth2{TokenURL: p.URL + "/token"}}
	source := local.New(local.Options{
		Store:     s,
		Catalog:   func(slug string) (*catalog.App, bool) { return app, slug == app.Slug },
		Transport: func(*catalog.App) http.RoundTripper { return p.Client().Transport },
		Logger:    slog.New(slog.DiscardHandler),
		// Longer than the lease.
		RefreshTimeout: 6 * time.Second,
		Clients: func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "client", Secret: vending.NewSecret("canary-secret")}, nil
		},
	})
	t.Cleanup(source.Close)
	return source
}

// vend vends as the gateway does, within its default timeout.
func vend(ctx context.Context, s *local.Source, id string) (token string, err error) {
	ctx, cancel := context.WithTimeout(ctx, vendTimeout)
	defer cancel()
	c, err := s.Vend(ctx, vending.Request{Tenant: acme, User: alice, Connection: id, App: "gmail"})
	if err != nil {
		return "", err
	}
	token, _ = c.Field(vending.AccessToken)
	return token, nil
}

const vendTimeout = 15 * time.Second

// wantUnavailable checks the answer of a call that needs a server which is lost.
func wantUnavailable(t testing.TB, err error) {
	t.Helper()
	var e *vending.Error
	if !errors.As(err, &e) || e.Code != vending.UpstreamUnavailable || e.Origin != vending.FromVending ||
		e.RetryAfter <= 0 {
		t.Errorf("error %v, want upstream_unavailable of vending with Retry-After", err)
	}
}

// TestRefreshDuringOutage loses the server while the provider answers a refresh, for longer than
// the lease lasts. The new grant is the only copy: it must be stored when the server is back,
// before another node takes the lease over and sends the old refresh token again.
func TestRefreshDuringOutage(t *testing.T) {
	for name, c := range map[string]struct {
		lose, back func(*services.Postgres)
	}{
		"killed": {(*services.Postgres).Kill, (*services.Postgres).Start},
		"frozen": {(*services.Postgres).Freeze, (*services.Postgres).Thaw},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg, dir := services.OwnPostgreSQL(t), t.TempDir()
			first, second := open(t, dir, pg.URL, ""), open(t, dir, pg.URL, "")
			id := connectAlice(t, first)
			p := startProvider(t, func() { c.lose(pg) })
			one, two := newSource(t, p, first), newSource(t, p, second)

			_, err := vend(t.Context(), one, id)
			wantUnavailable(t, err)
			_, _ = vend(t.Context(), two, id) // which finds out that the server is lost
			for _, s := range []*local.Source{one, two} {
				began := time.Now()
				_, err := vend(t.Context(), s, id)
				wantUnavailable(t, err)
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("a call took %v on a server that is known to be lost", took)
				}
			}
			p.called = func() {}
			c.back(pg)
			began := time.Now()
			var all sync.WaitGroup
			for _, s := range []*local.Source{two, one} {
				all.Go(func() {
					for {
						token, err := vend(t.Context(), s, id)
						if err == nil && token != "canary-access-1" {
							t.Errorf("vended %q, want the token of the one refresh", token)
						}
						if err == nil {
							return
						}
						wantUnavailable(t, err)
						if time.Since(began) > 20*time.Second {
							t.Errorf("after 20 s: %v", err)
							return
						}
						time.Sleep(10 * time.Millisecond)
					}
				})
			}
			all.Wait()
			t.Logf("both nodes vend the new token %v after the server was back", time.Since(began))
			_, g, err := second.Grant(t.Context(), acme, alice, id)
			check(t, err)
			if v := g.Reveal(); p.issued != 1 || v.RefreshToken != "canary-refresh-1" {
				t.Errorf("the provider was called %d times, want 1; stored %q", p.issued, v.RefreshToken)
			}
		})
	}
}
