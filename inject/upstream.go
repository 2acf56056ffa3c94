package inject

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// upstream is an app's base URL; its host may hold slots.
type upstream struct {
	scheme string
	host   template
	slots  slots
	// fixed is the host where there is no slot.
	fixed string
	// path is the raw base path, without a trailing slash.
	path string
}

func newUpstream(app *catalog.App, known func(string) bool) (upstream, error) {
	base := app.Upstream
	scheme, rest, ok := strings.Cut(base, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return upstream{}, fmt.Errorf("upstream %q: write an absolute https URL", base)
	}
	host, path, _ := strings.Cut(rest, "/")
	t, err := parseTemplate(host, known)
	if err != nil {
		return upstream{}, fmt.Errorf("upstream: %w", err)
	}
	u := upstream{scheme: scheme, host: t, slots: slotsOf(app)}
	if path = strings.TrimRight(path, "/"); path != "" {
		u.path = "/" + path
	}
	for range t.names {
		return u, nil
	}
	u.fixed = strings.ToLower(host)
	return u, nil
}

// resolve returns the host, with its port if it has one, and the raw base path: that of the
// connection's site, if it has one, and then the app's.
func (u upstream) resolve(cred vending.Credential) (host, base string, err error) {
	if u.fixed != "" {
		return u.fixed, u.path, nil
	}
	host, sitePath, err := u.slots.fill(u.host, cred)
	return host, sitePath + u.path, err
}

// dnsLabel is [hostLabel] without punycode: no account name needs it, and it makes look-alikes.
func dnsLabel(v string) (string, error) {
	if isPunycode(v) {
		return "", errNoLabel
	}
	return hostLabel(v)
}

var errNoLabel = errors.New("is no single DNS label")

// hostLabel accepts one label of a host name (RFC 1123, section 2.1).
func hostLabel(v string) (string, error) {
	ok := len(v) > 0 && len(v) <= 63 && v[0] != '-' && v[len(v)-1] != '-'
	for i := 0; ok && i < len(v); i++ {
		c := v[i] | 0x20
		ok = 'a' <= c && c <= 'z' || '0' <= v[i] && v[i] <= '9' || v[i] == '-'
	}
	if !ok {
		return "", errNoLabel
	}
	return v, nil
}

// pathSegment escapes a value for a part of one path segment. Dots would climb: alone, and between
// slashes too, because many servers decode %2F before they resolve dot segments.
func pathSegment(v string) (string, error) {
	if v == "" || holdsDotSegment(v) || holdsDotSegment(lenientDecode(v)) {
		return "", errors.New("is empty or holds a dot segment")
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' || c == 0x7f {
			return "", errors.New("holds a control character")
		}
	}
	return escapeSegment(v), nil
}

func holdsDotSegment(v string) bool {
	for segment := range strings.SplitSeq(strings.ReplaceAll(v, `\`, "/"), "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// escapeSegment keeps ":" as it is: it needs no escape in an absolute path (RFC 3986, section 3.3),
// and bot tokens are documented with it.
func escapeSegment(v string) string {
	return strings.ReplaceAll(url.PathEscape(v), "%3A", ":")
}

// queryValue escapes a value for the query.
func queryValue(v string) (string, error) {
	if v == "" {
		return "", errors.New("is empty")
	}
	if strings.ContainsAny(v, "\r\n\x00") {
		return "", errors.New("holds a line break or NUL")
	}
	return url.QueryEscape(v), nil
}

// requestURL builds the URL whose request line carries rawPath and rawQuery byte for byte.
func requestURL(scheme, host, rawPath, rawQuery string, hasQuery bool) (*url.URL, error) {
	u := &url.URL{Scheme: scheme, Host: host, RawQuery: rawQuery, ForceQuery: hasQuery && rawQuery == ""}
	if plainPath(rawPath) {
		u.Path = rawPath
		return u, nil
	}
	var err error
	if u.Path, err = url.PathUnescape(rawPath); err != nil {
		return nil, vending.Refuse(vending.InvalidRequest, "the path holds an invalid percent encoding")
	}
	u.RawPath = rawPath
	if u.EscapedPath() == rawPath {
		return u, nil
	}
	// net/url would re-encode what the caller spelled otherwise; only Opaque goes out as it is. With
	// two leading slashes it would read as an authority.
	if strings.HasPrefix(rawPath, "//") {
		return nil, vending.Refuse(vending.InvalidRequest, "the path holds characters that must be percent-encoded")
	}
	u.Opaque = rawPath
	return u, nil
}

// plainPath reports whether net/url sends p as it is without being told a RawPath.
func plainPath(p string) bool {
	for i := range len(p) {
		c := p[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("-_.~/$&+,:=@", c) >= 0:
		default:
			return false
		}
	}
	return true
}
