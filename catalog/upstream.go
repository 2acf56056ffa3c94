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
	_, path := splitURL(c.Upstream)
	if strings.ContainsAny(path, "{}") {
		return errors.New("upstream: placeholders are allowed in the host only: move this one to placement.path_prefix")
	}
	if err := c.slottedURL("upstream", c.Upstream); err != nil {
		return err
	}
	if strings.Contains(path, "?") {
		return errors.New("upstream has a query: put it into placement.query")
	}
	if path, _ := url.PathUnescape(path); strings.Contains(path, "\\") || strings.ContainsFunc(path, isControl) ||
		!plainSegments(path) {
		return errors.New("upstream: the path must hold no dot segment, empty segment or backslash: write it like " +
			"https://api.example.com/v1")
	}
	return nil
}

// splitURL splits an absolute URL before its path, query or fragment. Of any other text it returns
// raw as a path.
func splitURL(raw string) (authority, path string) {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "", raw
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// slottedURL checks a URL whose host and path may hold placeholders: each way to fill the host must
// give an endpoint.
func (c checker) slottedURL(where, raw string) error {
	scheme, _, ok := strings.Cut(raw, "://")
	if !ok {
		return fmt.Errorf("%s is not an absolute https URL: write it like https://api.example.com", where)
	}
	authority, path := splitURL(raw)
	host, err := scan(authority)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	segments, err := scan(path)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if _, query, _ := strings.Cut(path, "?"); len(fieldNames(query)) > 0 {
		return fmt.Errorf("%s has a placeholder in its query, where a value could add parameters: put it into host or path",
			where)
	}
	if err := c.slots(where, host); err != nil {
		return err
	}
	for _, filled := range c.expand(host) {
		if _, err := c.endpoint(where, scheme+"://"+filled+fill(segments, "x")); err != nil {
			return err
		}
	}
	return nil
}

// expand fills the host with each option of its fields, with an x for any other value and a whole
// host name for a host.
func (c checker) expand(host []part) []string {
	filled := []string{""}
	for _, p := range host {
		values := []string{p.text}
		if f, ok := c.field(p.text); p.field && ok {
			switch {
			case len(f.Options) > 0:
				values = f.Options
			case f.Kind == KindHost:
				values = []string{"host.example.com"}
			default:
				values = []string{"x"}
			}
		}
		var next []string
		for _, before := range filled {
			for _, v := range values {
				next = append(next, before+v)
			}
		}
		filled = next
	}
	return filled
}

// plainSegments reports whether no segment of the decoded path is empty or a dot segment; one
// slash at the end is no empty segment.
func plainSegments(path string) bool {
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	return len(segments) == 1 && segments[0] == "" ||
		!slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." })
}

// slots checks the placeholders of an authority.
func (c checker) slots(where string, authority []part) error {
	for i, p := range authority {
		if !p.field {
			continue
		}
		f, ok := c.field(p.text)
		switch {
		case p.text == accessToken || p.text == tokenType:
			return fmt.Errorf("%s: {%s} cannot be a slot: put the token into the placement", where, p.text)
		case !ok, c.OwnsClient(p.text):
			return fmt.Errorf("%s: %w", where, c.placeholder(p.text))
		case f.Secret:
			// Resolvers, proxies and TLS (the SNI) show host names to everyone on the way.
			return fmt.Errorf("%s: field %s is secret, and host names are not: put it into the placement", where, p.text)
		case f.Kind == KindHost && f.From == "" && c.placesClientSecret():
			return fmt.Errorf("%s: field %s would let end users choose who gets the client's secret values: declare it from "+
				"client", where, p.text)
		case f.Kind == KindHost && len(authority) > 1:
			return fmt.Errorf("%s: field %s is a whole host: write https://{%s}", where, p.text, p.text)
		case f.Kind == KindHost, len(f.Options) > 0:
			continue
		}
		// Were the last labels a slot, an end user could choose the domain that gets the credential.
		for _, literal := range c.expand(authority[i+1:]) {
			if host, _, _ := strings.Cut(literal, ":"); strings.Count(host, ".") < 2 {
				return fmt.Errorf("%s: two literal labels must follow the last slot: write it like https://{subdomain}.example.com",
					where)
			}
		}
	}
	return nil
}

// placesClientSecret reports whether calls carry a secret that came with the OAuth client. An OAuth
// 1 signature does not show its own.
func (c checker) placesClientSecret() bool {
	names := make([]string, 0, 8)
	if c.Placement != nil {
		names = c.Placement.fieldNames()
	}
	if c.Sign != nil {
		names = append(names, fieldNames(c.Sign.Key+c.Sign.Prefix)...)
	}
	if c.Verify != nil {
		names = append(names, fieldNames(c.Verify.Path+c.Verify.Body)...)
		for _, text := range c.Verify.Headers {
			names = append(names, fieldNames(text)...)
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		f, _ := c.field(name)
		return f.From == FromClient && f.Secret
	})
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
		return nil, fmt.Errorf("%s is not a valid URL: write it like https://api.example.com: %w", where, err)
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("%s has user info: take it out, and say in the placement where the credential goes", where)
	case u.Scheme == "http" && !c.AllowHTTP:
		return nil, fmt.Errorf("%s is plain http: write https, or set allow_http", where)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("%s is not an absolute https URL: write it like https://api.example.com", where)
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
// operator's word for it; the dialer checks the resolved address as well.
func (c checker) host(host string) error {
	inside := c.AllowHTTP || len(c.AllowPrivate) > 0
	if addr, err := netip.ParseAddr(host); err == nil {
		if !inside || addr.Zone() != "" {
			return errors.New("the host is an IP address: write a host name, or set allow_private or allow_http")
		}
		return nil
	}
	spelled := host
	if inside { // container networks have names that no public host does
		spelled = strings.ReplaceAll(host, "_", "x")
	}
	labels := strings.Split(spelled, ".")
	last := labels[len(labels)-1]
	if len(host) > maxHost || slices.ContainsFunc(labels, badLabel) {
		return errors.New("the host name is invalid: write lower-case letters, digits, - and dots (an international name " +
			"as xn--…)")
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
