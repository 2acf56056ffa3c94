package vendgate

import (
	"regexp"
	"strings"
)

// Host is a host of an app, as `GET /platform/v1/apps/{id}` tells it. A URL there whose path begins
// with BasePath is, at the gateway, `/proxy/{connection}/{app}`, then Path, then the rest.
type Host struct {
	// Scheme is empty for https.
	Scheme string `json:"scheme,omitempty"`
	// Host has its port unless that is the scheme's own. `{name}` is a slot, `*` one DNS label or a
	// part of it, and `**` one label or several.
	Host     string `json:"host"`
	BasePath string `json:"base_path"`
	// Path is empty for the upstream. Where it holds a pattern of Host, the host that is called takes
	// its place.
	Path string `json:"path"`
	// Label is its name where apps are addressed by host.
	Label string `json:"label,omitempty"`
	// Field is the connection's field that names this host whole, in place of filling its slot.
	Field string `json:"field,omitempty"`
	// Paths are all that may be called there, if not everything.
	Paths []string `json:"paths,omitempty"`
	// Slots are those of Host and BasePath, by the names of the fields that fill them.
	Slots map[string]Slot `json:"slots,omitempty"`
}

// Slot is what may fill a slot: its Kind is `label`, `labels`, `host` or `segment`.
type Slot struct {
	Kind     string   `json:"kind"`
	Options  []string `json:"options,omitempty"`
	SitePath bool     `json:"site_path,omitempty"`
}

// open reports whether the host depends on the connection.
func (h *Host) open() bool { return len(h.Slots) > 0 || h.Field != "" }

const (
	oneLabel   = `[a-z0-9](?:[a-z0-9-]*[a-z0-9])?`
	someLabels = oneLabel + `(?:\.` + oneLabel + `)*`
	never      = `[^\x00-\x{10FFFF}]`
)

// place is a Host, compiled.
type place struct {
	Host
	// any matches the host of every account, and own that of the connection, as far as its fields are
	// known.
	any, own *regexp.Regexp
	// whole is the host that a field names; empty where it is not known.
	whole string
	base  *regexp.Regexp
	// slots are the names of base's groups.
	slots []string
	// site is the path below which paths are.
	site  string
	paths []*regexp.Regexp
	rank  int
}

var (
	ofHost = regexp.MustCompile(`\{[^{}]*\}|\*\*?`)
	ofPath = regexp.MustCompile(`\{[^{}]*\}`)
)

func compile(h Host, fields map[string]string) *place {
	if h.Scheme == "" {
		h.Scheme = "https"
	}
	p := &place{Host: h, any: hostPattern(&h, nil), own: hostPattern(&h, fieldsOf(fields))}
	if value, ok := fields[h.Field]; ok && h.Field != "" {
		p.whole = strings.ToLower(value)
	}
	base := sitePath(&h, fields) + h.BasePath
	pattern := replace(ofPath, base, func(slot string) string {
		p.slots = append(p.slots, slot[1:len(slot)-1])
		return `([^/]+?)`
	})
	p.base = regexp.MustCompile(`^` + pattern + `(/.*)?$`)
	p.site = sitePath(&h, fields)
	for _, path := range h.Paths {
		p.paths = append(p.paths, pathPattern(path))
	}
	if h.Field != "" {
		p.rank += 2
	}
	if strings.ContainsAny(h.Host, "{*") {
		p.rank++
	}
	return p
}

// fieldsOf is never nil: own patterns know that there may be fields.
func fieldsOf(fields map[string]string) map[string]string {
	if fields == nil {
		return map[string]string{}
	}
	return fields
}

// hostPattern matches the host in any case. With fields, their values are in the slots.
func hostPattern(h *Host, fields map[string]string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)^` + replace(ofHost, h.Host, func(part string) string {
		switch part {
		case "*": // within a label; the gateway looks more closely
			return `[a-z0-9-]+`
		case "**":
			return someLabels
		}
		name := part[1 : len(part)-1]
		return slotPattern(h.Slots[name], name, fields, h.Scheme)
	}) + `$`)
}

func slotPattern(s Slot, name string, fields map[string]string, scheme string) string {
	if value, ok := fields[name]; ok {
		host, _, _ := strings.Cut(strings.ToLower(value), "/")
		return regexp.QuoteMeta(strings.TrimSuffix(host, ":"+usualPorts[scheme]))
	}
	switch {
	case len(s.Options) > 0:
		quoted := make([]string, len(s.Options))
		for i, option := range s.Options {
			quoted[i] = regexp.QuoteMeta(option)
		}
		return `(?:` + strings.Join(quoted, `|`) + `)`
	case s.Kind == "host" && fields == nil:
		return `.+`
	case s.Kind == "host": // any host could be the site: only a field can say
		return never
	case s.Kind == "labels":
		return someLabels
	}
	return oneLabel
}

// sitePath is the path below which a site lives that people host themselves.
func sitePath(h *Host, fields map[string]string) string {
	for name, slot := range h.Slots {
		if _, path, ok := strings.Cut(fields[name], "/"); ok && slot.SitePath {
			return strings.TrimRight("/"+path, "/")
		}
	}
	return ""
}

// pathPattern compiles a pattern of paths: `*` matches within a segment, and `**` one segment or
// more. The gateway looks more closely.
func pathPattern(pattern string) *regexp.Regexp {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if s == "**" {
			segments[i] = `.+`
			continue
		}
		literals := strings.Split(s, "*")
		for j := range literals {
			literals[j] = regexp.QuoteMeta(literals[j])
		}
		segments[i] = strings.Join(literals, `[^/]*`)
	}
	return regexp.MustCompile(`^` + strings.Join(segments, `/`) + `$`)
}

// replace quotes text, but for what parts matches, which with says.
func replace(parts *regexp.Regexp, text string, with func(string) string) string {
	var b strings.Builder
	end := 0
	for _, at := range parts.FindAllStringIndex(text, -1) {
		b.WriteString(regexp.QuoteMeta(text[end:at[0]]))
		b.WriteString(with(text[at[0]:at[1]]))
		end = at[1]
	}
	b.WriteString(regexp.QuoteMeta(text[end:]))
	return b.String()
}
