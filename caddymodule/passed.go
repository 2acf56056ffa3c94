package caddymodule

import (
	"net/http"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// scrubPassed takes the credential out of an error that passes as it is to the holder of a caller
// key, who must never see it: Amazon S3's ExpiredToken quotes the session token. An error that
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
