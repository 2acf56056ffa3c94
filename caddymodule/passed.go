package caddymodule

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// bodyDigests are headers that no longer hold once an error's body was scrubbed or unzipped
// (RFC 9530, RFC 3230, RFC 1864).
var bodyDigests = []string{"Content-Encoding", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Trailer"}

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
	res.Body = passedError{strings.NewReader(u.Body), res.Body}
	res.ContentLength, res.Trailer = int64(len(u.Body)), nil
	for _, name := range bodyDigests {
		delete(res.Header, name)
	}
	res.Header["Content-Length"] = []string{strconv.Itoa(len(u.Body))}
	return nil
}

// passedError is a scrubbed body, and closes the one that it was read from.
type passedError struct {
	io.Reader
	io.Closer
}
