package gateway

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// maxQuoted is how much of a provider's error body a mapped error quotes, in bytes.
const maxQuoted = 16 << 10

// quoteTimeout bounds the wait for a provider's error body.
const quoteTimeout = 2 * time.Second

// mappedResponse is an upstream answer that becomes an error of ours.
type mappedResponse struct {
	refusal  *vending.Error
	upstream *vending.Upstream
}

func (m *mappedResponse) Error() string { return m.refusal.Error() }

// quote reads the beginning of an error body. More than maxQuoted is read, so that a credential on
// the border is seen whole and can be scrubbed.
func (c *call) quote(res *http.Response) *vending.Upstream {
	c.injection.CleanResponse(res.Header)
	u := &vending.Upstream{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"),
		Headers: vending.UpstreamHeaders(res.Header)}
	var body io.Reader = res.Body
	// A provider may stall in the middle of its error; res.Body may be another one by then.
	closeBody := res.Body.Close
	defer time.AfterFunc(quoteTimeout, func() { _ = closeBody() }).Stop()
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

// scrubPassed takes the credential out of an error that passes as it is to the holder of a caller
// key, who must never see it: Amazon S3's ExpiredToken quotes the session token. An error that
// cannot be searched whole is mapped instead.
func (c *call) scrubPassed(res *http.Response, refusal *vending.Error) error {
	if res.Request.Method == http.MethodHead {
		return nil
	}
	u := c.quote(res)
	if u.Truncated {
		return &mappedResponse{refusal, u}
	}
	inject.ReplaceBody(res, []byte(u.Body))
	res.Trailer = nil
	for _, name := range []string{"Content-Encoding", "Trailer"} {
		delete(res.Header, name)
	}
	return nil
}
