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
type slots struct {
	fields map[string]catalog.Field
	// private says that the operator lets the app's hosts be inside their network.
	private bool
	// whole are those that may name a whole host in place of the one they fill.
	whole []catalog.Field
	// defaulted says that one of the fields may be missing.
	defaulted bool
	// renames is what the provider calls hosts that are filled.
	renames map[string]string
}

func slotsOf(app *catalog.App) slots {
	s := slots{
		fields:  make(map[string]catalog.Field, len(app.Fields)),
		private: len(app.AllowPrivate) > 0, renames: app.HostRenames,
	}
	for _, f := range app.Fields {
		s.fields[f.Name] = f
		s.defaulted = s.defaulted || f.Default != ""
		if len(f.Hosts) > 0 {
			s.whole = append(s.whole, f)
		}
	}
	return s
}

// fill renders a host. A slot takes exactly one DNS label, several where its field's kind says so,
// one of its field's options, or a whole host where it is all there is: the result cannot leave the
// pattern that the catalog states.
// The site's path is what a host's value goes on with, where its field allows that; else it is
// empty.
func (s slots) fill(host template, cred vending.Credential) (filled, sitePath string, err error) {
	return s.render(host, cred.Field, cred.IsConfigured)
}

// render fills host by field; configured tells which values the operator wrote.
func (s slots) render(
	host template, field func(name string) (string, bool), configured func(name string) bool,
) (filled, sitePath string, err error) {
	if named := s.named(host, field); named != "" {
		return named, "", nil
	}
	if s.defaulted {
		field = s.orDefault(field)
	}
	filled, err = host.render(field, func(name, value string) (string, error) {
		f := s.fields[name]
		if f.Kind == catalog.KindHost && f.SitePath {
			var err error
			if value, sitePath, err = splitSite(value); err != nil {
				return "", err
			}
		}
		if f.Kind == catalog.KindHost && s.private && configured(name) {
			return insideHost(value)
		}
		return s.escape(name, value)
	})
	if err != nil {
		return "", "", err
	}
	filled = strings.ToLower(filled)
	if renamed, ok := s.renames[filled]; ok {
		return renamed, sitePath, nil
	}
	if len(host) == 1 && s.fields[host[0].text].Kind == catalog.KindHost { // checked as a whole
		return filled, sitePath, nil
	}
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

// orDefault finds a value by field, or else the field's default: a connection may be older than the
// choice.
func (s slots) orDefault(field func(name string) (string, bool)) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		if value, ok := field(name); ok && value != "" {
			return value, true
		}
		value := s.fields[name].Default
		return value, value != ""
	}
}

// named is the whole host that a field of host names, if one does.
func (s slots) named(host template, field func(name string) (string, bool)) string {
	for i := range s.whole {
		f := &s.whole[i]
		if value, ok := field(f.Name); ok && host.holds(f.Name) && f.NamesHost(value) {
			return strings.ToLower(value)
		}
	}
	return ""
}

func (s slots) escape(name, value string) (string, error) {
	f := s.fields[name]
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

// hostName accepts a host name with at least two labels and an optional port. What it resolves to
// is for the dialer to judge.
func hostName(v string) (string, error) {
	name, port, err := splitPort(v)
	if err != nil {
		return "", err
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
	if _, err := netip.ParseAddr(name); err == nil || isNumber(labels[len(labels)-1]) || len(labels) < 2 ||
		len(name) > maxHostName {
		return "", errors.New("is no public host name")
	}
	return name + port, nil
}

// splitPort splits a host and its port, which keeps its colon.
func splitPort(v string) (name, port string, err error) {
	i := strings.LastIndexByte(v, ':')
	if i <= strings.LastIndexByte(v, ']') {
		return v, "", nil
	}
	if n, err := strconv.ParseUint(v[i+1:], 10, 16); err != nil || n == 0 {
		return "", "", errors.New("has an invalid port")
	}
	return v[:i], v[i:], nil
}

// isNumber reports whether a name that ends in label is an address to some resolvers: 2130706433,
// 0x7f.1 and 127.1 are (WHATWG URL, section 3.5).
func isNumber(label string) bool {
	return strings.Trim(label, "0123456789") == "" || strings.HasPrefix(strings.ToLower(label), "0x")
}

// Endpoint fills the slots of an OAuth endpoint's URL and the placeholders of its path. app's Check
// must have accepted it, and so found none in its query. A value of a field from `client` is the
// one that came with the OAuth client, which the operator sets. The error is a
// *FieldError if a field is to blame.
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
	slots := slotsOf(app)
	filledHost, sitePath, err := slots.render(host, field, func(name string) bool {
		return slots.fields[name].From == catalog.FromClient
	})
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
