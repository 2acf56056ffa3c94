package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds an answer in bytes. A token answer is a few KiB at most; an endless one must not
// cost memory.
const maxBody = 256 << 10

// do makes one HTTP call about the connection.
func (s *Source) do(ctx context.Context, c *call, method, action string) (*httpx.Response, error) {
	// One path segment whatever the id holds: PathEscape leaves no `/`, `?`, `#` or `%` of it.
	target := s.base + "/connections/" + url.PathEscape(c.connection) + action
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return nil, vending.Errorf(vending.InternalError, errors.New("the platform's URL cannot be made"))
	}
	req.Header = c.header()
	resp, err := httpx.Do(s.transport, req, maxBody)
	switch {
	case resp == nil:
		return nil, unavailable("calling the platform", err)
	case httpx.Unreadable(err) && resp.Status != http.StatusServiceUnavailable:
		return nil, unreadable("the platform's response", err)
	case err != nil:
		return nil, unavailable("reading the platform's response", err)
	}
	return resp, nil
}

// read returns the data of an answer, or the error that it is. what names it in errors.
func read[T any](ctx context.Context, s *Source, c *call, resp *httpx.Response, what string) (*T, error) {
	if resp.Status/100 != 2 {
		return nil, s.refusal(ctx, c, resp)
	}
	data, err := decode[T](resp.Body)
	switch {
	case errors.Is(err, errSaid):
		return nil, s.refusal(ctx, c, resp)
	case err != nil:
		return nil, unreadable(what, err)
	}
	return data, nil
}

// The header values of every call. No RoundTripper may change them (see its documentation).
var acceptJSON, acceptIdentity, userAgent = []string{"application/json"}, []string{"identity"}, []string{"vendgate"}

func (c *call) header() http.Header {
	return http.Header{
		"Authorization": {"Bearer " + c.secret.Reveal()},
		"X-User-Email":  {c.user},
		"Accept":        acceptJSON,
		"User-Agent":    userAgent,
		// As httpx would add it to a copy, for each call.
		"Accept-Encoding": acceptIdentity,
		// Not sent, as it has no value: it tells net/http that asking twice does no harm, so a POST
		// that met a keep-alive connection in the moment of its closing is repeated on another.
		"X-Idempotency-Key": {},
	}
}

// unavailable makes the error of a call that told us nothing. It is worth another try.
func unavailable(doing string, err error) *vending.Error {
	return vending.Errorf(vending.UpstreamUnavailable, fmt.Errorf("%s: %w", doing, err))
}

// unreadable makes the error of an answer that is not one of the Platform API: a page of a proxy,
// or JSON of another form. The server did answer, and is not asked again for this request; the
// guide's SDK repeats calls on 503 alone (section 7).
func unreadable(what string, err error) *vending.Error {
	return final(unavailable("reading "+what, err))
}

func final(e *vending.Error) *vending.Error {
	e.Final = true
	return e
}

// foreign makes the error of an answer that is well formed and of no use here. It is the operator's
// to resolve: it would be the same when asked again, and after connecting again.
func foreign(what string, err error) *vending.Error {
	return vending.Errorf(vending.InternalError, fmt.Errorf("reading %s: %w", what, err))
}
