package pipedream

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// server is what an address says of where it leads. Scheme and host are in lower case, the host has
// no port that its scheme has anyway.
type server struct {
	scheme, host, path string
	userinfo           bool
}

// parseServer reads an absolute URL, or a host with or without a port and a path. It is not ok
// where clients could read different hosts.
func parseServer(value string) (s server, ok bool) {
	value = strings.TrimSpace(value)
	if strings.ContainsFunc(value, func(c rune) bool { return c == '\\' || unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return s, false
	}
	rest := strings.TrimPrefix(value, "//")
	if scheme, after, found := strings.Cut(value, "://"); found {
		s.scheme, rest = strings.ToLower(scheme), after
	}
	authority, path := cutAuthority(rest)
	at := strings.LastIndexByte(authority, '@')
	s.userinfo, s.path = at >= 0, path
	s.host = strings.ToLower(authority[at+1:])
	port := ":443"
	if s.scheme == "http" {
		port = ":80"
	}
	s.host = strings.TrimSuffix(strings.TrimSuffix(s.host, port), ".")
	return s, s.host != ""
}

// cutAuthority splits what follows a URL's scheme before path, query and fragment.
func cutAuthority(rest string) (authority, path string) {
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// elsewhere returns the first custom field that names a server other than the app's, or "". The
// token is for that one (self-hosted GitLab, `base_api_url`), and must not go to the one that the
// catalog happens to know.
func (a *account) elsewhere(app *catalog.App, f found, mapped map[string]string) string {
	hosts := append([]string{filledHost(app, f.fields)}, app.ExtraHosts...)
	names := a.Credentials.customs()
	slices.Sort(names)
	for _, name := range names {
		if mapped[name] != ignored && !slices.Contains(f.used, name) && a.namesOther(name, hosts) {
			return name
		}
	}
	return ""
}

// filledHost is the upstream's host as fields fill it, in lower case.
func filledHost(app *catalog.App, fields []vending.Field) string {
	host, _ := cutAuthority(app.FilledHost(func(name string) (string, bool) {
		i := slices.IndexFunc(fields, func(f vending.Field) bool { return f.Name == name })
		if i < 0 {
			return "", false
		}
		return fields[i].Value, true
	})) // of a site, which may have a path
	return strings.TrimSuffix(host, ":443")
}

func otherServer(app *catalog.App, name string) *vending.Error {
	return vending.Errorf(vending.InternalError, fmt.Errorf(
		"the account's %q names a server other than that of app %s, which must not get its credential: "+
			"define an app whose host is a field of kind host and write app SLUG NAME_SLUG %[3]s=FIELD in the source, "+
			"or, if calls do not go there, app %[2]s NAME_SLUG %[3]s=-", name, app.Slug, name))
}

// namesOther reports whether a property names a server, and none of hosts.
func (a *account) namesOther(name string, hosts []string) bool {
	value, ok := a.Credentials.text(name)
	if !ok { // an object or a list
		raw := string(a.Credentials[name])
		return a.isAddress(name) && strings.Trim(raw, "{}[] \t\r\n") != ""
	}
	switch value = strings.TrimSpace(value); strings.ToLower(value) {
	case "", "true", "false", "yes", "no":
		return false
	}
	at, ok := parseServer(value)
	switch {
	case isURL(value):
		return !isPicture(name) && (!ok || !slices.Contains(hosts, at.host))
	case a.isAddress(name) && looksLikeHost(at, value):
		return !ok || !slices.Contains(hosts, at.host)
	case a.isHostPart(name) && ok:
		return !slices.Contains(strings.Split(strings.Join(hosts, "."), "."), at.host)
	}
	return false
}

// mayNameServer reports whether a property holds an address, and so is no key.
func (a *account) mayNameServer(name string) bool {
	value, _ := a.Credentials.text(name)
	return isURL(value) || a.isAddress(name) || a.isHostPart(name)
}

// isURL reports whether value is a URL with a host, absolute or relative to a scheme.
func isURL(value string) bool {
	value = strings.TrimSpace(value)
	scheme, _, ok := strings.Cut(strings.ToLower(value), "://")
	return strings.HasPrefix(value, "//") ||
		ok && scheme != "" && strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// looksLikeHost tells a host name from other text: it has a dot, a port or brackets, or is
// localhost. Only the provider could see one in a single label, and an unreadable value may be
// one.
func looksLikeHost(at server, value string) bool {
	if at.host == "" {
		return strings.ContainsAny(value, "\\@\t\r\n")
	}
	_, err := netip.ParseAddr(at.host)
	return err == nil || strings.ContainsAny(at.host, ".:[。．｡") || at.host == "localhost"
}

// addressWords occur in the names that apps give to the address of their API
// (PipedreamHQ/pipedream, components: base_api_url, base_url, base_uri, instance_url, api_url,
// api_domain, host_url, endpoint, server_url, site, shop, region, environment), without what parts
// words.
var addressWords = []string{
	"url", "uri", "host", "domain", "endpoint", "server", "instance", "site", "shop", "region", "origin", "cluster",
	"datacenter", "environment", "gateway", "address", "portal", "baseapi", "apibase",
}

// hostWords are those in the names of what is a part of a host by itself.
var hostWords = []string{"domain", "host", "instance", "shop"}

// keyWords end the names of what is a key or a person: text with dots in it is no address there.
var keyWords = []string{"key", "token", "secret", "password", "id", "email", "mail", "user", "username", "login"}

// isAddress reports whether a property is, by its name, an address of the API.
func (a *account) isAddress(name string) bool {
	return slices.Contains(a.inTarget, name) || hasWord(name, addressWords)
}

// isHostPart reports whether a property is, by its name, a part of the API's host.
func (a *account) isHostPart(name string) bool {
	return slices.Contains(a.inTarget, name) || hasWord(name, hostWords)
}

func hasWord(name string, words []string) bool {
	folded := strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
	if slices.ContainsFunc(keyWords, func(word string) bool { return strings.HasSuffix(folded, word) }) {
		return false
	}
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(folded, word) })
}

// pictureWords are whole words in the names of URLs that are for browsers.
var pictureWords = []string{"icon", "avatar", "image", "picture", "photo", "logo", "redirect", "callback", "webhook"}

// isPicture reports whether a property is a URL for browsers, by its name. `logon_url` is not.
func isPicture(name string) bool {
	return slices.ContainsFunc(wordsOf(name), func(word string) bool {
		return slices.Contains(pictureWords, strings.TrimSuffix(word, "s"))
	})
}

// wordsOf splits a name in any of the usual forms, and returns its words in lower case.
func wordsOf(name string) []string {
	var b strings.Builder
	after := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(after) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		after = r
	}
	return strings.FieldsFunc(strings.ToLower(b.String()), func(r rune) bool { return !unicode.IsLetter(r) })
}
