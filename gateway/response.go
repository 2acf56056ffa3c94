package gateway

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// modifyResponse is the ReverseProxy's ModifyResponse: it maps, or cleans and lets pass.
func modifyResponse(res *http.Response) error {
	c := callOf(res.Request.Context())
	c.event.Upstream = time.Since(c.event.Sent)
	if !final(res.StatusCode) {
		return &vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream,
			Message: "the provider answered with an invalid status code"}
	}
	c.event.Status = res.StatusCode
	if !c.injection.Refused() {
		c.cured(res.StatusCode)
		c.noteAccepted(res.StatusCode)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return c.checkUpgrade(res)
	}
	refusal := c.classify(res)
	if refusal != nil && !c.passthrough {
		return &mappedResponse{refusal, c.quote(res)}
	}
	here := c.here
	if followed, err := c.redirected(res, here); err != nil || followed {
		return c.passForeign(res, err)
	}
	c.injection.RewriteLinks(res.Header, here)
	c.injection.RewriteEndpoint(res, here)
	c.injection.RewriteBody(res, here)
	if refusal != nil && c.caller != nil {
		if err := c.scrubPassed(res, refusal); err != nil {
			return err
		}
	}
	c.injection.CleanResponse(res.Header)
	if refusal != nil {
		c.event.Code, c.event.Origin = refusal.Code, refusal.Origin
		res.Header[vending.CodeHeader] = []string{string(refusal.Code)}
		res.Header[vending.OriginHeader] = []string{string(refusal.Origin)}
	}
	c.finishHeader(res)
	return nil
}

// final reports whether an answer may end with a status. HTTP/2 carries any number, and HTTP/1.1
// any of three digits, where net/http panics if it is to write anything but 100 to 999. From 600 on
// they have no meaning, and pass (RFC 9110, section 15). What is left of 1xx is never an answer's
// last; 101 is looked at by checkUpgrade.
func final(status int) bool {
	return 200 <= status && status <= 999 || status == http.StatusSwitchingProtocols
}

// finishHeader sets our own headers next to the upstream's.
func (c *call) finishHeader(res *http.Response) {
	c.observeResponse(res.Header)
	if len(res.Header["Server"]) > 0 {
		delete(c.Header(), "Server") // the provider's, not ours in front of it
	}
	c.setTiming()
	if len(res.Trailer) > 0 && c.request.ProtoMajor == 1 {
		// HTTP/1.1 has trailers only behind chunks (RFC 9112, section 7.1.2); an HTTP/2 provider may send
		// both.
		res.Header.Del("Content-Length")
	}
	inject.Private(res.Header)
	// HTTP/2 has trailers without a word of them before.
	if res.ContentLength < 0 || len(res.Trailer) > 0 || res.ProtoMajor >= 2 {
		res.Body = &trailingBody{res.Body, func() error { c.cleanTrailer(res.Trailer); return nil }}
	}
	c.hold(res)
}

// observeResponse tells the observer of a response.
func (c *call) observeResponse(h http.Header) {
	c.ResponseWriter = c.options.Observer.Response(c.ResponseWriter, c.asked, h, &c.event)
}

// cleanTrailer is CleanResponse of trailers, which steer no cache (RFC 9110, section 6.5.1).
func (c *call) cleanTrailer(trailer http.Header) {
	delete(trailer, "Cache-Control")
	c.injection.CleanResponse(trailer)
}

// classify returns the error that an upstream answer is mapped to, or nil if it passes.
func (c *call) classify(res *http.Response) *vending.Error {
	if app := c.route.app; app.TooMany(res.StatusCode, res.Header) {
		return &vending.Error{Origin: vending.FromUpstream, Code: vending.RateLimited,
			RetryAfter: retryAfter(app.RateLimit, res.Header, time.Now())}
	}
	if c.injection.Refused() {
		if err := c.injection.Refusal(); err != nil {
			return vending.AsError(err)
		}
		e := &vending.Error{Origin: vending.FromUpstream, Code: vending.NeedsReconnection,
			Reason: vending.FreshCredentialRefused}
		if c.injection.Ended() {
			e.Reason = vending.GrantEnded
		}
		return e
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &vending.Error{Origin: vending.FromUpstream, Code: vending.UpstreamUnavailable,
			RetryAfter: vending.StatedRetryAfter(res.Header, time.Now())}
	}
	return nil
}

// checkUpgrade lets raw bytes flow only after a 101 that answers this very request (RFC 6455,
// section 4.2.2).
func (c *call) checkUpgrade(res *http.Response) error {
	want := inject.WebSocketAccept(res.Request.Header.Get("Sec-Websocket-Key"))
	if res.Request.Header.Get("Upgrade") == "" || res.Header.Get("Sec-Websocket-Accept") != want {
		return &vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream,
			Message: "the provider answered the upgrade with an invalid response"}
	}
	c.injection.CleanResponse(res.Header)
	res.Status = "" // ReverseProxy writes the provider's words otherwise; of any other answer net/http writes its own
	c.observeResponse(res.Header)
	c.setTiming()
	return nil
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }
