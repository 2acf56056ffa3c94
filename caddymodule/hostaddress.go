package caddymodule

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// hostAddress is how a call named its app by host.
type hostAddress struct {
	// domain is the one of the configuration, port that of the Host header with its colon or empty,
	// and label the one of an extra host of the app or empty.
	domain, port, label string
	// refusal is why the app does not take the path. Only a caller that may call the app gets to know.
	refusal error
}

// appByHost reads from a Host header which app it names below one of the domains, if it names any.
func appByHost(domains policy.Domains, host string) (slug string, at hostAddress, ok bool) {
	label, domain, port, ok := domains.Split(host)
	if !ok {
		return "", at, false
	}
	slug, extra, labelled := strings.Cut(label, catalog.LabelSeparator)
	if labelled && extra == "" {
		slug = label // of no app: a slug has single hyphens
	}
	return slug, hostAddress{domain: domain, port: port, label: extra}, true
}

// parse reads whom a request is for: by its host, if that is below one of the domains, or else by
// its path. ours is false if it is no call.
func (p *Proxy) parse(r *http.Request) (target policy.Target, byHost *hostAddress, ours bool, err error) {
	slug, at, ok := appByHost(p.Hosts, r.Host)
	if !ok {
		target, ours, err = policy.ParseTarget(r.Method, r.RequestURI, p.Prefix)
		return target, nil, ours, err
	}
	byHost = new(hostAddress) // for these calls alone: at stays on the stack
	*byHost = at
	if target, err = policy.ParseHostTarget(r.Method, r.RequestURI, slug); err == nil {
		target.Path, byHost.refusal = p.gateway.pathByHost(slug, at.label, target.Path)
	}
	return target, byHost, true, err
}

// pathByHost returns a call's path as one by path would have it. Of an app that there is not, the
// path stays as it is: permit says so.
func (g *gateway) pathByHost(slug, label, path string) (string, error) {
	p := g.placement(slug)
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
	scheme, _, _ := strings.Cut(c.gateway.origin(c.request), "://")
	name, _ := c.route.app.HostName(label, c.byHost.domain)
	return scheme + "://" + name + c.byHost.port
}

// hereByHost is [call.here] of a call that named its app by host.
func (c *call) hereByHost() inject.Gateway {
	return inject.Gateway{Origin: c.originOf(c.byHost.label), Takes: takes, OriginOf: c.originOf, Own: c.isOwnName}
}

// isOwnName reports whether a host is a name of the gateway's beside the one of the call: that of
// public_url, or one that is or could be an app's.
func (c *call) isOwnName(name string) bool {
	_, public, _ := strings.Cut(c.gateway.publicURL, "://")
	return c.domains.Hold(name) || public != "" && strings.EqualFold(withoutPort(public), name)
}
