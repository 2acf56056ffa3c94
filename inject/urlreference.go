package inject

import (
	"fmt"
	"strings"
)

// urlReference is a URL reference in its parts (RFC 3986, section 4.1), with nothing decoded.
// Browsers read some references otherwise than the RFC does (WHATWG URL, section 4.4): where they
// do, it is their reading, which leads further.
type urlReference struct {
	scheme string // in lower case, without ":"
	// authority is what follows "//"; a reference without one may still have a path that begins so.
	authority string
	path      string
	query     string // with "?"
	fragment  string // with "#"
}

// breaks are what browsers leave out of a URL, wherever it is. A Replacer is made once: it is
// large.
var breaks = strings.NewReplacer("\t", "", "\r", "", "\n", "")

// parseURLReference splits raw, whatever it holds.
func parseURLReference(raw string) (r urlReference) {
	raw = strings.TrimFunc(raw, func(c rune) bool { return c <= ' ' })
	raw = breaks.Replace(raw)
	raw, r.fragment = cutAt(raw, '#')
	raw, r.query = cutAt(raw, '?')
	if end := strings.IndexByte(raw, ':'); end > 0 && isScheme(raw[:end]) {
		r.scheme, raw = strings.ToLower(raw[:end]), raw[end+1:]
	}
	slashed := strings.ReplaceAll(raw, `\`, "/")
	// A backslash for one of the two slashes makes a host of what the RFC reads as a path. It is no
	// host to us: the path is safe.
	if strings.HasPrefix(slashed, "//") && (r.scheme != "" || strings.HasPrefix(raw, "//")) {
		end := strings.IndexByte(slashed[2:], '/')
		if end < 0 {
			end = len(slashed) - 2
		}
		if r.authority = slashed[2 : 2+end]; r.authority != "" {
			slashed = slashed[2+end:]
		}
	}
	r.path = escapeOdd(slashed)
	return r
}

func cutAt(text string, c byte) (before, rest string) {
	if i := strings.IndexByte(text, c); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

func isScheme(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || !isAlnum(c) && strings.IndexByte("+-.", c) < 0) {
			return false
		}
	}
	return text != ""
}

// escapeOdd escapes what no URL may hold.
func escapeOdd(path string) string {
	odd := func(c byte) bool { return c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{|}", c) >= 0 }
	var b strings.Builder
	for i := range len(path) {
		if odd(path[i]) {
			fmt.Fprintf(&b, "%%%02X", path[i])
		} else {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

// host is the authority without userinfo.
func (r urlReference) host() (host string, userinfo bool) {
	at := strings.LastIndexByte(r.authority, '@')
	return r.authority[at+1:], at >= 0
}

// resolve returns path, which is relative or absolute, against the path base without dot segments
// (RFC 3986, sections 5.2.2 to 5.2.4). To browsers, an encoded dot is one.
func resolve(base, path string) string {
	if !strings.HasPrefix(path, "/") {
		path = base[:strings.LastIndexByte(base, '/')+1] + path
	}
	if !strings.Contains(path, ".") && !strings.Contains(strings.ToLower(path), "%2e") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	kept := make([]string, 0, len(segments))
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		case ".":
		default:
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}
