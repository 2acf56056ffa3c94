package catalog

import (
	"errors"
	"fmt"
	"strings"
)

// Prefix is one path prefix of a placement.
type Prefix struct {
	// Head is what callers' paths begin with that get this prefix in place of it: `/file`, or
	// nothing for all others.
	Head string
	// Template is what goes out in place of Head, `/file/bot{token}`.
	Template string
}

// Prefixes returns the path prefixes of p in the order in which a path is held against them: that
// of the empty head, PathPrefix, is the last. There are none without a PathPrefix.
func (p *Placement) Prefixes() []Prefix {
	if p == nil || p.PathPrefix == "" {
		return nil
	}
	list := make([]Prefix, 0, len(p.OtherPrefixes)+1)
	for _, template := range p.OtherPrefixes {
		list = append(list, Prefix{headOf(template), template})
	}
	return append(list, Prefix{"", p.PathPrefix})
}

// headOf returns the segments of a path prefix before the first one with a placeholder.
func headOf(template string) string {
	literal, _, _ := strings.Cut(template, "{")
	return literal[:max(strings.LastIndexByte(literal, '/'), 0)]
}

// CutHead cuts segments off the beginning of a raw path. It is not ok if path begins with others.
func CutHead(path, head string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, head)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// otherPrefixes checks that a caller's path has one prefix.
func (c checker) otherPrefixes(p *Placement) error {
	const where = "placement.other_prefixes"
	if len(p.OtherPrefixes) > 0 && p.PathPrefix == "" {
		return errors.New(where + " without a path_prefix: write that of all other paths, like /bot{token}")
	}
	for i, template := range p.OtherPrefixes {
		if err := c.pathPrefix(where, template); err != nil {
			return err
		}
		head := headOf(template)
		if head == "" || strings.ContainsAny(head, "}~") || !strings.Contains(template, "{") {
			return errors.New(where + ": each must begin with a segment that is the same for all, and hold a placeholder: " +
				"write it like /file/bot{token}")
		}
		for _, other := range p.OtherPrefixes[:i] {
			_, below := CutHead(head, headOf(other))
			_, above := CutHead(headOf(other), head)
			if below || above {
				return fmt.Errorf("%s: two of them begin with %s: keep one", where, head)
			}
		}
	}
	return nil
}
