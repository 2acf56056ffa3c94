package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// handleError is the ReverseProxy's ErrorHandler.
func handleError(w http.ResponseWriter, _ *http.Request, err error) {
	c := w.(*call)
	var mapped *mappedResponse
	var refusal *vending.Error
	switch {
	case c.request.Context().Err() != nil:
		c.abort()
	case errors.As(err, &mapped):
		c.refuse(mapped.refusal, mapped.upstream)
	case c.tooLarge.Load():
		c.refuse(vending.Refuse(vending.RequestTooLarge, ""), nil)
	case c.malformed.Load():
		c.refuse(vending.Refuse(vending.InvalidRequest, "the request's body ended early or is not framed correctly"), nil)
	case errors.As(err, &refusal):
		c.refuse(refusal, nil)
	default:
		c.event.Upstream = time.Since(c.event.Sent)
		c.refuse(&vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream, Err: err}, nil)
	}
}

// refuse answers with e and notes it.
func (c *call) refuse(e *vending.Error, upstream *vending.Upstream) {
	c.event.Code, c.event.Origin = e.Code, e.Origin
	if c.event.Origin == "" {
		c.event.Origin = vending.FromVending
	}
	if e.Err != nil && !errors.Is(e.Err, context.Canceled) {
		c.event.Cause, c.event.Logged = c.scrubbed(e.Err), e.Logged
	}
	if e.Code == vending.UpstreamUnavailable {
		e = c.withSent(e)
	}
	if !c.event.Vending.IsZero() {
		c.setTiming()
	}
	// The body of a request that was forwarded is the transport's, until that has been told that it is
	// too large.
	if c.event.Sent.IsZero() || c.tooLarge.Load() {
		Refuse(c.ResponseWriter, c.asked, c.errorForm(), e)
		return
	}
	vending.WriteErrorAs(c.ResponseWriter, c.errorForm(), e, upstream)
}

// errorForm is the form of errors that the SDKs of the path's app parse. An error may come before
// the call has a route.
func (c *call) errorForm() vending.Form {
	if app, ok := c.gateway.options.Catalog.App(c.target.App); ok {
		return vending.Form(app.ErrorForm)
	}
	return ""
}

// withSent returns e with whether the request may have reached the provider. It is a copy, for a
// source may share its errors.
func (c *call) withSent(e *vending.Error) *vending.Error {
	told, sent := *e, c.injection != nil && c.injection.Sent()
	told.Sent = &sent
	return &told
}

func (c *call) scrubbed(err error) string {
	if c.injection == nil {
		return err.Error()
	}
	return c.injection.ScrubBody([]byte(err.Error()), maxQuoted, false)
}
