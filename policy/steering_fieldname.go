package policy

import (
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
)

// maxCore bounds what is kept of a name, in bytes; no name that steers is longer.
const maxCore = 40

// fieldName is the name of a parameter or field on its way through lenient servers: they fold case,
// decode, ignore white space before it, take `.`, ` ` and a lone `[` for `_` (PHP), and cut it at
// an index or at NUL. What all of that leaves are its letters and digits.
type fieldName struct {
	core [maxCore]byte
	// n is how many bytes the core has, more than fit if it is too long, and cut how many it has
	// before an index, where it has one.
	n, cut int
	// marked says that something else than white space came before the first letter: `_method`.
	marked, isCut bool
}

// add takes one decoded byte.
func (f *fieldName) add(c byte) {
	switch {
	case 'A' <= c && c <= 'Z':
		c |= 0x20
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
	case c == '[' || c == 0:
		if !f.isCut && f.n > 0 {
			f.isCut, f.cut = true, f.n
		}
		f.marked = f.marked || f.n == 0
		return
	default:
		f.marked = f.marked || f.n == 0 && !strings.ContainsRune(" \t\r\n+", rune(c))
		return
	}
	if f.n < maxCore {
		f.core[f.n] = c
	}
	f.n++
}

// decode takes a name that is percent-encoded.
func (f *fieldName) decode(text string) {
	decoded := decodeUnicode(lenient.Decode(text))
	for i := range len(decoded) {
		f.add(decoded[i])
	}
}

// encodedName is a fieldName that comes byte by byte and percent-encoded.
type encodedName struct {
	fieldName
	// escape holds what there is of an escape, `%5F` or IIS' `%u005F`, of which taken bytes have come.
	escape [len("%uXXXX")]byte
	taken  int
}

// add takes the next byte, which may be a part of an escape.
func (e *encodedName) add(c byte) {
	switch {
	case c == '%':
		e.flush()
	case e.taken == 0:
		e.fieldName.add(c)
		return
	}
	e.escape[e.taken] = c
	e.taken++
	if want := len("%XX"); e.taken == len(e.escape) || e.taken == want && e.escape[1]|0x20 != 'u' {
		e.flush()
	}
}

// flush takes the escape, or what there is of one, for the characters that it stands for.
func (e *encodedName) flush() {
	e.decode(string(e.escape[:e.taken]))
	e.taken = 0
}

// String is the name as a message may quote it: nothing but letters and digits.
func (f *fieldName) String() string {
	mark := ""
	if f.marked {
		mark = "_"
	}
	return mark + string(f.core[:min(f.n, maxCore)])
}

// place is where a name was found.
type place int

const (
	inQuery place = iota
	inForm
	inJSON
	deepInJSON
)

// steers returns what of a request the name can stand for, "method", "path" or "request", or "" if
// it is data. declared are the cores of names that the app's entry knows.
func (f *fieldName) steers(at place, declared map[string]bool) string {
	if f.n == 0 {
		return ""
	}
	if f.isCut && f.cut <= maxCore {
		if what := f.overrides(f.core[:f.cut], at, declared); what != "" {
			return what
		}
	}
	if f.n > maxCore {
		return ""
	}
	return f.overrides(f.core[:f.n], at, declared)
}

// overrides is steers for a core: it knows the names that nothing else is called by, each with a
// server that honours it.
func (f *fieldName) overrides(core []byte, at place, declared map[string]bool) string {
	name := string(core)
	switch {
	case at == deepInJSON && !declared[name]:
		return ""
	case strings.HasSuffix(name, "methodoverride"), strings.HasSuffix(name, "overridemethod"),
		strings.HasSuffix(name, "verboverride"):
		return "method" // X-HTTP-Method-Override as a field: ASP.NET MVC, Google's and other APIs
	case f.marked && (name == "method" || name == "httpmethod" || name == "httpverb"):
		return "method" // _method: Rails, Laravel, Spring, Yii; _HttpMethod: Salesforce; $httpMethod: Google
	case at == inQuery && (name == "httpmethod" || name == "xhttpmethod" || name == "httpverb"):
		return "method" // in a body, `http_method` is ordinary data of monitors and webhooks
	case f.marked && name == "httpheaders" && at != inJSON:
		return "request" // $httpHeaders: Google's servers take headers from it
	case at == inQuery && name == "restroute":
		return "path" // WordPress
	case at == inQuery && f.marked && reroutes[name]:
		return "path"
	case declared[name] && name == "restroute":
		return "path"
	case declared[name]:
		return "request"
	}
	return ""
}

// reroutes are names by which front controllers take the path from the query: `_url` (Phalcon),
// `_route`, `_path` and `_controller` (Symfony), and their kind.
var reroutes = map[string]bool{
	"url": true, "uri": true, "path": true, "route": true, "controller": true, "pathinfo": true,
	"requesturi": true, "originalurl": true, "originaluri": true, "rewriteurl": true,
}

// cores makes a set of names.
func cores(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		var f fieldName
		for i := range len(name) {
			f.add(name[i])
		}
		set[string(f.core[:min(f.n, maxCore)])] = true
	}
	return set
}
