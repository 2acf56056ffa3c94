package gateway

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// hostAddress is how a call named its app by host.
type hostAddress struct {
	policy.AppHost
	// refusal is why the app does not take the path. Only a caller that may call the app gets to know.
	refusal error
}

// parse reads whom a request is for: by its host, if that is below one of the domains, or else by
// its path. ours is false if it is no call.
func (h *Handler) parse(r *http.Request) (target policy.Target, byHost *hostAddress, ours bool, err error) {
	app, ok := h.options.Domains.App(r.Host)
	if !ok {
		target, ours, err = policy.ParseTarget(r.Method, r.RequestURI, h.options.Prefix)
		return target, nil, ours, err
	}
	byHost = new(hostAddress) // for these calls alone: app stays on the stack
	byHost.AppHost = app
	if target, err = policy.ParseHostTarget(r.Method, r.RequestURI, app.Slug); err == nil {
		target.Path, byHost.refusal = h.gateway.pathByHost(app.Slug, app.Label, target.Path)
	}
	return target, byHost, true, err
}

// pathByHost returns a call's path as one by path would have it. Of an app that there is not, the
// path stays as it is: permit says so.
func (g *Gateway) pathByHost(slug, label, path string) (string, error) {
	p := g.Placement(slug)
	if p == nil {
		return path, nil
	}
	located, err := p.PathByHost(label, path)
	if err != nil {
		return path, err
	}
	return located, nil
}

// nameConnection fills in the connection of a call by host: it is the caller key's.
func (c *call) nameConnection() error {
	if c.byHost == nil {
		return nil
	}
	if c.caller == nil {
		return vending.Refuse(vending.InvalidRequest,
			"a call that names its app by host needs a caller key, which names the connection too: "+
				"make one with `vendgate caller-key create`, or put the connection into the path, {prefix}/{connection_id}/{app}/…")
	}
	c.target.Connection = c.caller.Connection
	return nil
}

// originOf is the origin by which the call's app is named at the host of a label. Its scheme is
// that of public_url, where a proxy in front may end TLS, and its port the caller's.
func (c *call) originOf(label string) string {
	scheme, _, _ := strings.Cut(c.gateway.Origin(c.request), "://")
	name, _ := c.route.app.HostName(label, c.byHost.Domain)
	return scheme + "://" + name + c.byHost.Port
}

// hereByHost is [call.here] of a call that named its app by host.
func (c *call) hereByHost() inject.Gateway {
	return inject.Gateway{Origin: c.originOf(c.byHost.Label), Takes: takes, OriginOf: c.originOf, Own: c.isOwnName}
}

// isOwnName reports whether a host is another name of the gateway than the one of the call: that of
// public_url, or one that is or could be an app's.
func (c *call) isOwnName(name string) bool {
	_, public, _ := strings.Cut(c.gateway.options.PublicURL, "://")
	return c.options.Domains.Hold(name) || public != "" && strings.EqualFold(httpx.WithoutPort(public), name)
}

// here is where the caller reached this app.
func (c *call) here() inject.Gateway {
	if c.byHost != nil {
		return c.hereByHost()
	}
	path, _, _ := strings.Cut(c.request.RequestURI, "?")
	path = path[:len(path)-len(c.target.Path)-c.cut]
	g := inject.Gateway{Origin: c.gateway.Origin(c.request), Path: path, Takes: takes}
	if len(c.options.Domains) > 0 {
		g.Own = c.isOwnName
	}
	return g
}

// takes reports whether the gateway takes a call for path below an app.
func takes(path string) bool {
	_, _, err := policy.ParseTarget(http.MethodGet, "/proxy/c/app"+path, "/proxy")
	return err == nil
}
