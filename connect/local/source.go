package local

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Options say what a source works on.
type Options struct {
	Store *connect.Store
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
	unstored  unstored
	keeper    keeper
	renewals  renewals
	// refusals paces the calls of a token endpoint that refuses us, lifted the lifting of flags.
	refusals, lifted vending.Pauses

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
	s.keeper.close()
	s.rescueAll()
}

// Vend implements [vending.Source].
func (s *Source) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	held, err := s.read(ctx, r)
	if err != nil {
		return vending.Credential{}, err
	}
	switch held.judge(r, s.o.Now(), s.o.Margin) {
	case vend:
		c, err := s.credential(ctx, held)
		if err == nil && r.Force {
			s.doubt(ctx, held, r, c)
		}
		return c, err
	case renew:
		if s.renewals.due(held.ID, s.o.Now()) {
			s.begin(ctx, held) // no call waits for it, as there are weeks for it
		}
		return s.credential(ctx, held)
	case reconnect:
		s.renewals.forget(held.ID)
		if s.unstored.has(held) { // which a refresh stores first
			break
		}
		s.flag(ctx, held, errNoRenewal)
		return vending.Credential{}, held.ended(nil)
	case refresh:
		if held.lasts(s.o.Now()) && !held.refused(r) && s.occupied(ctx, held) {
			s.begin(ctx, held) // for the others, and for when the lease lapses
			return s.credential(ctx, held)
		}
	}
	refreshErr := s.refresh(ctx, held)
	if ended := ctx.Err(); ended != nil {
		refreshErr = fmt.Errorf("waiting for a refresh: %w", ended)
		if errors.Is(ended, context.Canceled) {
			return vending.Credential{}, refreshErr // nobody is there to take a token
		}
		refreshErr = s.waited(ctx, held, refreshErr)
	}
	// The refresh hands over no token: it is shared, and each caller reads the row as its own. That
	// also sees what another process stored, and a connection that was deleted meanwhile. A caller
	// whose deadline has passed may have a token that still lasts; the read takes microseconds.
	ctx = context.WithoutCancel(ctx)
	held, err = s.read(ctx, r)
	if err != nil {
		return vending.Credential{}, err
	}
	if err := held.settle(r, s.o.Now(), refreshErr); err != nil {
		return vending.Credential{}, err
	}
	return s.credential(ctx, held)
}

// holding is a connection with its grant, as one request read it.
type holding struct {
	connect.Connection
	app    *catalog.App
	grant  connect.Grant
	values connect.GrantValues
}

// read returns what the request may have, or why not.
func (s *Source) read(ctx context.Context, r vending.Request) (h holding, err error) {
	h.Connection, h.grant, err = s.o.Store.Grant(ctx, r.Tenant, r.User, r.Connection)
	if err != nil {
		return holding{}, err
	}
	s.unstored.observe(h.ID, h.Version)
	if h.Status != connect.Active {
		return holding{}, vending.Errorf(vending.ConnectionNotActive, nil)
	}
	if r.App != "" && r.App != h.App {
		return holding{}, vending.Errorf(vending.AppMismatch, nil)
	}
	app, ok := s.o.Catalog(h.App)
	if !ok {
		return holding{}, vending.Errorf(vending.UnknownApp, nil)
	}
	h.app, h.values = app, h.grant.Reveal()
	return h, nil
}

// verdict is what to do with a holding.
type verdict int

const (
	vend verdict = iota
	renew
	refresh
	reconnect
)

// judge decides by the stored grant alone. A token that is about to end, but cannot be refreshed,
// is vended while it lasts. A grant that the provider refused for good is not offered to it again.
func (h *holding) judge(r vending.Request, now time.Time, margin time.Duration) verdict {
	switch {
	case r.HandOut && h.NeedsReconnection:
		return reconnect
	case h.AuthType != vending.OAuth:
		return vend
	}
	refused := h.refused(r)
	switch {
	case h.lasts(now.Add(h.margin(margin))) && !refused:
		return vend
	case h.renews() && h.lasts(now) && !refused && !h.NeedsReconnection:
		return renew
	case h.refreshable() && !h.NeedsReconnection:
		return refresh
	case h.lasts(now) && !(refused && h.NeedsReconnection && h.replaceable()):
		return vend
	default:
		return reconnect
	}
}

// margin is at most half of the token's lifetime, counted from when it was stored: else one that
// never lives longer than the margin would be refreshed at every vend. It is just that where only a
// token that lasts brings the next one.
func (h *holding) margin(most time.Duration) time.Duration {
	half := max(0, h.values.Expiry.Sub(h.UpdatedAt)/2)
	if h.renews() {
		return half
	}
	return min(most, half)
}

