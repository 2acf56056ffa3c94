package pipedream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds an answer in bytes. An account is a few KiB at most; an endless answer must not
// cost memory.
const maxBody = 256 << 10

const userAgent = "vendgate"

var errShape = errors.New("the response is not what Pipedream documents")

// do makes one call by rt and returns what was answered, whatever its status.
func (s *Source) do(
	ctx context.Context, rt http.RoundTripper, method, target string, header http.Header, body []byte,
) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, vending.Errorf(vending.InternalError, errors.New("the URL of Pipedream's API cannot be made"))
	}
	req.Header = header
	resp, err := httpx.Do(rt, req, maxBody)
	switch {
	case resp == nil:
		return 0, nil, nil, unavailable("calling Pipedream", err)
	case httpx.Unreadable(err):
		return 0, nil, nil, unreadable("reading Pipedream's response", err)
	case err != nil:
		return 0, nil, nil, unavailable("reading Pipedream's response", err)
	}
	return resp.Status, resp.Header, resp.Body, nil
}

// unreadable makes the error of an answer that is not what Pipedream describes. It is not asked for
// again: the next one would be the same, and each counts in the project's rate limit.
func unreadable(doing string, err error) *vending.Error {
	e := unavailable(doing, err)
	e.Final = true
	return e
}

// unavailable makes the error of a call that told us nothing.
func unavailable(doing string, err error) *vending.Error {
	return vending.Errorf(vending.UpstreamUnavailable, fmt.Errorf("%s: %w", doing, err))
}
