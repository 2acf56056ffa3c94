package gateway

import (
	"net/http/httputil"
	"strings"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// forward hands the call to ReverseProxy. From here on [modifyResponse] and [handleError] answer
// it.
func (c *call) forward() {
	x, err := inject.NewInjection(c.route.placement, c.credential, c.target.Path, c.target.RawQuery, c.target.HasQuery,
		c.revend)
	if c.failed(err) {
		return
	}
	keyed := c.route.counted && holdsCallerKey(c.credential) // which alone makes a call of a gateway by host
	x.Guard(c.accepted)
	c.injection, c.credential = x, vending.Credential{}
	if c.route.counted && (keyed || x.MayCallGateway(c.gateway.mayLeadBack)) {
		x.SetHeader(policy.HopsHeader, c.hops)
	}
	ctx, end := c.span((*callContext)(c), "vendgate.upstream")
	defer end()
	c.event.Sent = time.Now()
	defer c.finish()
	c.reverse = c.route.reverse
	c.reverse.BufferPool = (*responseBuffer)(c)
	c.reverse.ServeHTTP(c, c.request.WithContext(ctx))
}

// rewrite is the ReverseProxy's Rewrite: everything about the upstream but the credential, which is
// the transport's to add.
func rewrite(pr *httputil.ProxyRequest) {
	c := callOf(pr.In.Context())
	c.injection.Outline(pr.Out)
	// Any other protocol (h2c above all) would smuggle requests past the gateway.
	if to := pr.Out.Header["Upgrade"]; len(to) == 0 || !strings.EqualFold(to[0], "websocket") {
		delete(pr.Out.Header, "Upgrade")
		delete(pr.Out.Header, "Connection")
	}
	pr.Out.Trailer = nil
	if len(pr.In.Trailer) > 0 {
		carryTrailers(pr, c)
	}
}

// holdsCallerKey reports whether a credential has a value that looks like a caller key.
func holdsCallerKey(c vending.Credential) bool {
	for _, value := range c.Fields() {
		if strings.Contains(value, policy.CallerKeyPrefix) {
			return true
		}
	}
	return false
}
