package authorize

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/dghubble/oauth1"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/httpx"
)

// maxOAuth1Answer bounds what an endpoint of RFC 5849 may answer, in bytes. It also bounds what a
// flow keeps of it.
const maxOAuth1Answer = 16 << 10

// nonces are letters and digits, and 20 to 30 of them: some providers take no others.
type nonces struct{}

func (nonces) Nonce() string { return rand.Text() }

// callOAuth1 has the library call an endpoint once, in ctx and within the bounds of this package:
// it would follow redirects, read any answer to its end, and quote it in its error. A problem is
// what the provider or the network did not grant.
func (a *Authorizer) callOAuth1(ctx context.Context, app *catalog.App, config *oauth1.Config,
	call func() (token, secret string, err error)) (token, secret string, p *Error, err error) {
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	w := &oauth1Wire{Call: httpx.Call{Transport: httpx.Fresh(a.transport(app)), Limit: maxOAuth1Answer}, call: bounded}
	// A line break at the end would become a part of the last value.
	w.Edit = func(_ http.Header, body []byte) []byte { return bytes.TrimSpace(body) }
	config.HTTPClient = httpx.Client(w)
	token, secret, err = call()
	switch {
	case err == nil && signable(token) && signable(secret):
		return token, secret, nil, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return "", "", nil, fmt.Errorf("authorizing %s: %w", app.Slug, ctx.Err())
	case w.Err == nil && w.Status == 0:
		return "", "", nil, fmt.Errorf("authorizing %s: a request for its endpoints cannot be created", app.Slug)
	}
	return "", "", w.problem(), nil
}

// signable reports whether a token, or its secret, is one that can be signed with.
func signable(token string) bool {
	return token != "" && strings.TrimSpace(token) == token && !strings.ContainsFunc(token, unicode.IsControl)
}

// oauth1Wire is the way of one call.
type oauth1Wire struct {
	httpx.Call
	call context.Context // the library has no other way to take it
}

// RoundTrip implements http.RoundTripper.
func (w *oauth1Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(w.call)
	r.Header.Set("User-Agent", "vendgate") // some providers refuse the one of net/http
	return w.Call.RoundTrip(r)
}

// problem explains why the call brought no token.
func (w *oauth1Wire) problem() *Error {
	p := &Error{Kind: Malformed, Status: w.Status, Err: errNoAnswer}
	switch {
	case w.Malformed():
		p.Err = w.Err
	case w.Err != nil:
		p.Kind, p.Err = Unreachable, fmt.Errorf("calling an OAuth 1 endpoint: %w", w.Err)
	case w.Status >= 500, w.Status == http.StatusTooManyRequests, w.Status == http.StatusRequestTimeout:
		p.Kind = Unreachable
	case w.Status >= 400:
		p.Kind = ProviderError
	}
	return p
}
