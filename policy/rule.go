package policy

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// Rule allows or denies calls to one app by method and path.
type Rule struct {
	// App is a slug, or "*" for every app.
	App string `json:"app"`
	// Deny makes the rule refuse what it matches; deny wins over allow, whatever the order.
	Deny bool `json:"deny,omitempty"`
	// Methods are upper-case; none means every method.
	Methods []string `json:"methods,omitempty"`
	// Path is a pattern over the path after the app: `*` matches within one segment, a last `/**`
	// matches any rest, also none. Empty means every path. A pattern for an extra host of the app
	// begins with `/~` and the host, `/~upload.example.com/**`, and then goes on as the path there;
	// one for what lies beside the app's API begins with `/~/`. See [Steering.Permit].
	Path string `json:"path,omitempty"`
}

// Check reports what is wrong with the rule.
func (r Rule) Check() error {
	if r.App == "" {
		return fmt.Errorf("a rule needs an app, or * for all")
	}
	if err := r.checkWords(); err != nil {
		return err
	}
	if r.Path == "" {
		return nil
	}
	if !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("path pattern %q: it must begin with /", r.Path)
	}
	if strings.Contains(strings.TrimSuffix(r.Path, "/**"), "**") {
		return fmt.Errorf("path pattern %q: write ** as the last segment only", r.Path)
	}
	if strings.ContainsAny(r.Path, "%?#;") || strings.Contains(r.Path, "//") {
		return fmt.Errorf("path pattern %q: write the decoded path, without %%, ?, #, ; or //", r.Path)
	}
	if slices.ContainsFunc(strings.Split(r.Path, "/"), isDotSegment) {
		return fmt.Errorf("path pattern %q: calls with dot segments are refused, so that it would match none: "+
			"write the path that they lead to", r.Path)
	}
	if len(r.Path) > 1 && strings.HasSuffix(r.Path, "/") {
		return fmt.Errorf("path pattern %q: leave out the last /; paths are compared without it", r.Path)
	}
	if _, err := path.Match(r.Path, "/"); err != nil {
		return fmt.Errorf("path pattern %q: %w", r.Path, err)
	}
	return nil
}

func isDotSegment(s string) bool { return s == "." || s == ".." }

// Host is the pattern of the extra host that the path begins with, if it does; a deny rule folds
// case.
func (r Rule) Host() (pattern string, ok bool) {
	rest, ok := strings.CutPrefix(r.Path, "/~")
	pattern, _, _ = strings.Cut(rest, "/")
	if r.Deny {
		pattern = strings.ToLower(pattern)
	}
	return pattern, ok
}

// Rules are the rules of one tenant. The zero Rules permit everything.
type Rules []Rule

// Touch reports whether any rule speaks of app.
func (rules Rules) Touch(app string) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.App == "*" || r.App == app })
}

// permit refuses a call that the rules do not permit, with `policy_denied`. Where the app has allow
// rules, one must match; a deny rule that matches wins. Every one of methods must be permitted.
//
// at is where the call goes, and paths are there; see [Call]. What is allowed by a path alone is
// allowed at the upstream: elsewhere the same path may do something else. What is denied by a path
// alone is denied everywhere.
func (rules Rules) permit(app, at string, methods []string, paths readings) error {
	for _, m := range methods {
		allowed, anyAllow := false, false
		for i := range rules {
			r := &rules[i]
			switch {
			case r.App != "*" && r.App != app:
			case r.Deny && r.matchesMethod(m) && slices.ContainsFunc(paths.lenient, r.denies(at)):
				return vending.Refuse(vending.PolicyDenied, "")
			case !r.Deny:
				anyAllow = true
				allowed = allowed || r.matchesMethod(m) && !slices.ContainsFunc(paths.strict, r.misses(at))
			}
		}
		if anyAllow && !allowed {
			return vending.Refuse(vending.PolicyDenied, "")
		}
	}
	return nil
}

// matchesMethod takes HEAD for GET, which it is but for the body (RFC 9110, section 9.3.2).
func (r *Rule) matchesMethod(method string) bool {
	method = strings.ToUpper(method)
	return len(r.Methods) == 0 || slices.Contains(r.Methods, method) ||
		method == http.MethodHead && slices.Contains(r.Methods, http.MethodGet)
}

// denies folds case: an upstream that ignores case would serve what the rule denies. So would one
// that knows /tickets.json by the name of /tickets, too.
func (r *Rule) denies(at string) func(reading string) bool {
	pattern := strings.ToLower(r.Path)
	plain, hasFormat := withoutFormat(pattern)
	return func(reading string) bool {
		reading = strings.ToLower(reading)
		if matchPath(pattern, reading) || hasFormat && matchPath(plain, reading) {
			return true
		}
		reading = placed(at, reading)
		return at != "" && (matchPath(pattern, reading) || hasFormat && matchPath(plain, reading))
	}
}

func (r *Rule) misses(at string) func(reading string) bool {
	return func(reading string) bool {
		switch {
		case at == "":
			return !matchPath(r.Path, reading)
		case r.Path == "":
			return false
		case at == "/~" && !strings.HasPrefix(r.Path, "/~/"): // a wildcard means hosts
			return true
		}
		return !strings.HasPrefix(r.Path, "/~") || !matchPath(r.Path, placed(at, reading))
	}
}

// placed is the path of a reading at another place than the upstream, as a rule spells it.
func placed(at, reading string) string { return strings.TrimSuffix(at+reading, "/") }

// matchPath expects a pattern that passed Check.
func matchPath(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	base, tail := strings.CutSuffix(pattern, "/**")
	if tail {
		p = firstSegments(p, strings.Count(base, "/"))
	}
	matched, _ := path.Match(base, p)
	return matched
}

// firstSegments cuts p before its slash number n, counted from 0.
func firstSegments(p string, n int) string {
	for i := range len(p) {
		if p[i] != '/' {
			continue
		}
		if n == 0 {
			return p[:i]
		}
		n--
	}
	return p
}
