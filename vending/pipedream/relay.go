package pipedream

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// relayed makes the credential of an account that Pipedream keeps back. A forced one takes the
// place of one that was answered with 401.
func (s *Source) relayed(a *account, app *catalog.App, bearer vending.Secret, forced bool) (vending.Credential, error) {
	c, err := decodeConnect(a.Connect)
	if err != nil {
		return vending.Credential{}, unreadable("reading what the proxy does", err)
	}
	to, err := newTarget(app, c)
	if err != nil {
		return vending.Credential{}, err
	}
	mapped := s.apps[app.Slug].Fields
	if name := a.elsewhere(app, a.fields(app, mapped), mapped); name != "" && !c.dynamic() {
		return vending.Credential{}, otherServer(app, name)
	}
	cred := vending.NewRelayed(app.Slug, vending.AuthType(app.AuthType), bearer.Reveal(), s.relay(bearer, a, to, forced))
	if c.dynamic() {
		cred = cred.ToAccountHost()
	}
	return cred, nil
}

// relay sends requests through Pipedream's proxy, which adds the account's credential. What comes
// back is the upstream's answer, or Pipedream's own: its 429 and 504 mean the same, what it says of
// the call is an error of the source ([own]), and a 401 may be for the access token. A forced vend
// finds that out; after one, the relay does.
func (s *Source) relay(bearer vending.Secret, a *account, to target, forced bool) vending.Relay {
	id := a.ID
	query := "?external_user_id=" + url.QueryEscape(a.ExternalID) + "&account_id=" + url.QueryEscape(a.ID)
	return func(r *http.Request) (*http.Response, error) {
		out, err := s.wrap(r, to, query, bearer)
		if err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // none of it was sent
			}
			return nil, err
		}
		res, err := s.transport.RoundTrip(out)
		if err != nil {
			return nil, err
		}
		if res, err = own(res); err != nil {
			return nil, err
		}
		if forced && res.StatusCode == http.StatusUnauthorized && s.refuses(r.Context(), bearer, id) {
			_ = res.Body.Close()
			s.tokens.drop(bearer)
			return nil, s.clientRefused(r.Context(), "proxy", res.StatusCode)
		}
		return res, nil
	}
}

// refuses reports whether Pipedream answers 401 to the access token where no upstream is asked.
func (s *Source) refuses(ctx context.Context, bearer vending.Secret, account string) bool {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	status, _, _, err := s.do(ctx, s.transport, http.MethodGet, s.connect+"/accounts/"+account, s.header(bearer), nil)
	return err == nil && status == http.StatusUnauthorized
}

// proxied are the methods that the proxy takes.
var proxied = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// wrap makes the request to the proxy: the upstream's URL in the path, its headers under names of
// their own, the body as it is.
func (s *Source) wrap(r *http.Request, to target, query string, bearer vending.Secret) (*http.Request, error) {
	if !slices.Contains(proxied, r.Method) {
		return nil, refuse("which accepts only " + strings.Join(proxied, ", "))
	}
	if r.Header.Get("Upgrade") != "" {
		return nil, refuse("which does not support upgrades")
	}
	address, err := to.of(r)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(s.connect + "/proxy/" + base64.RawURLEncoding.EncodeToString([]byte(address)) + query)
	if err != nil {
		return nil, vending.Errorf(vending.InternalError, errors.New("the URL of Pipedream's proxy cannot be made"))
	}
	out := new(http.Request)
	*out = *r // everything changed below is replaced
	out.URL, out.Host = u, ""
	out.Trailer = nil // the proxy refuses them
	out.Header = s.header(bearer)
	for name, values := range r.Header {
		if refusedHeader(name) {
			continue
		}
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "{{") }) {
			return nil, refuse("which may read {{ in a header as a placeholder")
		}
		out.Header["X-Pd-Proxy-"+name] = values
	}
	if contentType, ok := r.Header["Content-Type"]; ok {
		out.Header["Content-Type"] = contentType // the proxy reads the body too
	}
	return out, nil
}

// refusedHeaders are those for which the proxy answers 400, in lower case; refusedPrefixes begin
// more of them.
var (
	refusedHeaders = map[string]bool{
		"accept-encoding": true, "connection": true, "content-length": true, "cookie": true, "date": true, "dnt": true,
		"expect": true,
		"host":   true, "keep-alive": true, "origin": true, "permissions-policy": true, "referer": true, "te": true,
		"trailer":           true,
		"transfer-encoding": true, "upgrade": true, "user-agent": true, "via": true,
	}
	refusedPrefixes = []string{"access-control-request-", "proxy-", "sec-"}
)

// refusedHeader compares as servers may that turn `-` and `_` into one (CGI, WSGI): to them
// `User_agent` is the refused header.
func refusedHeader(name string) bool {
	name = strings.Trim(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-")
	return refusedHeaders[name] || slices.ContainsFunc(refusedPrefixes, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}
