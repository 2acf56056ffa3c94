package policy

import (
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// MaxConnectionLen bounds a connection id, in bytes.
const MaxConnectionLen = 512

// Target is what a call asks for: `{prefix}/{connection}/{app}{path}?{query}`.
type Target struct {
	// Connection is the connection id, percent-decoded once.
	Connection string
	// App is the app's slug as spelled in the path.
	App string
	// Path is the rest: the raw bytes after the app, empty or beginning with "/".
	Path string
	// RawQuery is the raw query without "?"; HasQuery tells an empty one from none.
	RawQuery string
	HasQuery bool
}

// ParseTarget splits a request target (RFC 9112, section 3.2) under prefix, which has no trailing
// slash. ok is false if the target is not under prefix at all. The error is `invalid_request` for
// every spelling that two parsers could read differently: absolute form, userinfo, fragments,
// backslashes, NUL and other controls, and dot segments however often they are encoded.
func ParseTarget(method, requestURI, prefix string) (t Target, ok bool, err error) {
	if !strings.HasPrefix(requestURI, "/") {
		return t, true, refuse(noPath)
	}
	rest, found := strings.CutPrefix(requestURI, prefix+"/")
	if !found {
		return t, false, nil
	}
	path, query, hasQuery, err := splitTarget(method, rest)
	if err != nil {
		return t, true, err
	}
	connection, path, _ := strings.Cut(path, "/")
	app := path
	if slash := strings.IndexByte(path, '/'); slash >= 0 {
		app, path = path[:slash], path[slash:]
	} else {
		path = ""
	}
	connection, unescapeErr := url.PathUnescape(connection)
	if unescapeErr != nil || connection == "" || len(connection) > MaxConnectionLen || app == "" {
		return t, true, refuse("the path must be " + prefix + "/{connection_id}/{app}/…")
	}
	return Target{Connection: connection, App: app, Path: path, RawQuery: query, HasQuery: hasQuery}, true, nil
}

// ParseHostTarget is ParseTarget for a request whose Host names the app: all of the target is the
// app's. Connection is left empty, because nothing in the request line names one. With an error,
// App alone is set.
func ParseHostTarget(method, requestURI, app string) (t Target, err error) {
	t.App = app
	if !strings.HasPrefix(requestURI, "/") {
		return t, refuse(noPath)
	}
	path, query, hasQuery, err := splitTarget(method, requestURI)
	if err != nil {
		return t, err
	}
	t.Path, t.RawQuery, t.HasQuery = path, query, hasQuery
	return t, nil
}

// noPath is for absolute form (RFC 9112, section 3.2.2), for the authority form of a CONNECT, and
// whatever else is no path: clients send the first two to a proxy.
const noPath = "the request target must be a path, and this is no forward proxy: take it out of HTTP_PROXY and " +
	"HTTPS_PROXY, and make it the base URL, with /proxy/{connection_id}/{app} behind its address"

// splitTarget splits path and query, and refuses what is forwarded to no app.
func splitTarget(method, target string) (path, query string, hasQuery bool, err error) {
	switch strings.ToUpper(method) { // methods are case-sensitive, but not to every server
	case "TRACE", "TRACK", "CONNECT":
		// They would echo the injected credential, or turn the gateway into a tunnel.
		return "", "", false, refuse("the method " + method + " is not forwarded")
	}
	if strings.IndexByte(target, '#') >= 0 {
		return "", "", false, refuse("the request target holds a fragment: leave it out")
	}
	path, query, hasQuery = strings.Cut(target, "?")
	return path, query, hasQuery, checkSpelling(path)
}

func refuse(message string) error { return vending.Refuse(vending.InvalidRequest, message) }

// maxDecodings bounds how often a path is decoded in search of hidden dot segments; who encodes
// more often than that is hiding something.
const maxDecodings = 5

// checkSpelling refuses what an upstream might normalise into another path.
func checkSpelling(path string) error {
	for range maxDecodings {
		if err := checkSegments(path); err != nil {
			return err
		}
		if strings.IndexByte(path, '%') < 0 {
			return nil
		}
		decoded := decodeUnicode(lenient.Decode(path))
		if decoded == path {
			return nil
		}
		path = decoded
	}
	return refuse("the path is encoded too often: encode it once")
}

// checkSegments refuses dot segments, with or without spaces around them, path parameters
// (`..;a=b`) or what a server that decodes first would take for a query or a fragment (`..%3f`),
// and bytes that parsers disagree about.
func checkSegments(path string) error {
	for i := range len(path) {
		if c := path[i]; c < ' ' || c == 0x7f || c == '\\' || c >= 0x80 && overlong(path[i:]) {
			return refuse("the path holds a backslash, a control character or an overlong encoding")
		}
	}
	if !strings.Contains(path, ".") {
		return nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if end := strings.IndexAny(segment, ";?#"); end >= 0 {
			segment = segment[:end]
		}
		segment = strings.Trim(segment, spaces) // which Windows' file names lose
		if segment == "." || segment == ".." {
			return refuse("the path has a dot segment: write it without . and ..")
		}
	}
	return nil
}

// overlong reports whether s begins with bytes that never occur in UTF-8 (RFC 3629, section 3)
// because they spell a character longer than need be: lenient decoders take %c0%ae and %e0%80%ae
// for ".".
func overlong(s string) bool {
	if s[0] == 0xC0 || s[0] == 0xC1 {
		return true
	}
	if len(s) < 2 || s[1] < 0x80 {
		return false
	}
	switch s[0] {
	case 0xE0:
		return s[1] < 0xA0
	case 0xF0:
		return s[1] < 0x90
	case 0xF8:
		return s[1] < 0x88
	case 0xFC:
		return s[1] < 0x84
	}
	return false
}
