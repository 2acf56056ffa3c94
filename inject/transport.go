package inject

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 wants SHA-1; nothing secret depends on it
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxKept bounds the request body that is kept for a replay, in bytes.
const maxKept = 64 << 10

// Transport sends the request of the context's [Injection]. It injects the credential into a copy,
// so that neither Caddy's loggers nor error handlers can ever see it. Where the upstream refuses
// the credential, by 401 or as the app's entry says, there is one forced vend and, at most, one
// replay.
type Transport struct {
	// Base sends what the transport made, unless the credential has a relay of its own.
	Base http.RoundTripper
}

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip implements http.RoundTripper. Errors of the placement are *vending.Error; others are
// Base's.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	inj := injectionOf(r.Context())
	if inj == nil {
		return nil, errors.New("a request without an injection reached the injecting transport")
	}
	if err := keepBody(r); err != nil {
		return nil, err
	}
	res, err := t.send(r, inj)
	if err != nil || !inj.refused {
		return res, err
	}
	fresh, err := inj.revend(r.Context(), inj.credential())
	switch {
	case err != nil:
		// That the grant is gone is what the answer says already; all else is news to the caller.
		if e := vending.AsError(err); e.Code == vending.NeedsReconnection {
			inj.ended = true
		} else {
			inj.refusal = e
		}
		return res, nil
	case fresh.Equal(inj.credential()):
		return res, nil
	case r.Body != nil && r.Body != http.NoBody && r.GetBody == nil:
		inj.refusal = &vending.Error{
			Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream,
			Message: "the credential was renewed, but the request's body was not kept; send the request again",
		}
		return res, nil
	}
	return t.replay(r, inj, res, fresh)
}

// replay sends r again with fresh. The first answer is dropped only when the second request exists.
func (t *Transport) replay(r *http.Request, inj *Injection, first *http.Response,
	fresh vending.Credential) (*http.Response, error) {
	again := new(http.Request)
	*again = *r
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return first, nil //nolint:nilerr // the first answer is kept; GetBody of a kept body cannot fail
		}
		again.Body = body
	}
	discard(first)
	if err := inj.use(fresh); err != nil {
		return nil, err
	}
	return t.send(again, inj)
}

func (t *Transport) send(r *http.Request, inj *Injection) (*http.Response, error) {
	out, err := inj.request(r, time.Now())
	if err != nil {
		return nil, err
	}
	carrier := t.Base
	if relay := inj.credential().Relay(); relay != nil {
		carrier = relay
	}
	res, err := carrier.RoundTrip(out)
	inj.sent = inj.sent || !httpx.Unsent(err)
	if errors.Is(err, httpx.ErrRefused) {
		return nil, refusedByPeer(err)
	}
	if err != nil {
		return nil, err
	}
	res.Request = r // the copy, credential and all, ends here
	if inj.revend != nil {
		res, inj.refused = refuses(inj.placement.app, res)
	}
	inj.held = nil
	if inj.placement.links.hasMembers() && mayEdit(res) {
		res, inj.held = hold(res)
	}
	return res, nil
}

func refusedByPeer(err error) error {
	return &vending.Error{
		Code: vending.UpstreamUnavailable, Origin: vending.FromUpstream, RetryAfter: time.Second, Err: err,
		Message: "the provider refused the request, or ended its connection, before it answered; retry with backoff",
	}
}

// keepBody holds a small body of known length in memory for a replay. A body that waits for `100
// Continue` is left alone: reading it would tell the client to send before the upstream agreed.
func keepBody(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength <= 0 || r.ContentLength > maxKept ||
		r.Header.Get("Expect") != "" {
		return nil
	}
	_, err := holdBody(r, maxKept)
	return err
}

// prefixTimeout bounds the wait for the beginning of a body that may tell of a refused credential.
const prefixTimeout = 2 * time.Second

// refuses reports whether an upstream's answer refuses the credential. The answer that it returns
// reads as res would have, whatever of the body was looked at.
func refuses(app *catalog.App, res *http.Response) (*http.Response, bool) {
	if !app.RefusalInBody(res.StatusCode, res.Header) {
		return res, app.RefusesCredential(res.StatusCode, res.Header, nil)
	}
	if !looksInto(res) {
		return res, false
	}
	out, head := httpx.Peek(res, catalog.RefusedPrefix, prefixTimeout)
	prefix := httpx.DecodePrefix(res.Header, head, catalog.RefusedPrefix)
	return out, app.RefusesCredential(res.StatusCode, res.Header, prefix)
}

// looksInto reports whether the beginning of a body may be waited for. What is no error may be a
// stream, whose first event must not wait for the next, unless all of it is short.
func looksInto(res *http.Response) bool {
	if res.Body == nil || res.Body == http.NoBody || res.ContentLength == 0 {
		return false
	}
	isShort := res.ContentLength > 0 && res.ContentLength <= catalog.RefusedPrefix
	return res.StatusCode >= http.StatusBadRequest || isShort
}

// readable are the content codings that a body can be looked into in.
var readable = []string{"gzip", "x-gzip", "deflate", "identity"}

// acceptOnly takes from a request's `Accept-Encoding` (RFC 9110, section 12.5.3) the codings that
// cannot be undone where the body has to be read. The values of h are shared: it sets others.
func acceptOnly(h http.Header, readable []string) {
	lines, ok := h["Accept-Encoding"]
	if !ok {
		return
	}
	var kept []string
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			coding, _, _ := strings.Cut(entry, ";")
			if slices.Contains(readable, strings.ToLower(strings.TrimSpace(coding))) {
				kept = append(kept, strings.TrimSpace(entry))
			}
		}
	}
	if kept == nil {
		kept = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
}

// discardTimeout bounds the wait for the rest of an answer that will not be used.
const discardTimeout = time.Second

// discard reads a little of an answer that will not be used, so that its connection can be, and
// closes it.
func discard(res *http.Response) {
	stop := time.AfterFunc(discardTimeout, func() { _ = res.Body.Close() }) // it may never end
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10)
	stop.Stop()
	_ = res.Body.Close()
}

// WebSocketAccept returns the Sec-WebSocket-Accept that answers key (RFC 6455, section 4.2.2).
func WebSocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}
