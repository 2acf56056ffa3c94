package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxBody bounds an answer in bytes. A token answer is a few KiB at most; an endless one must not
// cost memory.
const maxBody = 256 << 10

var errShape = errors.New("the answer is not what the Platform API describes")

// do makes one HTTP call about the connection and returns the body of a 2xx answer.
func (s *Source) do(ctx context.Context, c *call, method, action string) ([]byte, error) {
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
	case err != nil:
		return nil, unavailable("reading the platform's answer", err)
	case resp.Status/100 != 2:
		return nil, s.refusal(ctx, c, resp)
	}
	return resp.Body, nil
}

func (c *call) header() http.Header {
	return http.Header{
		"Authorization": {"Bearer " + c.secret.Reveal()},
		"X-User-Email":  {c.user},
		"Accept":        {"application/json"},
		"User-Agent":    {"vendgate"},
		// As httpx would add it to a copy, for each call.
		"Accept-Encoding": {"identity"},
		// Not sent, as it has no value: it tells net/http that asking twice does no harm, so a POST
		// that met a keep-alive connection in the moment of its closing is repeated on another.
		"X-Idempotency-Key": {},
	}
}

// decode reads the data of a success envelope. Its errors are constant: those of encoding/json
// repeat what they stumbled over, and that may be a credential.
func decode[T any](body []byte) (*T, error) {
	var envelope struct {
		Status string `json:"status"`
		Data   *T     `json:"data"`
	}
	// encoding/json would replace invalid UTF-8 and so change a credential in silence.
	if !utf8.Valid(body) || json.Unmarshal(body, &envelope) != nil {
		return nil, errShape
	}
	if envelope.Status != "success" || envelope.Data == nil {
		return nil, errShape
	}
	return envelope.Data, nil
}

// unavailable makes the error of a call that told us nothing.
func unavailable(doing string, err error) *vending.Error {
	return vending.Errorf(vending.UpstreamUnavailable, fmt.Errorf("%s: %w", doing, err))
}
