package inject

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/internal/httpx"
)

// maxHops bounds the redirects that one call follows.
const maxHops = 5

var (
	// ErrNotFollowed says that a redirect leads where no follower goes. It is wrapped by what says
	// why, which is safe to show.
	ErrNotFollowed = errors.New("the redirect is not followed")
	errNoHTTPS     = fmt.Errorf("%w: it leads to an address without https", ErrNotFollowed)
	errGateway     = fmt.Errorf("%w: it leads to the gateway itself", ErrNotFollowed)
	errTooMany     = fmt.Errorf("%w: there are more than %d in a row", ErrNotFollowed, maxHops)
	errHeld        = fmt.Errorf("%w: its address holds the credential", ErrNotFollowed)
	errStatus      = fmt.Errorf("%w: clients do not follow this status", ErrNotFollowed)
)

// Follower fetches what redirects lead to, for a caller whose client must not go there itself. Its
// requests have no credential, no cookie, no body, and nothing of the caller's.
type Follower struct {
	// Base dials global unicast addresses only.
	Base http.RoundTripper
	// Refuses reports whether a host, with its port if it has one, is the gateway's own.
	Refuses func(host string) bool
}

// LeadsAway returns where an answer leads a client that follows redirects, if that is past the
// gateway: the first such Location of a 3xx, as the provider wrote it. RFC 9110, section 15.4, has
// clients follow some statuses, and curl follows all. What is left of a Location by
// [Injection.RewriteLinks] is what counts: a path of the app's, or its own host, leads back here,
// and what is removed leads nowhere.
func (inj *Injection) LeadsAway(res *http.Response, gw func() Gateway) (location string, away bool) {
	if res.StatusCode < 300 || res.StatusCode > 399 {
		return "", false
	}
	for _, v := range res.Header["Location"] {
		if to, inside := inj.rewrite(v, gw); !inside && to != "" {
			return v, true
		}
	}
	return "", false
}

// LeadsBelow reports whether location is at a host of the same name as host, at whatever port, or
// of one below it.
func (inj *Injection) LeadsBelow(location, host string) bool {
	there, _ := parseURLReference(location).host()
	if there == "" {
		there = inj.host // a path that only the upstream can serve
	}
	name, _ := cutPort(asciiHost(there))
	own, _ := cutPort(host)
	own, name = strings.ToLower(asciiName(own)), strings.ToLower(asciiName(name))
	return own != "" && (name == own || strings.HasSuffix(name, "."+own))
}

// RedirectHost is what a message may say of where location leads: the host, or the scheme where
// there is none. Paths and queries are never shown: they may be signed.
func (inj *Injection) RedirectHost(location string) string {
	r := parseURLReference(location)
	host, _ := r.host()
	if host == "" && r.scheme == "" {
		host = inj.host // a path that only the upstream can serve
	}
	if host == "" {
		return "an address of the scheme " + r.scheme
	}
	if !isPlainHost(host) {
		return "a host whose name is invalid"
	}
	return inj.ScrubBody([]byte(strings.ToLower(host)), maxHostName+len(":65535"), false)
}

// Follow returns what is where res, the answer to a GET or HEAD at the upstream, leads: the first
// answer that is no redirect. It reads nothing more of res, and closes it. The answer is another
// host's: nothing in it is to be trusted, and nothing it says is about the credential. An error
// wraps [ErrNotFollowed], or is the transport's and safe to log.
func (f Follower) Follow(inj *Injection, res *http.Response, location string) (*http.Response, error) {
	method, ctx := res.Request.Method, httpx.Detach(res.Request.Context())
	at := &url.URL{Scheme: inj.placement.upstream.scheme, Host: inj.host, Path: "/"}
	if base, err := url.Parse(inj.base + inj.path); err == nil && base.Path != "" {
		at = at.ResolveReference(&url.URL{Path: base.Path, RawPath: base.RawPath})
	}
	for range maxHops {
		if !followed(res.StatusCode) {
			discard(res)
			return nil, errStatus
		}
		next, err := f.next(inj, at, location)
		discard(res)
		if err != nil {
			return nil, err
		}
		if res, err = f.fetch(ctx, method, next); err != nil {
			return nil, err
		}
		at, location = next, res.Header.Get("Location")
		if res.StatusCode < 300 || res.StatusCode > 399 || location == "" {
			return res, nil
		}
	}
	discard(res)
	return nil, errTooMany
}

// followed reports whether clients follow a status for GET and HEAD (RFC 9110, section 15.4).
func followed(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// next resolves a Location (RFC 9110, section 10.2.2), without what it would authenticate by. A
// parameter with the credential is left out, as of links.
func (f Follower) next(inj *Injection, at *url.URL, location string) (*url.URL, error) {
	next, err := at.Parse(location)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: its address is invalid", ErrNotFollowed)
	case next.Scheme != "https" || next.Hostname() == "":
		return nil, errNoHTTPS
	case f.Refuses(next.Host):
		return nil, errGateway
	}
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	next.RawQuery = inj.withoutSecrets(next.RawQuery)
	if text := next.String(); inj.secrets().MayHold(text) && inj.secrets().Holds(text) {
		return nil, errHeld
	}
	return next, nil
}

func (f Follower) fetch(ctx context.Context, method string, to *url.URL) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: its address is invalid", ErrNotFollowed)
	}
	r.Header["User-Agent"] = []string{"Vendgate"}
	res, err := f.Base.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("following a redirect: %w", err)
	}
	return res, nil
}
