package pipedream

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// inForm returns value in the form that the catalog has for the field: Pipedream keeps a whole
// address, `https://acme.my.salesforce.com`, where an app's host has a slot for a part of it. What
// is no address of the app's stays as it is, and cannot be placed.
func inForm(app *catalog.App, f catalog.Field, value string) string {
	if f.Secret {
		return value
	}
	if part := captured(app, f.Name, value); part != "" {
		return part
	}
	scheme, rest, _ := strings.Cut(app.Upstream, "://")
	pattern, basePath := cutAuthority(rest)
	if !strings.Contains(pattern, "{"+f.Name+"}") {
		return value
	}
	at, ok := parseServer(value)
	if !ok || at.userinfo || at.scheme != "" && at.scheme != scheme {
		return value
	}
	at.host = app.SlotHost(at.host)
	switch strings.TrimSuffix(at.path, "/") {
	case "", strings.TrimSuffix(basePath, "/"):
		at.path = ""
	}
	switch {
	case f.Kind == catalog.KindHost:
		return at.host + at.path
	case (slices.Contains(f.Options, at.host) || f.NamesHost(at.host)) && at.path == "":
		return at.host
	}
	if part := slotIn(pattern, f, at.host); part != "" && at.path == "" {
		return part
	}
	return value
}

// captured applies the pattern by which the connection manager finds the same value in the
// provider's own answer.
func captured(app *catalog.App, field, value string) string {
	if app.OAuth2 == nil {
		return ""
	}
	for _, c := range app.OAuth2.Capture {
		if c.Field != field || c.Pattern == "" {
			continue
		}
		if at, ok := parseServer(value); ok && at.scheme != "" && !at.userinfo {
			value = at.scheme + "://" + at.host + strings.TrimSuffix(at.path, "/")
		}
		if part := catalog.Find(c.Pattern, value); part != "" {
			return part
		}
	}
	return ""
}

// slotIn returns the part of host that fills the field's slot in pattern, or "" where host is not
// of that pattern.
func slotIn(pattern string, f catalog.Field, host string) string {
	slot := "{" + f.Name + "}"
	if strings.Count(pattern, "{") != 1 {
		return "" // the border between two slots would be a guess
	}
	before, after, _ := strings.Cut(strings.ToLower(pattern), slot)
	part, ok := strings.CutPrefix(host, before)
	if ok {
		part, ok = strings.CutSuffix(part, after)
	}
	switch {
	case !ok, len(f.Options) > 0 && !slices.Contains(f.Options, part):
		return ""
	case len(f.Options) == 0 && f.Kind != catalog.KindLabels && strings.Contains(part, "."):
		return ""
	}
	return part
}
