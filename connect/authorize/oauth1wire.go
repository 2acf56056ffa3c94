package authorize

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/dghubble/oauth1"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/tokenendpoint"
)

// maxOAuth1Answer bounds what an endpoint of RFC 5849 may answer, in bytes. It also bounds what is kept of it with an attempt.
const maxOAuth1Answer = 16 << 10

// nonces are letters and digits, and 20 to 30 of them: some providers take no others.
type nonces struct{}

func (nonces) Nonce() string { return rand.Text() }

// converse has the library call an endpoint once, in ctx and within the bounds of this package: it would follow redirects, read any
// answer to its end, and quote it in its error. A problem is what the provider or the network did not grant.
func (a *Authorizer) converse(ctx context.Context, app *catalog.App, config *oauth1.Config, call func() (token, secret string, err error)) (token, secret string, p *Problem, err error) {
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	w := &oauth1Wire{next: a.transport(app), call: bounded}
	config.HTTPClient = &http.Client{
		Transport:     w,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	token, secret, err = call()
	switch {
	case err == nil && usable(token) && usable(secret):
		return token, secret, nil, nil
	case errors.Is(ctx.Err(), context.Canceled):
		return "", "", nil, fmt.Errorf("authorizing %s: %w", app.Slug, ctx.Err())
	case w.fault == nil && w.status == 0:
		return "", "", nil, fmt.Errorf("authorizing %s: no request could be made for its endpoints", app.Slug)
	}
	return "", "", w.problem(), nil
}

// usable reports whether a token, or its secret, is one that can be signed with.
func usable(token string) bool {
	return token != "" && strings.TrimSpace(token) == token && !strings.ContainsFunc(token, unicode.IsControl)
}

// oauth1Wire is the way of one call.
type oauth1Wire struct {
	next http.RoundTripper
	call context.Context // the library has no other way to take it
	// status is the answer's, 0 while there is none, and fault why it could not be read.
	status int
	fault  error
}

// RoundTrip implements http.RoundTripper.
func (w *oauth1Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.next == nil {
		w.fault = tokenendpoint.ErrNoTransport
		return nil, w.fault
	}
	r = r.Clone(w.call)
	r.Header.Set("User-Agent", "vendgate") // some providers refuse the one of net/http
	res, err := w.next.RoundTrip(r)
	if err != nil {
		w.fault = err
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	w.status = res.StatusCode
	body, err := io.ReadAll(io.LimitReader(res.Body, maxOAuth1Answer+1))
	if err == nil && len(body) > maxOAuth1Answer {
		err = errLargeAnswer
	}
	if err != nil {
		w.fault = err
		return nil, err
	}
	// A line break at the end would become a part of the last value.
	res.Body = io.NopCloser(bytes.NewReader(bytes.TrimSpace(body)))
	return res, nil
}

// problem explains why the call brought no token.
func (w *oauth1Wire) problem() *Problem {
	p := &Problem{Kind: Nonsense, Status: w.status, Err: errNoAnswer}
	switch {
	case errors.Is(w.fault, errLargeAnswer):
		p.Err = errLargeAnswer
	case w.fault != nil:
		p.Kind, p.Err = Unreachable, tokenendpoint.Fault("calling an OAuth 1 endpoint", w.fault)
	case w.status >= 500, w.status == http.StatusTooManyRequests, w.status == http.StatusRequestTimeout:
		p.Kind = Unreachable
	case w.status >= 400:
		p.Kind = ProviderError
	}
	return p
}
