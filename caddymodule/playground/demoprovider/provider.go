// Package demoprovider is a third-party API to try a gateway on: an OAuth 2 authorization server
// with a consent page, an API behind its access tokens, an API behind a key, and controls that let
// tokens expire and grants end on demand. It keeps everything in memory.
//
// It must never answer or log the value of a token or key: callers tell credentials apart by
// fingerprint. Anyone who can reach it may consent for any account, so it belongs on a loopback
// address.
package demoprovider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// defaultLifetime is short, so that a demonstration sees a refresh.
	defaultLifetime = time.Minute
	// closeGrace is how long Close waits for requests before it cuts them off.
	closeGrace = time.Second
	// maxForm bounds request bodies, in bytes.
	maxForm = 64 << 10
)

// Options are the settings of a provider. The zero value is complete.
type Options struct {
	// AccessLifetime is how long access tokens live: 60 seconds by default. Clients are told whole
	// seconds, rounded up.
	AccessLifetime time.Duration
	// RedirectURI is the one redirect URI of the client, compared byte for byte (RFC 9700, section
	// 4.1.3). If empty, any http or https URI on a loopback host is accepted.
	RedirectURI string
	// Logger gets what goes wrong while serving; nil means nowhere.
	Logger *slog.Logger
}

// Provider is a running demonstration provider. Its methods are safe for parallel use.
type Provider struct {
	url              string
	clientID, secret string
	redirectURI      string
	memory           *memory

	server  *http.Server
	cancel  context.CancelFunc
	serving sync.WaitGroup
	closing sync.Once
}

// Start listens on addr, for example "127.0.0.1:0", and serves until Close or the end of ctx.
func Start(ctx context.Context, addr string, o Options) (*Provider, error) {
	if o.AccessLifetime < 0 {
		return nil, errors.New("starting the demonstration provider: the lifetime of access tokens is negative")
	}
	if o.AccessLifetime == 0 {
		o.AccessLifetime = defaultLifetime
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("starting the demonstration provider: %w", err)
	}
	p := &Provider{
		url:         baseURL(listener.Addr()),
		clientID:    "demo_client_" + rand.Text(),
		secret:      "demo_secret_" + rand.Text(),
		redirectURI: o.RedirectURI,
		memory:      newMemory(o.AccessLifetime),
	}
	p.serve(ctx, listener, o.Logger)
	return p, nil
}

// baseURL names a loopback address where the listener has none: "http://0.0.0.0" is no place to
// call.
func baseURL(addr net.Addr) string {
	bound, err := netip.ParseAddrPort(addr.String())
	if err == nil && bound.Addr().IsUnspecified() {
		bound = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), bound.Port())
		return "http://" + bound.String()
	}
	return "http://" + addr.String()
}

func (p *Provider) serve(ctx context.Context, listener net.Listener, logger *slog.Logger) {
	ctx, p.cancel = context.WithCancel(ctx)
	p.server = &http.Server{
		Handler:           p.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelError),
		// Streams watch it, so that they end when the provider does.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	p.serving.Go(func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("demonstration provider stopped", slog.Any("error", err))
		}
	})
	context.AfterFunc(ctx, p.Close)
}

func (p *Provider) routes() http.Handler {
	// A page elsewhere in the same browser must not consent, expire or revoke (CSRF): there is no
	// login that would protect these.
	guard := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", p.token)
	mux.HandleFunc("POST /oauth/revoke", p.revoke)
	mux.HandleFunc("GET /oauth/authorize", p.consent)
	mux.Handle("POST /oauth/authorize", guard.Handler(http.HandlerFunc(p.decide)))
	mux.HandleFunc("GET /oauth/consent.css", stylesheet)
	mux.HandleFunc("GET /api/me", p.withToken(p.me))
	mux.HandleFunc("GET /api/messages", p.withToken(p.messages))
	mux.HandleFunc("POST /api/messages", p.withToken(p.echo))
	mux.HandleFunc("GET /api/stream", p.withToken(p.stream))
	mux.HandleFunc("/key/", p.withKey)
	mux.Handle("POST /demo/expire", guard.Handler(http.HandlerFunc(p.expire)))
	mux.Handle("POST /demo/revoke", guard.Handler(http.HandlerFunc(p.revokeAccount)))
	return mux
}

// URL returns the base URL, without a trailing slash.
func (p *Provider) URL() string { return p.url }

// Client returns the id and the secret of the one registered OAuth client.
func (p *Provider) Client() (id, secret string) { return p.clientID, p.secret }

// NewGrant makes a grant for account, as if its owner had consented.
func (p *Provider) NewGrant(account string) Grant { return p.memory.issue(account) }

// NewAPIKey makes a key for the API under /key/.
func (p *Provider) NewAPIKey() string { return p.memory.addKey() }

// Close ends all streams, waits up to a second for other requests, and stops listening. It may be
// called more than once, and returns when the provider has stopped.
func (p *Provider) Close() {
	p.closing.Do(func() {
		p.cancel()
		ctx, done := context.WithTimeout(context.Background(), closeGrace)
		defer done()
		if p.server.Shutdown(ctx) != nil {
			_ = p.server.Close() // who still talks is cut off: that is its purpose
		}
		p.serving.Wait()
	})
}
