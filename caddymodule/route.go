package caddymodule

import (
	"log"
	"net/http"
	"net/http/httputil"
	"sync"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
)

// appRoute is one app as the handler forwards to it.
type appRoute struct {
	app       *catalog.App
	placement *inject.Placement
	// base dials under the app's guard, and adds nothing.
	base        http.RoundTripper
	reverse     *httputil.ReverseProxy
	passthrough bool
	metrics     *appMetrics
}

func (g *gateway) openApp(a *App, app *catalog.App) (*appRoute, error) {
	placement, err := inject.NewPlacement(app)
	if err != nil {
		return nil, err
	}
	base, err := g.roundTripper(a, app.AllowPrivate)
	if err != nil {
		return nil, err
	}
	return &appRoute{
		app: app, placement: placement, base: base, passthrough: app.Errors == "passthrough", metrics: g.metrics.app(app.Slug),
		// Caddy's own reverse_proxy costs four times the allocations, and health checks and balancing mean
		// nothing for a provider's API.
		reverse: &httputil.ReverseProxy{
			Rewrite:        outline,
			Transport:      &inject.Transport{Base: base},
			ModifyResponse: answer,
			ErrorHandler:   answerError,
			BufferPool:     buffers,
			// It logs aborted copies only, with nothing in them that the access log has not.
			ErrorLog: log.New(discard{}, "", 0),
		},
	}, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// buffers lends the buffers that bodies are copied through.
var buffers = &bufferPool{pool: sync.Pool{New: func() any { return new([bufferSize]byte) }}}

// bufferSize is what io.Copy uses.
const bufferSize = 32 << 10

type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return p.pool.Get().(*[bufferSize]byte)[:] }

// Put implements httputil.BufferPool. The buffer is wiped: a provider's answer may hold a credential, and must
// not stay in memory for as long as the pool pleases.
func (p *bufferPool) Put(b []byte) {
	clear(b)
	p.pool.Put((*[bufferSize]byte)(b))
}
