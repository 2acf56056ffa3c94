package gateway

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// maxQuoted is how much of a provider's error body a mapped error quotes, in bytes.
const maxQuoted = 16 << 10

// mappedAnswer is an upstream answer that becomes an error of ours.
type mappedAnswer struct {
	refusal  *vending.Error
	upstream *vending.Upstream
}

func (m *mappedAnswer) Error() string { return m.refusal.Error() }

// answer is the ReverseProxy's ModifyResponse: it maps, or cleans and lets pass.
func answer(res *http.Response) error {
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
	refusal := c.verdict(res)
	if refusal != nil && !c.passthrough {
		return &mappedAnswer{refusal, c.quote(res)}
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

// finishHeader prepares our own headers beside the upstream's.
func (c *call) finishHeader(res *http.Response) {
	c.showAnswer(res.Header)
	if len(res.Header["Server"]) > 0 {
		c.Header().Del("Server") // the provider's, not ours in front of it
	}
	c.Header()["Server-Timing"] = []string{c.timing()}
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

// showAnswer tells the observer of an answer.
func (c *call) showAnswer(h http.Header) {
	c.ResponseWriter = c.options.Observer.Answer(c.ResponseWriter, c.asked, h, &c.event)
}

// cleanTrailer is CleanResponse of trailers, which steer no cache (RFC 9110, section 6.5.1).
func (c *call) cleanTrailer(trailer http.Header) {
	delete(trailer, "Cache-Control")
	c.injection.CleanResponse(trailer)
}

// verdict returns the error that an upstream answer stands for, or nil if it passes.
func (c *call) verdict(res *http.Response) *vending.Error {
	e := &vending.Error{Origin: vending.FromUpstream}
	if app := c.route.app; app.TooMany(res.StatusCode, res.Header) {
		e.Code, e.RetryAfter = vending.RateLimited, retryAfter(app.RateLimit, res.Header, time.Now())
		return e
	}
	if c.injection.Refused() {
		if err := c.injection.Refusal(); err != nil {
			return vending.AsError(err)
		}
		e.Code, e.Reason = vending.NeedsReconnection, vending.FreshCredentialRefused
		if c.injection.Ended() {
			e.Reason = vending.GrantEnded
		}
		return e
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.Code, e.RetryAfter = vending.UpstreamUnavailable, vending.StatedRetryAfter(res.Header, time.Now())
	default:
		return nil
	}
	return e
}

// quote reads the beginning of an error body. More than maxQuoted is read, so that a credential on
// the border is seen whole and can be scrubbed.
func (c *call) quote(res *http.Response) *vending.Upstream {
	c.injection.CleanResponse(res.Header)
	u := &vending.Upstream{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"),
		Headers: vending.UpstreamHeaders(res.Header)}
	var body io.Reader = res.Body
	// A provider may stall in the middle of its error; res.Body may be another one by then.
	giveUp := res.Body.Close
	defer time.AfterFunc(quoteTimeout, func() { _ = giveUp() }).Stop()
	switch strings.ToLower(strings.Join(res.Header["Content-Encoding"], ", ")) {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(res.Body)
		if err != nil {
			u.Truncated = !errors.Is(err, io.EOF)
			return u
		}
		body = unzipped
	default:
		// What cannot be read cannot be scrubbed.
		u.Truncated = true
		return u
	}
	limit := maxQuoted + c.injection.Overhang()
	text, err := io.ReadAll(io.LimitReader(body, int64(limit)+1)) // a broken body is quoted as far as it came
	u.Truncated = err != nil || len(text) > maxQuoted
	u.Body = c.injection.ScrubBody(text, maxQuoted, err != nil || len(text) > limit)
	return u
}

// quoteTimeout bounds the wait for a provider's error body.
const quoteTimeout = 2 * time.Second

// checkUpgrade lets raw bytes flow only after a 101 that answers this very request (RFC 6455,
// section 4.2.2).
func (c *call) checkUpgrade(res *http.Response) error {
	want := inject.WebSocketAccept(res.Request.Header.Get("Sec-Websocket-Key"))
	if res.Request.Header.Get("Upgrade") == "" || res.Header.Get("Sec-Websocket-Accept") != want {
		return &vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream,
			Message: "the provider answered the upgrade wrongly"}
	}
	c.injection.CleanResponse(res.Header)
	res.Status = "" // ReverseProxy writes the provider's words otherwise; of any other answer net/http writes its own
	c.showAnswer(res.Header)
	c.Header()["Server-Timing"] = []string{c.timing()}
	return nil
}

// answerError is the ReverseProxy's ErrorHandler.
func answerError(w http.ResponseWriter, _ *http.Request, err error) {
	c := w.(*call)
	var mapped *mappedAnswer
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

// refuse answers with e and notes it. What only an operator can mend goes to the log, with its
// cause scrubbed.
func (c *call) refuse(e *vending.Error, upstream *vending.Upstream) {
	c.event.Code, c.event.Origin = e.Code, e.Origin
	if c.event.Origin == "" {
		c.event.Origin = vending.FromVending
	}
	if e.Err != nil && !errors.Is(e.Err, context.Canceled) &&
		(e.Code == vending.InternalError || e.Code == vending.UpstreamUnavailable) {
		c.gateway.options.Logger.Error("call failed", "code", string(e.Code), "origin", string(c.event.Origin),
			"tenant", c.event.Tenant, "app", c.event.App, "error", c.scrubbed(e.Err))
	}
	if e.Code == vending.UpstreamUnavailable {
		e = c.telling(e)
	}
	if !c.event.Vending.IsZero() {
		c.Header()["Server-Timing"] = []string{c.timing()}
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

// telling returns e with whether the request may have reached the provider. It is a copy, for a
// source may share its errors.
func (c *call) telling(e *vending.Error) *vending.Error {
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

// Unwrap lets http.ResponseController flush and hijack.
func (c *call) Unwrap() http.ResponseWriter { return c.ResponseWriter }

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

// timing is the Server-Timing of the call (W3C Server Timing), in milliseconds.
func (c *call) timing() string {
	b := make([]byte, 0, 48)
	b = append(b, "vend;dur="...)
	b = appendMillis(b, c.event.Vend)
	if c.event.Upstream > 0 {
		b = append(b, ", upstream;dur="...)
		b = appendMillis(b, c.event.Upstream)
	}
	return string(b)
}

func appendMillis(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// cannot be searched whole is mapped instead.
func (c *call) scrubPassed(res *http.Response, refusal *vending.Error) error {
	if res.Request.Method == http.MethodHead {
		return nil
	}
	u := c.quote(res)
	if u.Truncated {
		return &mappedAnswer{refusal, u}
	}
	inject.ReplaceBody(res, []byte(u.Body))
	res.Trailer = nil
	for _, name := range []string{"Content-Encoding", "Trailer"} {
		delete(res.Header, name)
	}
	return nil
}
