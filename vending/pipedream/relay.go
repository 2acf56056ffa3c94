package pipedream

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// relay sends requests through Pipedream's proxy, which adds the account's credential. What comes back is the upstream's
// answer, or Pipedream's own: its 429 and 504 mean the same, and its 400, 403 and 404 nobody can tell
// from the upstream's.
func (s *Source) relay(bearer vending.Secret, account, externalID string) vending.Relay {
	query := "?external_user_id=" + url.QueryEscape(externalID) + "&account_id=" + url.QueryEscape(account)
	return func(r *http.Request) (*http.Response, error) {
		out, err := s.wrap(r, query, bearer)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // none of it was sent
			}
			return nil, err
		}
		return s.transport.RoundTrip(out)
	}
}

// proxied are the methods that the proxy takes.
var proxied = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// wrap makes the request to the proxy: the upstream's URL in the path, its headers under names of their own, the body as it is.
func (s *Source) wrap(r *http.Request, query string, bearer vending.Secret) (*http.Request, error) {
	if !slices.Contains(proxied, r.Method) {
		return nil, vending.Refuse(vending.InvalidRequest, "this connection is called through Pipedream's proxy, which takes "+strings.Join(proxied, ", ")+" only")
	}
	if r.Header.Get("Upgrade") != "" {
		return nil, vending.Refuse(vending.InvalidRequest, "this connection is called through Pipedream's proxy, which takes no upgrades")
	}
	target := base64.RawURLEncoding.EncodeToString([]byte(r.URL.Scheme + "://" + r.URL.Host + r.URL.RequestURI()))
	u, err := url.Parse(s.connect + "/proxy/" + target + query)
	if err != nil {
		return nil, vending.Errorf(vending.InternalError, errors.New("the URL of Pipedream's proxy cannot be made"))
	}
	out := new(http.Request)
	*out = *r // everything changed below is replaced
	out.URL, out.Host = u, ""
	out.Trailer = nil // the proxy refuses them
	out.Header = s.header(bearer)
	for name, values := range r.Header {
		if !refusedHeader(name) {
			out.Header["X-Pd-Proxy-"+name] = values
		}
	}
	if contentType, ok := r.Header["Content-Type"]; ok {
		out.Header["Content-Type"] = contentType // the proxy reads the body too
	}
	return out, nil
}

// refusedHeaders are those for which the proxy answers 400, in lower case; refusedPrefixes begin more of them.
var (
	refusedHeaders = map[string]bool{
		"accept-encoding": true, "connection": true, "content-length": true, "cookie": true, "date": true, "dnt": true, "expect": true,
		"host": true, "keep-alive": true, "origin": true, "permissions-policy": true, "referer": true, "te": true, "trailer": true,
		"transfer-encoding": true, "upgrade": true, "user-agent": true, "via": true,
	}
	refusedPrefixes = []string{"access-control-request-", "proxy-", "sec-"}
)

// refusedHeader compares as servers may that turn `-` and `_` into one (CGI, WSGI): to them `User_agent` is the refused header.
func refusedHeader(name string) bool {
	name = strings.Trim(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-")
	return refusedHeaders[name] || slices.ContainsFunc(refusedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
