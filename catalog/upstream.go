package catalog

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The bounds of a host name, in bytes (RFC 1035, section 2.3.4).
const (
	maxHost  = 253
	maxLabel = 63
)

// upstream checks the base URL: its parts, and the slots of its host.
func (c checker) upstream() error {
	scheme, rest, ok := strings.Cut(c.Upstream, "://")
	if !ok {
		return errors.New("upstream is no absolute URL: write it like https://api.example.com")
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if strings.ContainsAny(path, "{}") {
		return errors.New("upstream: placeholders may stand in the host only: put this one into placement.path_prefix")
	}
	parts, err := scan(authority)
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	u, err := c.endpoint("upstream", scheme+"://"+fill(parts, "x")+path)
	if err != nil {
		return err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return errors.New("upstream has a query: put it into placement.query")
	}
	if strings.Contains(u.Path, "\\") || strings.ContainsFunc(u.Path, isControl) || !plainSegments(u.Path) {
		return errors.New("upstream: the path must hold no dot segment, empty segment or backslash: write it like https://api.example.com/v1")
	}
	return c.slots(parts)
}

// plainSegments reports whether no segment of the decoded path is empty or a dot segment; one
// slash at the end is no empty segment.
func plainSegments(path string) bool {
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	return len(segments) == 1 && segments[0] == "" ||
		!slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." })
}

// slots checks the placeholders of the upstream's authority.
func (c checker) slots(authority []part) error {
	for _, p := range authority {
		if !p.field {
			continue
		}
		f, ok := c.field(p.text)
		switch {
		case p.text == accessToken || p.text == tokenType:
			return fmt.Errorf("upstream: {%s} cannot be a slot: put the token into the placement", p.text)
		case !ok, c.OwnsClient(p.text):
			return fmt.Errorf("upstream: %w", c.placeholder(p.text))
		case f.Secret:
			// Resolvers, proxies and TLS (the SNI) show host names to everyone on the way.
			return fmt.Errorf("upstream: field %s is secret, and host names are not: put it into the placement", p.text)
		}
	}
	// Were the last labels a slot, an end user could choose the domain that gets the credential.
	const slot = "\x00"
	host, _, _ := strings.Cut(fill(authority, slot), ":")
	literal := host[strings.LastIndex(host, slot)+1:]
	if strings.Contains(host, slot) && strings.Count(literal, ".") < 2 {
		return errors.New("upstream: two literal labels must follow the last slot: write it like https://{subdomain}.example.com")
	}
	return nil
}

// endpoint checks what an upstream and the OAuth URLs have in common. It is https, or http
// where the app allows it, and has no user info and no fragment.
func (c checker) endpoint(where, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // without the URL
		}
		return nil, fmt.Errorf("%s is no valid URL: write it like https://api.example.com: %w", where, err)
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("%s has user info: take it out, and say in the placement where the credential goes", where)
	case u.Scheme == "http" && !c.AllowHTTP:
		return nil, fmt.Errorf("%s is plain http: write https, or set allow_http", where)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%s is no absolute https URL: write it like https://api.example.com", where)
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, fmt.Errorf("%s has a fragment, which is never sent: take it out", where)
	}
	if err := checkPort(u); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if err := c.host(u.Hostname()); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return u, nil
}

func checkPort(u *url.URL) error {
	if u.Port() == "" && !strings.HasSuffix(u.Host, ":") {
		return nil
	}
	if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
		return errors.New("the port must be 1 to 65535: write it like :8443, or leave it out")
	}
	return nil
}

// host checks a host name. What can only be inside the operator's own network needs the
// operator's word for it; the dialer's check of the resolved address stands behind this one.
func (c checker) host(host string) error {
	inside := c.AllowHTTP || len(c.AllowPrivate) > 0
	if addr, err := netip.ParseAddr(host); err == nil {
		if !inside || addr.Zone() != "" {
			return errors.New("the host is an IP address: write a host name, or set allow_private or allow_http")
		}
		return nil
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	if len(host) > maxHost || slices.ContainsFunc(labels, badLabel) {
		return errors.New("the host is no host name: write lower-case letters, digits, - and dots (an international name as xn--…)")
	}
	// 2130706433, 0x7f.1 and 127.1 are addresses to some resolvers (WHATWG URL, section 3.5).
	if _, err := strconv.ParseUint(last, 10, 64); err == nil || strings.HasPrefix(last, "0x") {
		return errors.New("the host ends in a number: write a host name, or an address in its usual form")
	}
	if inside {
		return nil
	}
	if len(labels) == 1 || last == "localhost" || last == "local" || last == "internal" {
		return errors.New("the host is not public: write a public host name, or set allow_private or allow_http")
	}
	return nil
}

func badLabel(label string) bool {
	return label == "" || len(label) > maxLabel || !consistsOf(label, '-') || label[0] == '-' || label[len(label)-1] == '-'
}
