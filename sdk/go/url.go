package vendgate

import (
	"net/url"
	"strings"
)

var usualPorts = map[string]string{"https": "443", "http": "80"}

// target is an absolute URL taken apart, without a change to a byte of path and query.
type target struct {
	scheme, host string
	// path is raw; query is raw and begins with "?", if there is one.
	path, query string
}

func parse(raw string) (target, error) {
	raw, _, _ = strings.Cut(raw, "#")
	scheme, rest, ok := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	if !ok || usualPorts[scheme] == "" || strings.ContainsRune(raw, '\\') || strings.ContainsFunc(raw, isControl) {
		return target{},
			refuse(ReasonURL, "the URL is not valid, or not one of https: write it like https://api.example.com/v1")
	}
	authority, path, query := rest, "", ""
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		authority, query = rest[:i], rest[i:]
	}
	if i := strings.IndexByte(authority, '/'); i >= 0 {
		authority, path = authority[:i], authority[i:]
	}
	if strings.ContainsRune(authority, '@') {
		return target{}, refuse(ReasonURL, "the URL holds user info: take it out")
	}
	return target{scheme, hostOf(authority, scheme), path, query}, nil
}

// hostOf is an authority in lower case, without the dot of the root and without the port that goes
// without saying.
func hostOf(authority, scheme string) string {
	host, port := strings.ToLower(authority), ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host, port = host[:i], host[i+1:]
	}
	host = strings.TrimSuffix(host, ".")
	if port == "" || port == usualPorts[scheme] {
		return host
	}
	return host + ":" + port
}

func isControl(r rune) bool { return r <= ' ' || r == 0x7f }

// inAnyReading asks reads about each reading of a path: as it is, decoded, decoded again. Servers
// on the way may decode once more.
func inAnyReading(path string, reads func(string) bool) bool {
	for {
		if reads(path) {
			return true
		}
		decoded := decodeValid(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
}

// decodeValid decodes the escapes that are valid, and leaves the others.
func decodeValid(s string) string {
	if !strings.ContainsRune(s, '%') {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if decoded, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(decoded)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func holdsDots(path string) bool {
	return inAnyReading(path, func(reading string) bool {
		for _, segment := range strings.Split(strings.ReplaceAll(reading, `\`, "/"), "/") {
			if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
				return true
			}
		}
		return false
	})
}

// mayBePlace reports whether the gateway may take a path for one at another of the app's places.
func mayBePlace(path string) bool {
	return inAnyReading(path, func(reading string) bool { return strings.HasPrefix(strings.TrimLeft(reading, "/"), "~") })
}

// escape spells value as one segment of a path, as all of Vendgate's SDKs do.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }
