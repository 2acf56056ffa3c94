package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// Options say what a source works on.
type Options struct {
	Store *store.Store
	// Catalog finds an app by slug.
	Catalog func(slug string) (*catalog.App, bool)
	// Clients finds the OAuth client of an app, for a tenant. Without one it returns
	// connect.ErrNoOAuthClient, wrapped or not.
	Clients func(ctx context.Context, tenant, app string) (connect.OAuthClient, error)
	// Transport reaches an app's token endpoint. It must guard what it dials by what that app allows;
	// where it is nil or returns nil, no token is ever refreshed.
	Transport func(app *catalog.App) http.RoundTripper
	// Margin is how long before its expiry a token is refreshed, but never more than half of what it
	// had left when it was stored; 0 means 60 s.
	Margin time.Duration
	// RefreshTimeout bounds each part of a refresh by itself: waiting for another process, the call
	// of the provider, and storing its answer; 0 means 10 s. The wait for another process lasts longer
	// where one that died has a lease for longer, and a call that loses its lease ends sooner.
	RefreshTimeout time.Duration
	// Lease is how long the refresh lease of a connection lasts unless this process renews it, as it
	// does five times in that while it refreshes. It is what a process that dies delays the next
	// refresh by, with a pause of three tenths of it. At most [connect.MaxLease]; 0 means 5 s. All
	// processes that share the store should have the same.
	Lease time.Duration
	// Refreshed, if not nil, is told what became of each refresh, from many goroutines. Callers that
	// share a refresh are one; a provider that refused us a moment ago and is not asked does not
	// count.
	Refreshed func(app string, result RefreshResult)
	// Logger receives what the caller must not see; nil discards it.
	Logger *slog.Logger
	// Now is the clock of expiries; nil means time.Now.
	Now func() time.Time
}

// The defaults of Options.
const (
	defaultMargin         = 60 * time.Second
	defaultRefreshTimeout = 10 * time.Second
	defaultLease          = 5 * time.Second
)

// Source vends from a store. Close it before the store.
type Source struct {
	o Options
	// name begins the owner of each lease of this source.
	name string

	refreshes singleflight.Group
	unsaved   unsavedGrants
	saver     saver
	renewals  failedRenewals
	// refusals paces the calls of a token endpoint that refuses us, lifted the lifting of flags.
	tokenPauses, flagPauses vending.Pauses

	mu       sync.Mutex // guards closed, and under way against being added to after it
	closed   bool
	closing  chan struct{} // closed with it
	underWay sync.WaitGroup
}

var _ vending.Source = (*Source)(nil)

// New returns a source over o.
func New(o Options) *Source {
	if o.Margin == 0 {
		o.Margin = defaultMargin
	}
	if o.RefreshTimeout == 0 {
		o.RefreshTimeout = defaultRefreshTimeout
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	o.Lease = min(o.Lease, connect.MaxLease)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Source{o: o, name: rand.Text(), closing: make(chan struct{})}
}

// Close waits for refreshes under way, but not for those that wait for another process, and tries
// once more to store what they could not, for at most RefreshTimeout. After it the source vends
// only what needs no refresh.
func (s *Source) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.underWay.Wait()
	s.saver.close()
	s.saveAll()
}

// recordedAs returns a context by which the store records what the call that r is for causes. A
// plain vend causes nothing; the Platform API's calls have one already.
func recordedAs(ctx context.Context, r vending.Request, what action) context.Context {
	if r.ID == "" || what == vend && !r.Force {
		return ctx
	}
	return connect.WithActor(ctx, connect.Actor{Request: r.ID})
}

// Vend implements [vending.Source].
func (s *Source) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	held, err := s.read(ctx, r)
	if err != nil {
		return vending.Credential{}, err
	}
	what := held.decide(r, s.o.Now(), s.o.Margin)
	ctx = recordedAs(ctx, r, what)
	switch what {
	case vend:
		c, err := s.credential(ctx, held)
		if err == nil && r.Force {
			s.flagRefused(ctx, held, r, c)
		}
		return c, err
	case renew:
		if s.renewals.due(held.ID, s.o.Now()) {
			s.startRefresh(ctx, held) // no call waits for it, as there are weeks for it
		}
		return s.credential(ctx, held)
	case reconnect:
		s.renewals.forget(held.ID)
		if s.unsaved.has(held) { // which a refresh stores first
			break
		}
		s.flagEnded(ctx, held, errNoRenewal)
		return vending.Credential{}, held.ended(nil)
	case refresh:
		if held.lasts(s.o.Now()) && !held.refused(r) && s.refreshingElsewhere(ctx, held) {
			s.startRefresh(ctx, held) // for the others, and for when the lease lapses
			return s.credential(ctx, held)
		}
	}
	refreshErr := s.refresh(ctx, held)
	if ended := ctx.Err(); ended != nil {
		refreshErr = fmt.Errorf("waiting for a refresh: %w", ended)
		if errors.Is(ended, context.Canceled) {
			return vending.Credential{}, refreshErr // the caller is gone
		}
		refreshErr = s.explainTimeout(ctx, held, refreshErr)
	}
	// The refresh hands over no token: it is shared, and each caller reads the row as its own. That
	// also sees what another process stored, and a connection that was deleted meanwhile. A caller
	// whose deadline has passed may have a token that still lasts; the read takes microseconds.
	ctx = context.WithoutCancel(ctx)
	held, err = s.read(ctx, r)
	if err != nil {
		return vending.Credential{}, err
	}
	if err := held.afterRefresh(r, s.o.Now(), refreshErr); err != nil {
		return vending.Credential{}, err
	}
	return s.credential(ctx, held)
}
