package inject

import (
	"fmt"

	"github.com/vendgate/vendgate/catalog"
)

// prefix is a path prefix, compiled; see [catalog.Prefix].
type prefix struct {
	head     string
	template template
}

// compilePrefixes reads the path prefixes of rules: that of all paths, which is empty where there
// is none, and the others.
func (p *Placement) compilePrefixes(rules *catalog.Placement, known func(string) bool) error {
	for _, rule := range rules.Prefixes() {
		if rule.Template[0] != '/' {
			return fmt.Errorf("path prefix %q must begin with /", rule.Template)
		}
		t, err := parseTemplate(rule.Template, known)
		switch {
		case err != nil:
			return fmt.Errorf("path prefix: %w", err)
		case rule.Head == "":
			p.prefix = t
		default:
			p.otherPrefixes = append(p.otherPrefixes, prefix{rule.Head, t})
		}
	}
	return nil
}

// choosePrefix takes the head of another path prefix off the caller's path.
func (x *Injection) choosePrefix() {
	x.prefix = x.placement.prefix
	for _, other := range x.placement.otherPrefixes {
		if rest, ok := catalog.CutHead(x.path, other.head); ok {
			x.prefix, x.path = other.template, rest
			return
		}
	}
}

// belowPrefix returns the gateway's path for a path of the upstream that is below one of several
// path prefixes.
func (x *Injection) belowPrefix(path string) (located string, ok bool) {
	cred := x.credential()
	_, base, err := x.placement.upstream.resolve(cred)
	if err != nil {
		return "", false
	}
	below := func(t template) (string, bool) {
		filled, err := t.fill(cred, pathSegment)
		if err != nil {
			return "", false
		}
		return catalog.CutHead(path, base+filled)
	}
	for _, other := range x.placement.otherPrefixes {
		if rest, ok := below(other.template); ok {
			return other.head + rest, true
		}
	}
	if located, ok = below(x.placement.prefix); !ok {
		return "", false
	}
	for _, other := range x.placement.otherPrefixes {
		if _, other := catalog.CutHead(located, other.head); other {
			return "", false // which the gateway takes for a path below the other prefix
		}
	}
	return located, true
}