// settle decides after a refresh was tried, whoever did it; nil is to vend.
func (h *holding) settle(r vending.Request, now time.Time, refreshErr error) error {
	switch {
	case r.HandOut && (h.NeedsReconnection || isEnded(refreshErr)):
		return h.ended(refreshErr)
	case h.AuthType != vending.OAuth, h.lasts(now) && (refreshErr == nil || !h.refused(r)):
		return nil
	case refreshErr != nil:
		return refreshErr
	default:
		return vending.Errorf(vending.UpstreamUnavailable, errStillExpired)
	}
}

// refreshable reports whether the grant holds what its refresh takes.
func (h *holding) refreshable() bool {
	if h.app.ClientCredentials() {
		client := tokenendpoint.ClientFromFields(h.values.Fields)
		return client.ID != "" && !client.Secret.IsZero()
	}
	return h.values.RefreshToken != ""
}

// lasts reports whether there is a token that is valid after t, as far as is known.
func (h *holding) lasts(t time.Time) bool {
	return h.values.AccessToken != "" && (h.values.Expiry.IsZero() || h.values.Expiry.After(t))
}

// refused reports whether the upstream has refused the very token that is stored. One that differs
// is newer: somebody refreshed already.
func (h *holding) refused(r vending.Request) bool {
	if !r.Force {
		return false
	}
	token, ok := r.Refused.Field(vending.AccessToken)
	return !ok || subtle.ConstantTimeCompare([]byte(token), []byte(h.values.AccessToken)) == 1
}

// credential is what calls with h place. What comes with the OAuth client is read anew each time,
// by apps that have such: it is the client's of today.
func (s *Source) credential(ctx context.Context, h holding) (vending.Credential, error) {
	c, err := s.plain(ctx, h)
	if err == nil && h.doubtful() {
		c = c.Doubting()
	}
	return c, err
}

// plain is credential without what is known of it.
func (s *Source) plain(ctx context.Context, h holding) (vending.Credential, error) {
	if h.AuthType != vending.OAuth {
		return vending.NewFields(h.App, h.AuthType, h.values.Fields).Naming(h.values.SiteNames), nil
	}
	fields := h.vendable()
	var withheld, configured []string
	if h.takesClient() {
		client, err := s.client(ctx, h)
		if err != nil {
			return vending.Credential{}, err
		}
		given := client.FieldsOf(h.app)
		if client.Shared {
			withheld = h.secretsOf(given, fields)
		}
		fields, configured = joined(fields, given), h.app.AddressFields()
	}
	return vending.NewOAuth(h.App, h.values.AccessToken, h.values.TokenType, h.values.Expiry, fields...).
		Withholding(withheld...).Configured(configured...).Naming(h.values.SiteNames), nil
}

// secretsOf names the secrets among what a client gives and fields do not have.
func (h *holding) secretsOf(given, fields []vending.Field) (names []string) {
	for _, f := range given {
		declared := slices.ContainsFunc(h.app.Fields, func(c catalog.Field) bool { return c.Name == f.Name && c.Secret })
		if (declared || f.Name == catalog.ConsumerSecret) && !holds(fields, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// takesClient reports whether calls place something of the OAuth client. A token of OAuth 1 that
// was imported may have come with the client that obtained it.
func (h *holding) takesClient() bool {
	return len(h.app.ClientFields()) > 0 || h.app.OAuth1 != nil && !holds(h.values.Fields, catalog.ConsumerSecret)
}

func holds(fields []vending.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f vending.Field) bool { return f.Name == name })
}

// joined returns fields and those of more that they lack.
func joined(fields, more []vending.Field) []vending.Field {
	all := slices.Clone(fields)
	for _, f := range more {
		if !holds(fields, f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// vendable are the fields beside the token. The OAuth client is for the token endpoint alone, and
// what an entry of the catalog takes from it today may once have been asked for.
func (h *holding) vendable() []vending.Field {
	others := func(f vending.Field) bool {
		return h.app.OwnsClient(f.Name) || slices.ContainsFunc(h.app.ClientFields(), func(c catalog.Field) bool {
			return c.Name == f.Name
		})
	}
	if !slices.ContainsFunc(h.values.Fields, others) {
		return h.values.Fields
	}
	return slices.DeleteFunc(slices.Clone(h.values.Fields), others)
}
