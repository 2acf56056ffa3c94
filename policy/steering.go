package policy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// Steering checks the requests to one app: by its request line, and by what else could make the
// app's servers take it for another request. It is immutable and safe for parallel use.
type Steering struct {
	query, body map[string]bool // cores of names, see fieldName
	headers     map[string]bool // folded
	batch       []string        // lower-case patterns
	splitsFirst bool
}

// NewSteering returns the steering of an app whose entry declares s; nil declares nothing.
func NewSteering(s *catalog.Steering) *Steering {
	if s == nil {
		return new(Steering)
	}
	t := &Steering{query: cores(s.Query), body: cores(s.Body), headers: make(map[string]bool), splitsFirst: s.SplitsFirst}
	for _, name := range s.Headers {
		t.headers[lenient.Header(name)] = true
	}
	for _, pattern := range s.Batch {
		t.batch = append(t.batch, strings.ToLower(pattern))
	}
	return t
}

// Call is what of a request rules are held against.
type Call struct {
	App, Method string
	// At is where the call goes, as its path and that of a rule begin: empty for the app's
	// upstream, `/~` and the host for an extra host, `/~` for what is outside of the app's API. Path
	// is the raw path there.
	At, Path string
	RawQuery string
	Header   http.Header
}

// Permit refuses a call that any of sets does not permit: a deny rule that matches wins, and of a
// set that has allow rules for the app, one must match. Where a set binds the app's methods or
// paths it also refuses what could name another one, or another resource, than the request line: in
// the query, in headers, in the path's own parameters. A list of methods in a header such as
// X-HTTP-Method-Override is checked method by method.
func (s *Steering) Permit(c Call, sets ...Rules) error {
	methods := []string{c.Method}
	if scope := scopeOf(c.App, sets); scope.binds() {
		overrides, err := s.check(c, scope)
		if err != nil {
			return err
		}
		methods = append(methods, overrides...)
	}
	var paths pathVariants
	var err error
	for _, rules := range sets {
		if !rules.Touch(c.App) {
			continue
		}
		if paths.strict == nil {
			if paths, err = readPath(c.Path, s.splitsFirst); err != nil {
				return err
			}
		}
		if err := rules.permit(c.App, c.At, methods, paths); err != nil {
			return err
		}
		if scopeOf(c.App, []Rules{rules}).binds() && !s.permitsBatch(c, rules, paths) {
			return vending.Refuse(vending.PolicyDenied,
				"the rules cannot check the requests in this one's body: to permit it, allow this path by name, not by a wildcard")
		}
	}
	return nil
}

// scope is what rules bind of an app's calls.
type scope struct{ methods, paths bool }

func (s scope) binds() bool { return s.methods || s.paths }

func scopeOf(app string, sets []Rules) (s scope) {
	for _, rules := range sets {
		for i := range rules {
			if r := &rules[i]; r.App == "*" || r.App == app {
				s.methods = s.methods || len(r.Methods) > 0
				s.paths = s.paths || r.Path != ""
			}
		}
	}
	return s
}

// check refuses what names another request, and returns the methods that headers ask for.
func (s *Steering) check(c Call, scope scope) (overrides []string, err error) {
	if err := s.checkPairs(c.RawQuery); err != nil {
		return nil, err
	}
	if strings.ContainsAny(c.Path, "%;") {
		// A server that decodes before it splits finds a query in the path, and some take path parameters
		// for parameters of the request.
		decoded := strings.NewReplacer("?", "&", "/", "&").Replace(decodeUnicode(lenient.Decode(c.Path)))
		if i := strings.IndexAny(decoded, "&;"); i >= 0 {
			if err := s.checkPairs(decoded[i:]); err != nil {
				return nil, err
			}
		}
	}
	return s.checkHeaders(c.Header, scope)
}

// checkPairs reads raw as a query.
func (s *Steering) checkPairs(raw string) error {
	for rest := raw; rest != ""; {
		var pair string
		if end := strings.IndexAny(rest, "&;"); end >= 0 {
			pair, rest = rest[:end], rest[end+1:]
		} else {
			pair, rest = rest, ""
		}
		key, _, _ := strings.Cut(pair, "=")
		if key == "" {
			continue
		}
		var n fieldName
		n.decode(key)
		if what := n.steers(inQuery, s.query); what != "" {
			return refuseSteering(what, "the parameter", n.String())
		}
	}
	return nil
}

// refuseSteering says which field names which part of another request.
func refuseSteering(what, place, name string) error {
	code := vending.PolicyDenied
	if what == "path" {
		code = vending.InvalidRequest
	}
	return vending.Refuse(code,
		place+" "+strconv.Quote(name)+" can name another "+what+" than the one that the rules check: leave it out")
}

// permitsBatch reports whether the call is to no endpoint whose body holds requests, or rules allow
// that by name: a wildcard names nothing.
func (s *Steering) permitsBatch(c Call, rules Rules, paths pathVariants) bool {
	for _, variant := range paths.lenient {
		name, is := s.batchAt(c.At, strings.ToLower(variant))
		if is && !slices.ContainsFunc(rules, func(r Rule) bool { return r.names(c, name, paths) }) {
			return false
		}
	}
	return true
}

// batchAt returns the segment by which a rule must name a batch endpoint.
func (s *Steering) batchAt(at, variant string) (name string, is bool) {
	for _, pattern := range s.batch {
		if matchPath(pattern, variant) || at != "" && matchPath(pattern, placed(at, variant)) {
			segments := strings.Split(pattern, "/")
			for i := len(segments) - 1; i > 0; i-- {
				if !strings.ContainsAny(segments[i], `*?[\`) {
					return segments[i], true
				}
			}
			return "", true
		}
	}
	if slices.Contains(strings.Split(variant, "/"), odataBatch) {
		return odataBatch, true
	}
	return "", false
}

// odataBatch is what OData calls it (OData 4.01 Protocol, section 11.7), in whatever service.
const odataBatch = "$batch"

// names reports whether r allows the call by a path that spells segment name.
func (r *Rule) names(c Call, name string, paths pathVariants) bool {
	if r.Deny || r.App != "*" && r.App != c.App || !r.matchesMethod(c.Method) ||
		slices.ContainsFunc(paths.strict, r.misses(c.At)) {
		return false
	}
	if name == "" {
		return r.Path != "" && !strings.Contains(r.Path, "*")
	}
	return slices.Contains(strings.Split(strings.ToLower(r.Path), "/"), name)
}
