package policy

import (
	"path"
	"slices"
	"strconv"
	"strings"

	// x/text is the Go project's own; its NFKC folds the look-alikes that some servers fold.
	"golang.org/x/text/unicode/norm"

	"github.com/vendgate/vendgate/internal/lenient"
)

// pathVariants are the paths that servers may take one raw path for, decoded and cleaned.
type pathVariants struct {
	// strict are those that an allow rule must match, every one: what a server does to a path before
	// it looks for a resource of that name.
	strict []string
	// lenient are those of which a deny rule may match none: besides the strict ones, other names by
	// which some servers know the same resource.
	lenient []string
}

const (
	// maxVariants bounds them; a path that has more is made to have them.
	maxVariants = 64
	// maxOddPath bounds a path that has more than one variant, in bytes: the work grows by both.
	// Common servers take no more than 8 KiB.
	maxOddPath = 16 << 10
)

// readPath returns the variants of rawPath. splitsFirst says that the app's servers split a path
// before they decode it: an encoded separator is then a plain character.
func readPath(rawPath string, splitsFirst bool) (pathVariants, error) {
	if plain(rawPath) {
		p := clean(rawPath)
		return pathVariants{strict: []string{p}, lenient: namesOf(p)}, nil
	}
	if len(rawPath) > maxOddPath {
		return pathVariants{},
			refuse("a path of more than 16384 bytes with escapes, parameters or suffixes cannot be compared with the rules")
	}
	decoded := lenient.Decode(rawPath)
	if lenient.Decode(decoded) != decoded {
		return pathVariants{}, refuse("a path that is encoded twice cannot be compared with the rules: encode it once")
	}
	var s set
	// Parameters may be cut off before the path is decoded, or after.
	for _, raw := range []string{rawPath, withoutParameters(rawPath)} {
		s.add(lenient.Decode(plainSeparators.Replace(raw)))
		if !splitsFirst {
			s.add(lenient.Decode(raw))
		}
	}
	folds := []func(string) []string{withoutEnd, trimmed, one(withoutParameters), one(decodeUnicode)}
	if !s.close(folds) {
		return pathVariants{}, tooManyVariants()
	}
	r := pathVariants{strict: slices.Clone(s.paths)}
	s.add(decoded) // a deny does not trust in how an app splits
	if !s.close(append(folds, aroundScript, withoutSuffix, one(withoutStreams), one(norm.NFKC.String))) {
		return pathVariants{}, tooManyVariants()
	}
	r.lenient = s.paths
	return r, nil
}

func tooManyVariants() error {
	return refuse("the path can be read in too many ways to be compared with the rules: " +
		"write it without escapes and parameters")
}

// plain reports whether every server reads p alike, but for a format at its end.
func plain(p string) bool {
	for i := range len(p) {
		c := p[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/-_~:@,=!$*'()+&", c) >= 0:
		case c == '.' && i+1 < len(p) && p[i+1] != '/':
		default:
			return false
		}
	}
	if strings.Contains(p, stream) {
		return false
	}
	return !strings.Contains(p, ".") || !slices.ContainsFunc(strings.Split(p, "/"), isScript)
}

// namesOf is p with what withoutSuffix makes of it.
func namesOf(p string) []string { return append([]string{p}, withoutSuffix(p)...) }

// set collects paths.
type set struct{ paths []string }

func (s *set) add(p string) {
	if p = clean(p); !slices.Contains(s.paths, p) {
		s.paths = append(s.paths, p)
	}
}

// close adds what folds make of the paths, and of what they make, and reports whether that had an
// end.
func (s *set) close(folds []func(string) []string) bool {
	for i := 0; i < len(s.paths); i++ {
		for _, fold := range folds {
			for _, p := range fold(s.paths[i]) {
				s.add(p)
			}
		}
		if len(s.paths) > maxVariants {
			return false
		}
	}
	return true
}

func one(f func(string) string) func(string) []string {
	return func(p string) []string { return []string{f(p)} }
}

// plainSeparators makes encoded separators plain characters of their segment, which no pattern
// names: ParseTarget has refused such characters.
var plainSeparators = strings.NewReplacer("%2f", "\x01", "%2F", "\x01", "%3f", "\x02", "%3F", "\x02", "%23", "\x03")

