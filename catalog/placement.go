package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Placement says where a credential goes in the upstream request. Several may be set at once.
type Placement struct {
	// Header maps header names to templates.
	Header map[string]string `json:"header,omitempty"`
	// Query maps query keys to templates.
	Query map[string]string `json:"query,omitempty"`
	// Basic is user name and password (RFC 7617).
	Basic *Basic `json:"basic,omitempty"`
	// PathPrefix is a template that goes after the upstream's base path and before the caller's
	// path; it starts with `/` and each placeholder fills part of one segment.
	PathPrefix string `json:"path_prefix,omitempty"`
	// OtherPrefixes are templates like PathPrefix that begin with segments without placeholders,
	// `/file/bot{token}`. In a caller's path that begins with such segments, `/file/photos/1.jpg`, the
	// whole template takes their place, and PathPrefix is not used. See [Placement.Prefixes].
	OtherPrefixes []string `json:"other_prefixes,omitempty"`
}

// Basic holds the templates of user name and password.
type Basic struct {
	// Username is the template of the user name, `{username}`.
	Username string `json:"username"`
	// Password is the template of the password, `{password}`.
	Password string `json:"password"`
}

// Prefix is one path prefix of a placement.
type Prefix struct {
	// Head is what callers' paths begin with that get this prefix in place of it: `/file`, or
	// nothing for all others.
	Head string
	// Template is what goes out in place of Head, `/file/bot{token}`.
	Template string
}

// placement checks that a credential goes somewhere, and that no two of them go to the same place.
func (c checker) placement() error {
	p := c.Placement
	if p == nil {
		return c.defaultPlacement()
	}
	if len(p.Header) == 0 && len(p.Query) == 0 && p.Basic == nil && p.PathPrefix == "" {
		if c.AuthType == apiKey && c.Sign == nil {
			return errNoPlacement
		}
		return errors.New("placement is empty: set header, query, basic or path_prefix, or leave placement out")
	}
	if err := c.headers("placement.header", p.Header); err != nil {
		return err
	}
	if err := c.query(p.Query); err != nil {
		return err
	}
	if err := c.basic(p); err != nil {
		return err
	}
	if err := c.pathPrefix("placement.path_prefix", p.PathPrefix); err != nil {
		return err
	}
	if err := c.otherPrefixes(p); err != nil {
		return err
	}
	if c.Sign == nil && !p.holdsField() {
		return errors.New("placement names no field, so that no credential would be sent: write a placeholder like {api_key}")
	}
	return nil
}

var errNoPlacement = errors.New(
	"auth_type api_key needs a placement: say with header, query, basic or path_prefix where the key goes")

// defaultPlacement checks that the default of the auth type has the fields it places: a request
// must never go out bare.
func (c checker) defaultPlacement() error {
	if c.Sign != nil {
		return nil
	}
	switch c.AuthType {
	case apiKey:
		return errNoPlacement
	case basicAuth:
		for _, name := range []string{"username", "password"} {
			if _, ok := c.field(name); !ok {
				return fmt.Errorf("auth_type basic without a placement needs the field %s: declare it, or say with "+
					"placement.basic which fields to use", name)
			}
		}
	case headerAuth:
		if len(c.Fields) == 0 {
			return errors.New("auth_type header without a placement needs fields: declare one by the header's name, like " +
				"X-Api-Key")
		}
	}
	return nil
}

func (c checker) query(query map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if key == "" || strings.ContainsFunc(key, isControl) {
			return fmt.Errorf("placement.query: %q is not a query key: write it like api_key", key)
		}
		if _, err := c.template("placement.query "+key, query[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) basic(p *Placement) error {
	if p.Basic == nil {
		return nil
	}
	if setsHeader(p.Header, "Authorization") {
		return errors.New("placement: basic and the header Authorization are one header: keep one of them")
	}
	username, err := c.template("placement.basic.username", p.Basic.Username)
	if err != nil {
		return err
	}
	// RFC 7617, section 2: the first colon ends the user name.
	if strings.Contains(fill(username, ""), ":") {
		return errors.New("placement.basic.username holds a colon, which ends a user name: put what follows it into password")
	}
	_, err = c.template("placement.basic.password", p.Basic.Password)
	return err
}

func (c checker) pathPrefix(where, prefix string) error {
	if prefix == "" {
		return nil
	}
	parts, err := c.template(where, prefix)
	if err != nil {
		return err
	}
	// A placeholder fills part of a segment, so that an x stands for any value here.
	text := fill(parts, "x")
	if !strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || !plainSegments(text) ||
		strings.ContainsAny(text, "?#%\\ ") {
		return fmt.Errorf("%s must begin with / and not end with it, with plain segments only: write it like /bot{token}",
			where)
	}
	return nil
}

// holdsField reports whether any template of p has a placeholder.
func (p *Placement) holdsField() bool {
	templates := slices.Concat(slices.Collect(maps.Values(p.Header)), slices.Collect(maps.Values(p.Query)),
		[]string{p.PathPrefix}, p.OtherPrefixes)
	if p.Basic != nil {
		templates = append(templates, p.Basic.Username, p.Basic.Password)
	}
	return slices.ContainsFunc(templates, func(text string) bool {
		parts, err := scan(text)
		return err == nil && holdsField(parts)
	})
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
