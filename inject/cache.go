package inject

import (
	"net/http"
	"strings"
)

const cacheControl = "Cache-Control"

// private is shared by all answers that state nothing, and must not be changed.
var private = []string{"private"}

// Private sees to it that no shared cache stores an answer that has h for a header: it was made for
// one caller, and what a provider says of its answer to us (RFC 9111, sections 3.5 and 5.2.2) would
// hold for the gateway's URL, which is the same for all callers whose credentials differ. A `Vary`
// would not do: it would go on serving after a key is revoked. A caller's own cache goes on
// working.
func Private(h http.Header) {
	if len(h[cacheControl]) == 0 {
		h[cacheControl] = private
		return
	}
	keepPrivate(h)
}

// keepPrivate changes the Cache-Control that h has, if it has one: `public`, `s-maxage` and a
// `private` for certain fields alone go, and one `private` for all of it comes, unless nothing may
// be stored anyway.
func keepPrivate(h http.Header) {
	lines := h[cacheControl]
	if len(lines) == 0 || len(lines) == 1 && isPrivate(lines[0]) {
		return
	}
	var b strings.Builder
	stored := true
	for _, line := range lines {
		for name, value, end := directive(line, 0); name != ""; name, value, end = directive(line, end) {
			switch strings.ToLower(name) {
			case "public", "s-maxage", "private":
				continue
			case "no-store":
				stored = stored && value != ""
			}
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name)
			b.WriteString(value)
		}
	}
	if stored {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("private")
	}
	h[cacheControl] = []string{b.String()}
}

// isPrivate reports whether a Cache-Control of one line keeps shared caches away as it is.
func isPrivate(line string) bool {
	kept, clean, length := false, true, 0
	for name, value, end := directive(line, 0); name != ""; name, value, end = directive(line, end) {
		switch {
		case strings.EqualFold(name, "public"), strings.EqualFold(name, "s-maxage"),
			strings.EqualFold(name, "private") && value != "":
			clean = false
		case strings.EqualFold(name, "private"), strings.EqualFold(name, "no-store") && value == "":
			kept = true
		}
		length += len(name) + len(value)
	}
	// What was skipped are commas and white space, or else the line is not as caches want it.
	return kept && clean && len(line)-strings.Count(line, ",")-strings.Count(line, " ") == length
}

// directive returns the next directive of a Cache-Control line from i on (RFC 9111, section 5.2),
// with what follows its name: nothing, or "=" and a value, without white space around it. The name
// is empty at the end of the line. It also reads what should not be sent: other separators, quotes
// without end.
func directive(line string, i int) (name, value string, end int) {
	for i < len(line) {
		begin := i
		for i < len(line) && isTokenByte(line[i]) {
			i++
		}
		if i == begin {
			i++
			continue
		}
		name = line[begin:i]
		var ok bool
		if value, i, ok = argument(line, i); ok {
			return name, value, i
		}
	}
	return "", "", len(line)
}

// argument reads what may follow a directive's name at i. It is not ok if a quote has no end.
func argument(line string, i int) (value string, end int, ok bool) {
	sign := skipSpace(line, i)
	if sign == len(line) || line[sign] != '=' {
		return "", i, true
	}
	at := skipSpace(line, sign+1)
	if end = at; end < len(line) && line[end] == '"' {
		for end++; end < len(line) && line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
		if end++; end > len(line) {
			return "", len(line), false
		}
	} else {
		for end < len(line) && isTokenByte(line[end]) {
			end++
		}
	}
	if at == sign+1 {
		return line[sign:end], end, true
	}
	return "=" + line[at:end], end, true
}

func skipSpace(line string, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return i
}

// isTokenByte reports whether c may be in a token (RFC 9110, section 5.6.2).
func isTokenByte(c byte) bool { return isAlnum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 }

// steersCaches reports whether a header tells the caches of a network apart from others what to
// keep, or marks what they keep: `CDN-Cache-Control` and those of single networks (RFC 9213),
// `Surrogate-Control` and `-Key`, nginx's and Akamai's.
func steersCaches(name string) bool {
	if len(name) > len(cacheControl) && strings.HasSuffix(name, "-"+cacheControl) {
		return true
	}
	switch name[0] {
	case 'S':
		return strings.HasPrefix(name, "Surrogate-")
	case 'E':
		return strings.HasPrefix(name, "Edge-")
	case 'C':
		return name == "Cache-Tag" || name == "Cache-Tags"
	case 'X':
		return name == "X-Accel-Expires" || name == "X-Accel-Redirect" || name == "Xkey" || name == "X-Litespeed-Tag"
	case 'N':
		return name == "Netlify-Vary" || name == "Netlify-Cache-Tag"
	}
	return false
}
