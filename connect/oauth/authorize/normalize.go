package authorize

import (
	"regexp"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// normalize returns a value that an end user entered as it is stored: the part of a host that fills
// a slot, where a whole address was pasted, and what [normalizeAddress] returns where a whole host
// is needed. A path is not part of a slot: the app's entry has the paths. What is not an address of
// the app's stays as it is, and is refused.
func normalize(app *catalog.App, f catalog.Field, value string) (string, *Error) {
	switch {
	case f.Kind == catalog.KindHost:
		return normalizeAddress(app, f, value)
	case f.Secret || len(f.Options) > 0 || !strings.ContainsAny(value, "./:"):
		return value, nil
	}
	scheme, _, there := strings.Cut(value, "://")
	if !there {
		scheme = "https"
	}
	host, ok := normalizeHost(strings.ToLower(scheme), hostIn(value))
	for _, pattern := range hostPatterns(app) {
		if label := labelIn(pattern, f, host); ok && label != "" {
			return label, nil
		}
	}
	if ok && f.NamesHost(host) {
		return host, nil
	}
	return value, nil
}

// Around is the host that a value of f is a part of, with acme in its place; "" if there is no such
// host to show.
func Around(app *catalog.App, f catalog.Field) string {
	for _, pattern := range hostPatterns(app) {
		host := strings.ReplaceAll(pattern, "{"+f.Name+"}", "acme")
		if len(f.Options) == 0 && f.Kind != catalog.KindHost && host != pattern && !strings.Contains(host, "{") {
			return host
		}
	}
	return ""
}

// hostIn is the host, and the port if there is one, of an address with or without its scheme.
func hostIn(address string) string {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	if end := strings.IndexAny(address, `/?#\`); end >= 0 {
		address = address[:end]
	}
	return address
}

// hostPatterns are the hosts of an app that have slots, and those that an end user chooses by.
func hostPatterns(app *catalog.App) (patterns []string) {
	urls := append([]string{app.Upstream}, chosenURLs(app)...)
	if o := app.OAuth2; o != nil {
		urls = append(urls, o.AuthorizeURL, o.TokenURL)
	}
	if o := app.OAuth1; o != nil {
		urls = append(urls, o.AuthorizeURL)
	}
	for _, u := range urls {
		if host := hostIn(u); strings.Contains(host, "{") {
			patterns = append(patterns, host)
		}
	}
	return patterns
}

// chosenURLs are the addresses by which the end user chooses one of those that a provider lists.
func chosenURLs(app *catalog.App) (urls []string) {
	if app.OAuth2 == nil {
		return nil
	}
	for _, c := range app.OAuth2.Capture {
		for _, template := range c.Choices() {
			if strings.HasPrefix(template, "https://") {
				urls = append(urls, template)
			}
		}
	}
	return urls
}

var slot = regexp.MustCompile(`\\\{([a-z0-9_]+)\\\}`)

// labelIn returns the part of host, in one label or more, that fills the field's slot in pattern,
// or "" where host is not of that pattern.
func labelIn(pattern string, field catalog.Field, host string) string {
	form := slot.ReplaceAllStringFunc(regexp.QuoteMeta(pattern), func(quoted string) string {
		if slot.FindStringSubmatch(quoted)[1] == field.Name {
			if field.Kind == catalog.KindLabels {
				return `([a-z0-9.-]+)`
			}
			return `([a-z0-9-]+)`
		}
		return `[a-z0-9.-]+`
	})
	m := regexp.MustCompile("^" + form + "$").FindStringSubmatch(host) // of quoted text and our own classes
	if len(m) != 2 {
		return ""
	}
	return m[1]
}
