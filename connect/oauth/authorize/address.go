package authorize

import (
	"strings"

	"golang.org/x/net/idna"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
)

// What is wrong with an address, as the rest of a sentence that begins with "it".
const (
	noHost      = "is not a public host name; write it like shop.example.com"
	noSite      = "is not the address of a site; write it like shop.example.com or example.com/shop"
	otherScheme = "has a scheme other than https; write it like shop.example.com"
	userInfo    = "contains a user name or a password; write only the address, like shop.example.com"
	noName      = "is not a valid international name; check it, or write its ASCII form, which begins with xn--"
	hasPath     = "has a path, but this app is at the root of its host"
	oddPath     = "has an invalid path: write parts of letters, digits, - . _ and ~, " +
		"like example.com/shop"
)

// normalizeAddress returns the host in text that an end user entered and, where f allows one, the
// path of a site. What is known not to belong to a site is cut off. A path that is left and invalid
// is an error: without it, the credential would go to whatever is at the root.
func normalizeAddress(app *catalog.App, f catalog.Field, text string) (value string, p *Error) {
	wrong := func(reason, suggest string) (string, *Error) {
		return "", newError(app, Error{Kind: InvalidField, Field: f.Name, reason: reason, suggest: suggest})
	}
	scheme, rest, there := strings.Cut(text, "://")
	switch {
	case !there:
		scheme, rest = "https", strings.TrimPrefix(text, "//")
	case strings.ContainsAny(scheme, "/?#."): // it belongs to a query
		scheme, rest = "https", text
	}
	if scheme = strings.ToLower(scheme); scheme != "https" && scheme != "http" {
		return wrong(otherScheme, "")
	}
	host, path := rest, ""
	if end := strings.IndexAny(rest, `/?#\`); end >= 0 {
		host, path = rest[:end], rest[end:]
	}
	if strings.ContainsRune(host, '@') {
		return wrong(userInfo, "")
	}
	host, ok := normalizeHost(scheme, host)
	if !ok {
		return wrong(noName, "")
	}
	switch path = sitePath(path, pathCuts(app, f)); {
	case path == "" || !isSite(f, host): // which is refused where it is placed, for what is wrong with it
		return host, nil
	case !f.SitePath:
		return wrong(hasPath, host)
	case !isSite(f, host+path):
		return wrong(oddPath, "")
	}
	return host + path, nil
}

// normalizeHost is a host in lower case, without the port that its scheme has anyway and the dot of
// the root. An international name is in its ASCII form (RFC 5891, section 5: the Lookup profile of
// UTS 46): that is what is dialled, and what is shown, since letters of other scripts may look like
// those of a name one knows.
func normalizeHost(scheme, host string) (form string, ok bool) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	if port == ":" || port == map[string]string{"https": ":443", "http": ":80"}[scheme] {
		port = ""
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.Contains(name, "xn--") || strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e }) {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil || ascii == "" {
			return "", false
		}
		name = ascii
	}
	return name + port, true
}

// sitePath is path without query, fragment and slashes at its end, as far as the first of cuts.
func sitePath(path string, cuts []string) string {
	if end := strings.IndexAny(path, "?#"); end >= 0 {
		path = path[:end]
	}
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		for _, cut := range cuts {
			if below := path[i:]; len(below) >= len(cut) && strings.EqualFold(below[:len(cut)], cut) &&
				(len(below) == len(cut) || below[len(cut)] == '/') {
				return strings.TrimRight(path[:i], "/")
			}
		}
	}
	return strings.TrimRight(path, "/")
}

// pathCuts are the paths at which a site's address ends: those that the entry names, and the app's
// own base path, which people find in examples.
func pathCuts(app *catalog.App, f catalog.Field) []string {
	_, rest, _ := strings.Cut(app.Upstream, "://")
	if _, base, there := strings.Cut(rest, "/"); there && strings.Trim(base, "/") != "" {
		return append([]string{"/" + strings.Trim(base, "/")}, f.Cut...)
	}
	return f.Cut
}

// isSite reports whether value is valid as a whole host.
func isSite(f catalog.Field, value string) bool {
	app := catalog.App{Fields: []catalog.Field{f}}
	_, err := inject.Endpoint(&app, "https://{"+f.Name+"}", func(string) (string, bool) { return value, true })
	return err == nil
}
