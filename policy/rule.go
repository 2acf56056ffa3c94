package policy

import (
	"fmt"
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
	// matches any rest, also none. Empty means every path. A pattern for an extra host of the app begins with `/~`
	// and the host, `/~upload.example.com/**`, and then goes on as the path there; see [Rules.Permit].
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
		return fmt.Errorf("path pattern %q: ** may only stand as the last segment", r.Path)
	}
	if strings.ContainsAny(r.Path, "%?#;") || strings.Contains(r.Path, "//") {
		return fmt.Errorf("path pattern %q: write the decoded path, without %%, ?, #, ; or //", r.Path)
	}
	if len(r.Path) > 1 && strings.HasSuffix(r.Path, "/") {
		return fmt.Errorf("path pattern %q: leave out the last /; paths are compared without it", r.Path)
	}
	if _, err := path.Match(r.Path, "/"); err != nil {
		return fmt.Errorf("path pattern %q: %w", r.Path, err)
	}
	return nil
}

// Host is the pattern of the extra host that the path begins with, if it does; a deny rule folds case.
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

// Overrides reports whether name is a header by which some APIs let a POST stand for another method, in any case
// and with "_" for "-".
func Overrides(name string) bool {
	switch strings.ReplaceAll(strings.ToLower(name), "_", "-") {
	case "x-http-method-override", "x-http-method", "x-method-override":
		return true
	}
	return false
}

// Permit refuses a call that the rules do not permit, with `policy_denied`; a path that two servers
// could read differently, where a rule would have to choose one reading, is `invalid_request`.
// Where the app has allow rules, one must match; a deny rule that matches wins. overrides are the
// values of headers that [Overrides] names: each must be permitted too.
//
// host is the extra host of the app that the call goes to, or empty for its upstream; rawPath is the path there. What is
// allowed by a path alone is allowed at the upstream: elsewhere the same path may do something else. What is denied by a path alone
// is denied at every host.
func (rules Rules) Permit(app, method, host, rawPath string, overrides ...string) error {
	if len(rules) == 0 {
		return nil
	}
	var readings []string
	for _, m := range append([]string{method}, overrides...) {
		allowed, anyAllow := false, false
		for i := range rules {
			r := &rules[i]
			if r.App != "*" && r.App != app {
				continue
			}
			if readings == nil {
				var err error
				if readings, err = pathReadings(rawPath); err != nil {
					return err
				}
			}
			if r.Deny {
				if r.matchesMethod(m) && slices.ContainsFunc(readings, r.denies(host)) {
					return vending.Refuse(vending.PolicyDenied, "")
				}
				continue
			}
			anyAllow = true
			allowed = allowed || r.matchesMethod(m) && !slices.ContainsFunc(readings, r.misses(host))
		}
		if anyAllow && !allowed {
			return vending.Refuse(vending.PolicyDenied, "")
		}
	}
	return nil
}

func (r *Rule) matchesMethod(method string) bool {
	return len(r.Methods) == 0 || slices.Contains(r.Methods, strings.ToUpper(method))
}

// denies folds case: an upstream that ignores case would serve what the rule denies.
func (r *Rule) denies(host string) func(reading string) bool {
	pattern := strings.ToLower(r.Path)
	return func(reading string) bool {
		reading = strings.ToLower(reading)
		return matchPath(pattern, reading) || host != "" && matchPath(pattern, atHost(host, reading))
	}
}

func (r *Rule) misses(host string) func(reading string) bool {
	return func(reading string) bool {
		switch {
		case host == "":
			return !matchPath(r.Path, reading)
		case r.Path == "":
			return false
		}
		return !strings.HasPrefix(r.Path, "/~") || !matchPath(r.Path, atHost(host, reading))
	}
}

// atHost is the path of a reading at an extra host, as a rule spells it.
func atHost(host, reading string) string { return strings.TrimSuffix("/~"+host+reading, "/") }

// matchPath expects a pattern that passed Check.
func matchPath(pattern, p string) bool {
	if pattern == "" {
		return true
	}
	base, tail := strings.CutSuffix(pattern, "/**")
	if tail {
		for depth := strings.Count(base, "/"); strings.Count(p, "/") > depth; {
			p = p[:strings.LastIndexByte(p, '/')]
		}
	}
	matched, _ := path.Match(base, p)
	return matched
}

// pathReadings returns every path that an upstream might take rawPath for, decoded and cleaned: with
// encoded slashes as separators and as plain characters, with and without path parameters. A deny
// rule counts if it matches any of them, an allow rule only if it matches all.
func pathReadings(rawPath string) ([]string, error) {
	decoded := decodeLoosely(rawPath)
	if decodeLoosely(decoded) != decoded {
		return nil, refuse("a path that is encoded twice cannot be compared with this tenant's rules")
	}
	readings := []string{clean(decoded)}
	add := func(p string) {
		if p = clean(p); !slices.Contains(readings, p) {
			readings = append(readings, p)
		}
	}
	// Parameters may be cut off before the path is decoded, or after.
	for _, raw := range slices.Compact([]string{rawPath, withoutParameters(rawPath)}) {
		for _, p := range []string{decodeLoosely(raw), decodeLoosely(plainSlashes.Replace(raw))} {
			add(p)
			add(withoutParameters(p))
		}
	}
	return readings, nil
}

// plainSlashes makes an encoded slash a plain character of its segment: "\x00" cannot occur in a path that
// passed ParseTarget.
var plainSlashes = strings.NewReplacer("%2f", "\x00", "%2F", "\x00")

// clean collapses slashes; dot segments were refused before.
func clean(p string) string { return path.Clean("/" + p) }

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
