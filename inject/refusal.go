package inject

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/httpx"
)

// prefixTimeout bounds the wait for the beginning of a body that may tell of a refused credential.
const prefixTimeout = 2 * time.Second

// refuses reports whether an upstream's answer refuses the credential. The answer that it returns
// reads as res would have, whatever of the body was looked at.
func refuses(app *catalog.App, res *http.Response) (*http.Response, bool) {
	if !app.RefusalInBody(res.StatusCode, res.Header) {
		return res, app.RefusesCredential(res.StatusCode, res.Header, nil)
	}
	if !looksInto(res) {
		return res, false
	}
	out, head := httpx.Peek(res, catalog.RefusedPrefix, prefixTimeout)
	prefix := httpx.DecodePrefix(res.Header, head, catalog.RefusedPrefix)
	return out, app.RefusesCredential(res.StatusCode, res.Header, prefix)
}

// looksInto reports whether the beginning of a body may be waited for. What is no error may be a
// stream, whose first event must not wait for the next, unless all of it is short.
func looksInto(res *http.Response) bool {
	if res.Body == nil || res.Body == http.NoBody || res.ContentLength == 0 {
		return false
	}
	isShort := res.ContentLength > 0 && res.ContentLength <= catalog.RefusedPrefix
	return res.StatusCode >= http.StatusBadRequest || isShort
}

// readable are the content codings that a body can be looked into in.
var readable = []string{"gzip", "x-gzip", "deflate", "identity"}

// acceptOnly takes from a request's `Accept-Encoding` (RFC 9110, section 12.5.3) the codings that
// cannot be undone where the body has to be read. The values of h are shared: it sets others.
func acceptOnly(h http.Header, readable []string) {
	lines, ok := h["Accept-Encoding"]
	if !ok {
		return
	}
	var kept []string
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			coding, _, _ := strings.Cut(entry, ";")
			if slices.Contains(readable, strings.ToLower(strings.TrimSpace(coding))) {
				kept = append(kept, strings.TrimSpace(entry))
			}
		}
	}
	if kept == nil {
		kept = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
}
