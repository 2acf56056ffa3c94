package pipedream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds an answer in bytes. An account is a few KiB at most; an endless answer must not cost memory.
const maxBody = 256 << 10

const userAgent = "vendgate"

var (
	errTooLarge = fmt.Errorf("the answer is over %d bytes", maxBody)
	errShape    = errors.New("the answer is not what Pipedream describes")
)

// do makes one call and returns what was answered, whatever its status. It calls the RoundTripper and no http.Client: a round
// trip ends at the first answer, so that a redirect never takes the access token along.
func (s *Source) do(ctx context.Context, method, target string, header http.Header, body []byte) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, vending.Errorf(vending.InternalError, errors.New("the URL of Pipedream's API cannot be made"))
	}
	req.Header = header
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, unavailable("calling Pipedream", vending.Reason(err))
	}
	defer func() { _ = resp.Body.Close() }()
	// Also an error's body is read to its end, or the connection could not be used again.
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return 0, nil, nil, unavailable("reading Pipedream's answer", vending.Reason(err))
	case len(answer) > maxBody:
		return 0, nil, nil, unavailable("reading Pipedream's answer", errTooLarge)
	}
	return resp.StatusCode, resp.Header, answer, nil
}

// unavailable makes the error of a call that told us nothing.
func unavailable(doing string, err error) *vending.Error {
	return vending.Errorf(vending.UpstreamUnavailable, fmt.Errorf("%s: %w", doing, err))
}
