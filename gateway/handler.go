package gateway

import (
	"net/http"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// HandlerOptions are what the handlers of one gateway may differ in. All are optional.
type HandlerOptions struct {
	// Prefix begins the paths that are the gateway's: `{prefix}/{connection_id}/{app}/…`. It has no
	// slash at its end.
	Prefix string
	// Domains are those below which apps are addressed by host.
	Domains policy.Domains
	// Passthrough leaves providers' errors as they are, for every app. Else they are mapped to codes.
	Passthrough bool
	// Redirects is what becomes of a redirect past the gateway, for apps that do not say it
	// themselves: see [catalog.CheckRedirects]. Default: what keeps the caller's key from where it
	// leads.
	Redirects string
	// TenantKeysInPlacement has tenant keys read where caller keys are: wherever an app's SDKs put its
	// credential.
	TenantKeysInPlacement bool
	// Observer is told of the calls.
	Observer Observer
}

// Handler serves the calls that come to a gateway in one place.
type Handler struct {
	gateway *Gateway
	options HandlerOptions
}

// Handler returns a handler.
func (g *Gateway) Handler(o HandlerOptions) *Handler {
	if o.Observer == nil {
		o.Observer = blind{}
	}
	return &Handler{gateway: g, options: o}
}

// ServeHTTP implements http.Handler. What is no call gets 404 `not_found`.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.Serve(w, r) { //nolint:contextcheck // the request has it
		w.Header().Set(vending.RequestHeader, NewRequestID())
		Refuse(w, r, "", vending.Refuse(vending.NotFound, ""))
	}
}

// Serve serves a call, in order: parse, authenticate, identify, permit, spend, vend, inject and
// forward. Each step either passes or answers with its code, and nothing after it happens. It
// returns false if the request is no call, and then has done nothing.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) bool {
	target, byHost, ours, err := h.parse(r)
	if !ours {
		return false
	}
	c := h.begin(w, r, target, byHost)
	defer c.end()
	switch {
	case c.failed(err):
	case c.failed(c.authenticate()):
	case c.failed(c.identify()):
	case c.failed(c.permit()):
	case c.failed(c.spend()):
	case c.failed(c.vend()):
	default:
		c.forward()
	}
	return true
}

var _ http.Handler = (*Handler)(nil)
