package caddymodule

import (
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// appRoute is one app as the handler forwards to it.
type appRoute struct {
	app         *catalog.App
	placement   *inject.Placement
	steering    *policy.Steering
	reverse     *httputil.ReverseProxy
	passthrough bool
	// counted says that requests which may call a gateway carry the count of those before: the
	// operator or an end user chose the upstream, so that it may be one.
	counted bool
	metrics *appMetrics
}

// routes are the apps' routes by slug. Each is opened when it is first called: a gateway calls few
// of the catalog's apps, and must start fast. There are never more than the catalog has apps.
type routes struct {
	opened sync.Map
	// placements are compiled before it is known who calls: without the rest of a route, whose metrics
	// an unknown caller must not create.
	placements sync.Map
}

// placement returns the compiled placement of an app of the catalog, or nil if it has none.
func (g *gateway) placement(slug string) *inject.Placement {
	compiled, ok := g.routes.placements.Load(slug)
	if !ok {
		app, ok := g.catalog.App(slug)
		if !ok {
			return nil
		}
		compiled, _ = g.routes.placements.LoadOrStore(slug, sync.OnceValues(func() (*inject.Placement, error) {
			return inject.NewPlacement(app)
		}))
	}
	p, err := compiled.(func() (*inject.Placement, error))()
	if err != nil {
		return nil // openRoute says why
	}
	return p
}

// route returns the route to an app of the catalog.
func (g *gateway) route(slug string) (*appRoute, error) {
	if open, ok := g.routes.opened.Load(slug); ok {
		return open.(func() (*appRoute, error))()
	}
	app, ok := g.catalog.App(slug)
	switch {
	case g.catalog.Off(slug):
		return nil, vending.Refuse(vending.UnknownApp, turnOn(slug))
	case !ok:
		return nil, vending.Refuse(vending.UnknownApp, "")
	}
	open, _ := g.routes.opened.LoadOrStore(slug, sync.OnceValues(func() (*appRoute, error) { return g.openRoute(app) }))
	return open.(func() (*appRoute, error))()
}

// turnOn says how an app of the community can be had.
func turnOn(slug string) string {
	return slug + " is a community entry of the catalog, known from one source only, and off; write `community " + slug +
		"` in the block `catalog` to turn it on"
}

func (g *gateway) openRoute(app *catalog.App) (*appRoute, error) {
	placement := g.placement(app.Slug)
	if placement == nil {
		_, err := inject.NewPlacement(app)
		return nil, vending.Errorf(vending.InternalError, err)
	}
	base := g.base(app)
	return &appRoute{
		app: app, placement: placement, steering: policy.NewSteering(app.Steering), passthrough: app.Errors == "passthrough",
		metrics: g.metrics.app(app.Slug),
		counted: g.mayLeadBack(app.Slug),
		// Caddy's own reverse_proxy costs four times the allocations, and health checks and balancing
		// mean nothing for a provider's API.
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

// mayLeadBack reports whether an app's upstream may be a gateway: the operator chose it, or the
// person who made a connection fills its host.
func (g *gateway) mayLeadBack(slug string) bool {
	app, ok := g.catalog.App(slug)
	return ok && (g.own[slug] || strings.Contains(app.Upstream, "{")) // which may stand in the host only
}

// base returns the transport that dials under an app's guard, and adds nothing.
func (g *gateway) base(app *catalog.App) http.RoundTripper {
	if own, ok := g.allowing[app.Slug]; ok {
		return own
	}
	return g.public
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

// Put implements httputil.BufferPool. The buffer is wiped: a provider's answer may hold a
// credential, and must not stay in memory for as long as the pool pleases.
func (p *bufferPool) Put(b []byte) {
	clear(b)
	p.pool.Put((*[bufferSize]byte)(b))
}