// clean collapses slashes; dot segments were refused before.
func clean(p string) string { return path.Clean("/" + p) }

// withoutParameters cuts the parameters off every segment (RFC 3986, section 3.3).
func withoutParameters(p string) string {
	if !strings.Contains(p, ";") {
		return p
	}
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}

// withoutEnd is what a server makes of p that decodes a target before it looks for the query or the
// fragment.
func withoutEnd(p string) []string {
	if end := strings.IndexAny(p, "?#"); end >= 0 {
		return []string{p[:end]}
	}
	return nil
}

// spaces are what servers take for white space at the ends of a segment.
const spaces = " \t\u00a0"

// trimmed takes dots and spaces off the ends of segments, as Windows' file names lose them, and
// spaces off their beginning.
func trimmed(p string) []string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if strings.Trim(s, ".") != "" { // only dots are a name; one and two of them were refused
			segments[i] = strings.TrimLeft(strings.TrimRight(s, "."+spaces), spaces)
		}
	}
	return []string{strings.Join(segments, "/")}
}

// stream begins the type of an NTFS stream, the last part of `name:stream:$TYPE`. Neither part of
// `name::$DATA` and `name:$I30:$INDEX_ALLOCATION` is needed to name the file or the directory, so
// that servers on Windows serve it by these names, too (CVE-1999-0278, CVE-2010-2731).
const stream = ":$"

// withoutStreams cuts streams off the segments.
func withoutStreams(p string) string {
	if !strings.Contains(p, stream) {
		return p
	}
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if strings.Contains(s, stream) {
			segments[i], _, _ = strings.Cut(s, ":")
		}
	}
	return strings.Join(segments, "/")
}

// scripts are suffixes of files that servers run. What follows such a segment is the script's to
// read (PATH_INFO; RFC 3875, section 4.1.5): the script itself may answer, or be a front controller
// that routes the rest.
var scripts = []string{".php", ".phtml", ".asp", ".aspx", ".ashx", ".asmx", ".jsp", ".jspx", ".cfm", ".cgi", ".fcgi"}

func isScript(segment string) bool {
	dot := strings.LastIndexByte(segment, '.')
	return dot > 0 && slices.Contains(scripts, strings.ToLower(segment[dot:]))
}

func aroundScript(p string) []string {
	segments := strings.Split(p, "/")
	i := slices.IndexFunc(segments, isScript)
	if i < 0 || i+1 == len(segments) {
		return nil
	}
	return []string{strings.Join(segments[:i+1], "/"),
		strings.Join(append(slices.Clone(segments[:i]), segments[i+1:]...), "/")}
}

// withoutSuffix cuts a suffix off the last segment: frameworks take it for the format of the
// answer, and serve /admin as /admin.json, or under any other suffix (Rails' `(.:format)`, Spring's
// suffix patterns).
func withoutSuffix(p string) []string {
	slash := strings.LastIndexByte(p, '/')
	first, last := strings.IndexByte(p[slash+1:], '.'), strings.LastIndexByte(p[slash+1:], '.')
	var names []string
	for _, dot := range []int{first, last} {
		if dot > 0 {
			names = append(names, p[:slash+1+dot])
		}
	}
	return names
}

// formats are suffixes that only say how a resource is represented.
var formats = []string{".json", ".xml", ".html", ".htm", ".csv", ".rss", ".atom", ".yaml", ".yml", ".txt"}

// withoutFormat cuts one off a pattern.
func withoutFormat(pattern string) (string, bool) {
	for _, format := range formats {
		if name, ok := strings.CutSuffix(pattern, format); ok && !strings.HasSuffix(name, "/") {
			return name, true
		}
	}
	return pattern, false
}

// decodeUnicode decodes %uXXXX, as IIS does.
func decodeUnicode(p string) string {
	if !strings.Contains(p, "%u") && !strings.Contains(p, "%U") {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+5 < len(p) && p[i+1]|0x20 == 'u' {
			if r, err := strconv.ParseUint(p[i+2:i+6], 16, 16); err == nil {
				b.WriteRune(rune(r))
				i += 5
				continue
			}
		}
		b.WriteByte(p[i])
	}
	return b.String()
}
