package gateway

import (
	"maps"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/internal/httpx"
)

var _ httpx.Interim = (*call)(nil)

// Interim implements httpx.Interim: it passes an interim answer (1xx) on, cleaned. ReverseProxy
// would do it by the header of the final answer, and clear that afterwards, with all that the
// operator's directives had set.
//
// 100 is left to net/http, which sends it when the transport begins to read the body, and that is
// when the provider has asked for it: both together would be two. HTTP/1.0 has no interim answers
// (RFC 9110, section 15.2).
func (c *call) Interim(status int, h http.Header) {
	if status == http.StatusContinue || !c.request.ProtoAtLeast(1, 1) {
		return
	}
	removeHopByHop(h)
	c.injection.CleanResponse(h)
	own := c.Header()
	kept := maps.Clone(own)
	clear(own)
	maps.Copy(own, h)
	c.ResponseWriter.WriteHeader(status)
	clear(own)
	maps.Copy(own, kept)
}

// hopByHop are the headers of one connection (RFC 9110, section 7.6.1), and those that frame a
// body, which no interim answer has.
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding",
	"Upgrade", "Content-Length",
}

// removeHopByHop is what ReverseProxy does for final answers.
func removeHopByHop(h http.Header) {
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}
