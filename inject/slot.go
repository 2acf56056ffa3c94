package inject

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// slots are the fields that may fill a part of a host, by name.
type slots map[string]catalog.Field

func slotsOf(app *catalog.App) slots {
	s := make(slots, len(app.Fields))
	for _, f := range app.Fields {
		s[f.Name] = f
	}
	return s
}

// fill renders a host. A slot takes exactly one DNS label, several where its field's kind says so,
// one of its field's options, or a whole host where it is all there is: the result cannot leave the
// pattern that the catalog states.
// The site's path is what a host's value goes on with, where its field allows that; else it is empty.
func (s slots) fill(host template, cred vending.Credential) (filled, sitePath string, err error) {
	return s.render(host, cred.Field)
}

func (s slots) render(host template, field func(name string) (string, bool)) (filled, sitePath string, err error) {
	filled, err = host.render(field, func(name, value string) (string, error) {
		if f := s[name]; f.Kind == catalog.KindHost && f.SitePath {
			var err error
			if value, sitePath, err = splitSite(value); err != nil {
				return "", err
			}
		}
		return s.escape(name, value)
	})
	if err != nil {
		return "", "", err
	}
	filled = strings.ToLower(filled)
	name, _, _ := strings.Cut(filled, ":")
	if len(name) > maxHostName {
		return "", "", errors.New("filling a host: it is longer than 253 characters")
	}
	for label := range strings.SplitSeq(name, ".") {
		if _, err := hostLabel(label); err != nil {
			return "", "", fmt.Errorf("filling a host: a label %w", err)
		}
	}
	return filled, sitePath, nil
}

func (s slots) escape(name, value string) (string, error) {
	f := s[name]
	switch {
	case f.Kind == catalog.KindHost:
		return hostName(value)
	case f.Kind == catalog.KindLabels:
		return dnsLabels(value)
	case len(f.Options) == 0:
		return dnsLabel(value)
	case !slices.Contains(f.Options, value):
		return "", errors.New("is none of its options")
	}
	return value, nil
}

// maxHostName bounds a host name, in bytes (RFC 1035, section 2.3.4).
const maxHostName = 253

// dnsLabels accepts labels joined by dots, of up to half of the longest host name, so that the rest
// of it has its place.
func dnsLabels(v string) (string, error) {
	if len(v) > maxHostName/2 {
		return "", errors.New("is too long for a part of a host name")
	}
	for label := range strings.SplitSeq(v, ".") {
		if _, err := dnsLabel(label); err != nil {
			return "", errors.New("is no part of a host name")
		}
	}
	return v, nil
}

// hostName accepts a host name with at least two labels and an optional port. What it resolves to is for the dialer to judge.
func hostName(v string) (string, error) {
	name, port := v, ""
	if i := strings.LastIndexByte(v, ':'); i >= 0 {
		name, port = v[:i], v[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", errors.New("has a port that is none")
		}
		port = ":" + port
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if _, err := hostLabel(label); err != nil {
			return "", errors.New("is no host name")
		}
	}
	if !plainInternational(name) {
		return "", errors.New("is no international host name in its plain form")
	}
	last := strings.ToLower(labels[len(labels)-1])
	// 2130706433, 0x7f.1 and 127.1 are addresses to some resolvers (WHATWG URL, section 3.5).
	isNumber := strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
	if _, err := netip.ParseAddr(name); err == nil || isNumber || len(labels) < 2 || len(name) > maxHostName {
		return "", errors.New("is no public host name")
	}
	return name + port, nil
}

// Endpoint fills the slots of an OAuth endpoint's URL and the placeholders of its path. app's Check must have accepted it, and so found
// none in its query. The error is a *FieldError if a field is to blame.
func Endpoint(app *catalog.App, raw string, field func(name string) (string, bool)) (string, error) {
	if !strings.ContainsRune(raw, '{') {
		return raw, nil
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	i := strings.IndexAny(rest+"/", "/?") // a query needs no path before it
	known := func(string) bool { return true }
	host, err := parseTemplate(rest[:i], known)
	if err != nil {
		return "", err
	}
	path, err := parseTemplate(rest[i:], known)
	if err != nil {
		return "", err
	}
	filledHost, sitePath, err := slotsOf(app).render(host, field)
	if err != nil {
		return "", blame(app, err)
	}
	filledPath, err := path.render(field, func(_, value string) (string, error) { return pathSegment(value) })
	if err != nil {
		return "", blame(app, err)
	}
	u, err := url.Parse(scheme + "://" + filledHost + sitePath + filledPath)
	if err != nil {
		return "", fmt.Errorf("filling an endpoint of %s: %w", app.Slug, errors.Unwrap(err))
	}
	return u.String(), nil
}
