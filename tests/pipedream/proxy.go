package pipedream

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// proxyPrefix begins the headers that are meant for the API behind the proxy.
const proxyPrefix = "X-Pd-Proxy-"

// refusedNames are headers that the proxy does not take (docs, Connect API proxy, "Restricted
// headers"; that it is so for User-Agent was measured, and reported as "Unsupported header"); one
// that ends in a dash stands for all that begin so.
var refusedNames = []string{
	"accept-encoding", "access-control-request-", "connection", "content-length", "cookie", "date", "dnt", "expect",
	"host", "keep-alive", "origin",
	"permissions-policy", "referer", "te", "trailer", "transfer-encoding", "upgrade", "via", "user-agent", "proxy-",
	"sec-",
}

// hopByHop are the headers of an answer that concern the connection it came by.
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade"}

// relay calls the API behind the proxy and gives its answer back as it comes.
func (s *StandIn) relay(ctx context.Context, w http.ResponseWriter, c *call) *refusal {
	ctx, cancel := context.WithTimeout(ctx, s.now().ProxyTimeout)
	defer cancel()
	_ = http.NewResponseController(w).EnableFullDuplex() // an answer may begin before the request has ended
	res, err := s.upstream.RoundTrip(c.outgoing.WithContext(ctx))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &refusal{status: http.StatusGatewayTimeout, text: "the request timed out"}
	case err != nil:
		return &refusal{status: http.StatusBadGateway, text: "the API did not answer"}
	}
	defer func() { _ = res.Body.Close() }()
	if !pass(w, res) {
		panic(http.ErrAbortHandler) // how else could the caller know that the body is cut
	}
	return nil
}

// pass copies an answer, and says whether all of it came.
func pass(w http.ResponseWriter, res *http.Response) bool {
	header := w.Header()
	header["Date"], header["Content-Type"] = nil, nil // none of our own
	for name, values := range res.Header {
		if !slices.Contains(hopByHop, name) {
			header[name] = values
		}
	}
	w.WriteHeader(res.StatusCode)
	flush := http.NewResponseController(w)
	buf := make([]byte, 32<<10)
	gone := flush.Flush() // the head goes out before the first byte of the body is there
	for gone == nil {
		n, err := res.Body.Read(buf)
		if _, gone = w.Write(buf[:n]); gone == nil {
			gone = flush.Flush()
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
	return false
}

// prepare makes the call of the API behind the proxy.
func (s *StandIn) prepare(c *call) *refusal {
	text, refused := decodeURL(c.subject)
	if refused != nil {
		return refused
	}
	header, refused := unprefixed(c.Header)
	if refused != nil {
		return refused
	}
	a, refused := s.account(c.query["account_id"])
	if refused != nil {
		return refused
	}
	if a.User != c.query["external_user_id"] {
		// issue 18638
		return &refusal{status: http.StatusBadRequest, text: "account and user mismatch", of: "account", outside: true}
	}
	if a.unproxied {
		return &refusal{status: http.StatusBadRequest, text: "App record not found", outside: true} // issue 20400
	}
	target, refused := a.resolve(text)
	if refused != nil {
		return refused
	}
	out, err := http.NewRequest(c.Method, target, c.Body)
	if err != nil {
		return outside("the URL cannot be called")
	}
	if out.ContentLength = c.ContentLength; c.ContentLength == 0 {
		out.Body = http.NoBody
	}
	out.Header = header
	out.Header.Set("User-Agent", "pipedream/1")
	for name, values := range a.Inject {
		out.Header[name] = values
	}
	c.outgoing = out
	return nil
}

// resolve returns the URL that a target means. A full one must have an allowed domain, which here
// is that of the origin, and a static base; a relative one goes on from the base (docs, "When to
// use relative vs full URLs"). Placeholders lead to the account's own address, which here is its
// origin.
func (a *Account) resolve(target string) (string, *refusal) {
	dynamic := strings.Contains(a.base, "{{")
	if strings.HasPrefix(target, "/") {
		_, after, _ := strings.Cut(strings.TrimPrefix(a.base, "https://"), "/")
		if a.Origin == "" || !dynamic {
			after = ""
		}
		return a.Origin + strings.TrimSuffix("/"+after, "/") + target, nil
	}
	if u, _ := url.Parse(target); dynamic || u.Scheme+"://"+u.Host != a.Origin {
		// community thread 13445
		return "", &refusal{status: http.StatusBadRequest, text: "not allowed for this app", of: "domain", outside: true}
	}
	return target, nil
}

// decodeURL reads a url64: URL-safe base64, as the docs have it, of an absolute URL or of one that
// is relative to a host, with nothing around or behind it. A relative one that begins with two
// slashes would name a host.
func decodeURL(text string) (string, *refusal) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != text { // the decoder is lenient
		return "", outside("the url64 is not URL-safe base64 without padding")
	}
	if strings.HasPrefix(string(raw), "/") && !strings.HasPrefix(string(raw), "//") &&
		!strings.ContainsAny(string(raw), "#\\ ") {
		return string(raw), nil
	}
	u, err := url.Parse(string(raw))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		strings.Contains(string(raw), "#") {
		return "", outside("the url64 holds neither an absolute URL nor a path")
	}
	return string(raw), nil
}

// unprefixed are the headers for the API behind the proxy.
func unprefixed(h http.Header) (http.Header, *refusal) {
	header := make(http.Header)
	for name, values := range h {
		rest, ok := strings.CutPrefix(name, proxyPrefix)
		if !ok {
			continue
		}
		plain := strings.ReplaceAll(strings.ToLower(rest), "_", "-")
		for _, refused := range refusedNames {
			if plain == refused || strings.HasSuffix(refused, "-") && strings.HasPrefix(plain, refused) {
				return nil, outside("the proxy refuses the header %s", name)
			}
		}
		if plain == "" {
			return nil, outside("the proxy header has no name")
		}
		header[http.CanonicalHeaderKey(rest)] = values
	}
	return header, nil
}
