package gateway

import (
	"io"
	"log"
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
	app       *catalog.App
	placement *inject.Placement
	steering  *policy.Steering
	// reverse is copied for each call, which lends it a buffer.
	reverse     httputil.ReverseProxy
	passthrough bool
	// counted says that requests which may call a gateway carry the count of those before: the
	// operator or an end user chose the upstream, so that it may be one.
	counted bool
}

// routes are the apps' routes by slug. Each is opened when it is first called: a gateway calls few
// of the catalog's apps, and must start fast. There are never more than the catalog has apps.
type routes struct {
	opened sync.Map
	// placements are compiled before it is known who calls: without the rest of a route, which an
	// unknown caller must not open.
	placements sync.Map
}

// Placement returns the compiled placement of an app of the catalog, or nil if it has none.
func (g *Gateway) Placement(slug string) *inject.Placement {
	compiled, ok := g.routes.placements.Load(slug)
	if !ok {
		app, ok := g.options.Catalog.App(slug)
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
func (g *Gateway) route(slug string) (*appRoute, error) {
	if open, ok := g.routes.opened.Load(slug); ok {
		return open.(func() (*appRoute, error))()
	}
	app, ok := g.options.Catalog.App(slug)
	switch {
	case g.options.Catalog.Off(slug):
		return nil, vending.Refuse(vending.UnknownApp, TurnOn(slug))
	case !ok:
		return nil, vending.Refuse(vending.UnknownApp, "")
	}
	open, _ := g.routes.opened.LoadOrStore(slug, sync.OnceValues(func() (*appRoute, error) { return g.openRoute(app) }))
	return open.(func() (*appRoute, error))()
}

// TurnOn says how an app of the community can be had.
func TurnOn(slug string) string {
	return slug + " is a community entry of the catalog, known from one source only, and off; write `community " + slug +
		"` in the block `catalog` to turn it on"
}

func (g *Gateway) openRoute(app *catalog.App) (*appRoute, error) {
	placement := g.Placement(app.Slug)
	if placement == nil {
		_, err := inject.NewPlacement(app)
		return nil, vending.Errorf(vending.InternalError, err)
	}
	return &appRoute{
		app: app, placement: placement, steering: policy.NewSteering(app.Steering),
		passthrough: app.Errors == policy.Passthrough,
		counted:     g.mayLeadBack(app.Slug),
		// Caddy's own reverse_proxy costs four times the allocations, and health checks and balancing
		// mean nothing for a provider's API.
		reverse: httputil.ReverseProxy{
			Rewrite:        rewrite,
			Transport:      &inject.Transport{Base: g.options.Transport(app)},
			ModifyResponse: modifyResponse,
			ErrorHandler:   handleError,
			// It logs aborted copies only, with nothing in them that the access log has not.
			ErrorLog: log.New(io.Discard, "", 0),
		},
	}, nil
}

// mayLeadBack reports whether an app's upstream may be a gateway: the operator chose it, or the
// person who made a connection fills its host.
func (g *Gateway) mayLeadBack(slug string) bool {
	app, ok := g.options.Catalog.App(slug)
	return ok && (g.options.Own[slug] || strings.Contains(app.Upstream, "{")) // which may stand in the host only
}
