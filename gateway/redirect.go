package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// redirectsOption is what becomes of a redirect past the gateway: what the app says, then the
// handler, and else what keeps the key from where it leads. HTTP clients remove Authorization when
// they follow one to another host, and carry every header of their user's own along: net/http's
// Client, Fetch (HTTP-redirect fetch, step 13), curl, follow-redirects, requests.
func (c *call) redirectsOption(location string) string {
	otherwise := catalog.PassRedirects
	if c.carriesKey(location) {
		otherwise = catalog.RefuseRedirects
	}
	return cmp.Or(c.route.app.Redirects, c.options.Redirects, otherwise)
}

// carriesKey reports whether there are HTTP clients that carry the key of the call along to
// location. To another port of the host that they called, and to hosts below it, net/http's Client
// and node-fetch send Authorization, too.
func (c *call) carriesKey(location string) bool {
	return c.keyIn != inAuthorization || c.injection.LeadsBelow(location, c.request.Host)
}

// redirected handles an answer that leads the caller's client past the gateway. If it was followed,
// res is the answer of another host.
func (c *call) redirected(res *http.Response, here func() inject.Gateway) (followed bool, err error) {
	location, away := c.injection.LeadsAway(res, here)
	if !away {
		return false, nil
	}
	option := c.redirectsOption(location)
	switch {
	case option == catalog.PassRedirects:
		return false, nil
	case option == catalog.FollowRedirects && mayFollow(res.Request):
		return true, c.follow(res, location)
	}
	return false, c.refuseRedirect(res.StatusCode, location, c.instead(option, location))
}

// mayFollow reports whether a request can be made at another place without anything of the
// caller's.
func mayFollow(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == ""
}

// instead says what to do where a redirect is not followed.
func (c *call) instead(option, location string) string {
	switch {
	case option == catalog.FollowRedirects:
		return "redirects follow works for GET and HEAD only: call what it leads to in another way, or set redirects pass"
	case c.keyIn == inAuthorization && c.carriesKey(location):
		return "some HTTP clients carry the key along to it, since its name is the gateway's or below that: set redirects " +
			"follow or redirects pass"
	case c.keyIn == inAuthorization:
		return "set redirects follow to have the gateway fetch what is there, or redirects pass to leave it to the client"
	}
	if cmp.Or(c.route.app.Redirects, c.options.Redirects) != "" {
		return "redirects refuse is set, wherever the key is: set redirects follow or redirects pass"
	}
	return "HTTP clients carry the key and x-user-email along to it: send the key in Authorization, which they remove, " +
		"or set redirects follow or redirects pass"
}

// refuseRedirect answers by the gateway's policy: the request is not invalid, since the provider
// took it, and a retry would end the same way. The error names the host, and nothing more: a path
// or a query may be signed.
func (c *call) refuseRedirect(status int, location, instead string) error {
	return vending.Refuse(vending.PolicyDenied, fmt.Sprintf(
		"the provider answered with a redirect (%d) past the gateway, to %s; %s",
		status, c.injection.RedirectHost(location), instead))
}

// follow puts the answer that a redirect leads to into res. The provider's own transport might dial
// private addresses; this one never does.
func (c *call) follow(res *http.Response, location string) error {
	host, status := c.injection.RedirectHost(location), res.StatusCode
	follower := inject.Follower{Base: c.gateway.options.Public, Refuses: c.here().IsOwn}
	other, err := follower.Follow(c.injection, res, location)
	c.event.Upstream = time.Since(c.event.Sent)
	switch {
	case errors.Is(err, inject.ErrNotFollowed):
		return c.refuseRedirect(status, location, err.Error())
	case err != nil:
		return &vending.Error{
			Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream, Err: err,
			Message: "the provider answered with a redirect to " + host +
				", which cannot be reached right now; retry with backoff",
		}
	case !final(other.StatusCode) || other.StatusCode == http.StatusSwitchingProtocols:
		_ = other.Body.Close()
		return &vending.Error{
			Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream,
			Message: "the redirect to " + host + " was answered with an invalid status code",
		}
	}
	takeOver(res, other)
	return nil
}

// passForeign passes on the answer of another host, if there is one. Its status says nothing about
// the connection: it is neither mapped to a code nor remembered for the credential.
func (c *call) passForeign(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	c.injection.CleanResponse(res.Header)
	c.finishHeader(res)
	return nil
}

// foreignLinks are what another host says of where to go on. Nothing of it leads through the
// gateway, and it must not lead back into it.
var foreignLinks = []string{"Location", "Content-Location", "Link", "Refresh"}

// takeOver puts the answer of another host into res, without what ends at this hop.
func takeOver(res, other *http.Response) {
	length := other.Header["Content-Length"]
	removeHopByHop(other.Header)
	if len(length) > 0 {
		other.Header["Content-Length"] = length
	}
	for _, name := range foreignLinks {
		delete(other.Header, name)
	}
	request := res.Request
	*res = *other
	res.Request, res.Trailer = request, nil
}
