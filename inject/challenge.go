package inject

import (
	"net/http"
	"strings"
)

const wwwAuthenticate = "Www-Authenticate"

// discovery is the parameter of a challenge that names the metadata of a protected resource (RFC
// 9728, section 5.1). MCP clients read it to find where they get a token: at the provider's, past
// the gateway, which has one for them.
const discovery = "resource_metadata"

// withoutDiscovery takes the parameter out of the challenges of h, and leaves the rest of them byte
// for byte.
func withoutDiscovery(h http.Header) {
	if values := h[wwwAuthenticate]; len(values) > 0 {
		setOrDelete(h, wwwAuthenticate, kept(values, withoutParam))
	}
}

// maxCuts bounds how often the parameter is taken out of one line. Each time takes as long as the
// line is, which may be 1 MiB.
const maxCuts = 8

// withoutParam returns a line of challenges (RFC 9110, section 11.6.1) without the parameter, or
// nothing of it if the parameter occurs too often. Clients look for it by a regular expression, so
// that it is found as well where only a space is before it or its value is no token.
func withoutParam(line string) string {
	cuts := 0
	for i := 0; i < len(line); {
		start, end := nextParam(line, i)
		switch {
		case start < 0:
			return line
		case !isDiscovery(line[start:end]):
			i = end
		case cuts == maxCuts:
			return ""
		default:
			cuts++
			line, i = cutParam(line, start, end)
		}
	}
	return line
}

// nextParam finds the next `name = value` from i on: its start, and its end behind the value. The
// start is -1 without one.
func nextParam(line string, i int) (start, end int) {
	for i < len(line) {
		if i = skip(line, i, ", \t"); i >= len(line) {
			break
		}
		start = i
		for i < len(line) && strings.IndexByte(", \t=\"", line[i]) < 0 {
			i++
		}
		equals := skip(line, i, " \t")
		switch {
		case i > start && equals < len(line) && line[equals] == '=':
			return start, valueEnd(line, skip(line, equals+1, " \t"))
		case i == start: // a quote or an equals sign without a name
			i = valueEnd(line, i)
			i = max(i, start+1)
		}
	}
	return -1, len(line)
}

// valueEnd is where the value that begins at i ends: a quoted string (RFC 9110, section 5.6.4),
// which may lack its end, or text without spaces and commas.
func valueEnd(line string, i int) int {
	if i < len(line) && line[i] == '"' {
		for i++; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(line)
	}
	for i < len(line) && strings.IndexByte(", \t", line[i]) < 0 {
		i++
	}
	return i
}

func skip(line string, i int, chars string) int {
	for i < len(line) && strings.IndexByte(chars, line[i]) >= 0 {
		i++
	}
	return i
}

// isDiscovery reports whether a parameter is the one to leave out; with a star it would be in an
// encoding of its own (RFC 8187).
func isDiscovery(param string) bool {
	name, _, _ := strings.Cut(param, "=")
	return strings.EqualFold(strings.TrimRight(name, " \t*"), discovery)
}

// cutParam takes line[start:end] out, with the comma that set it off, and returns where to go on.
func cutParam(line string, start, end int) (rest string, i int) {
	before := strings.TrimRight(line[:start], " \t")
	after := strings.TrimLeft(line[end:], " \t")
	switch {
	case strings.HasSuffix(before, ","):
		before = strings.TrimSuffix(before, ",")
		return before + line[end:], len(before)
	case before == "": // no challenge, but the rest of one that another line began
		after = strings.TrimLeft(after, ", \t")
		return after, 0
	case endsParam(before): // set off by a space alone
		return before + line[end:], len(before)
	case strings.HasPrefix(after, ",") && beginsParam(after[1:]):
		after = strings.TrimLeft(after, ", \t") // the first parameter of its scheme was another
		return line[:start] + after, start
	case after != "" && after[0] != ',':
		return line[:start] + after, start
	}
	return before + after, len(before)
}

// endsParam reports whether text ends with a parameter, and not with the name of a scheme.
func endsParam(text string) bool {
	for i := 0; i < len(text); {
		start, end := nextParam(text, i)
		if start < 0 {
			return false
		}
		if i = end; i >= len(text) {
			return true
		}
	}
	return false
}

// beginsParam reports whether the first thing in text is a parameter, and not another scheme.
func beginsParam(text string) bool {
	start, _ := nextParam(text, 0)
	return start >= 0 && strings.Trim(text[:start], ", \t") == ""
}
