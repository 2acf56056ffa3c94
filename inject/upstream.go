package inject

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
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
		return "", errors.New("is not one of its options")
	}
	return value, nil
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
