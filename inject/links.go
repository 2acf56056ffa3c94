package inject

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/jsonedit"
)

// linkHeaders hold one URL each; `Link` (RFC 8288) holds several.
var linkHeaders = []string{"Location", "Content-Location"}

// RewriteLinks turns URLs of the app's upstream and of its extra hosts into gateway URLs, so that
// pagination and resumable uploads stay behind the gateway. No link leads to a part of the gateway
// beyond the app: what would is left to the upstream, as an absolute URL without the credential, or
// removed where it names the gateway itself. Other URLs stay as they are.
func (inj *Injection) RewriteLinks(h http.Header, gw func() Gateway) {
	for _, name := range linkHeaders {
		values := h[name]
		if len(values) == 0 {
			continue
		}
		setOrDelete(h, name, kept(values, func(v string) string { return inj.rewriteURL(v, gw) }))
	}
	if values := h["Link"]; len(values) > 0 {
		setOrDelete(h, "Link", kept(values, func(v string) string { return inj.rewriteLinkValue(v, gw) }))
	}
	if inj.placement.links != nil {
		inj.rewriteDeclared(h, gw)
	}
}

// kept returns what rewrite makes of values, without those that it leaves nothing of.
func kept(values []string, rewrite func(string) string) []string {
	list := values[:0]
	for _, v := range values {
		if v = rewrite(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}

func setOrDelete(h http.Header, name string, values []string) {
	if h[name] = values; len(values) == 0 {
		delete(h, name)
	}
}

// rewriteLinkValue rewrites each link of a list (RFC 8288, section 3), and leaves out those that
// have no safe form: an empty one would lead to the same page again.
func (inj *Injection) rewriteLinkValue(v string, gw func() Gateway) string {
	var links []string
	for rest := v; rest != ""; {
		end := endOfLink(rest)
		if link, ok := inj.rewriteLink(rest[:end], gw); ok {
			links = append(links, link)
		}
		rest = rest[min(end+1, len(rest)):]
	}
	return strings.TrimLeft(strings.Join(links, ","), " ")
}

// endOfLink is where the first link of a list ends: at a comma that is neither quoted nor between
// angle brackets.
func endOfLink(list string) int {
	quoted, inside := false, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && !inside:
			quoted = !quoted
		case c == '<' && !quoted:
			inside = true
		case c == '>' && !quoted:
			inside = false
		case c == ',' && !quoted && !inside:
			return i
		}
	}
	return len(list)
}

// rewriteLink rewrites what is between the angle brackets of one link. It is not ok if that has no
// safe form.
func (inj *Injection) rewriteLink(link string, gw func() Gateway) (rewritten string, ok bool) {
	before, rest, found := strings.Cut(link, "<")
	target, after, closed := strings.Cut(rest, ">")
	if !found || !closed || strings.Contains(before, `"`) {
		return link, true
	}
	url := inj.rewriteURL(target, gw)
	if url == "" && target != "" {
		return "", false
	}
	return before + "<" + url + ">" + after, true
}

// linkPlaces are where an app's answers hold addresses, compiled.
type linkPlaces struct {
	headers []string
	members *jsonedit.Members // nil where the app declares none
}

// newLinkPlaces returns nil where the app declares none.
func newLinkPlaces(l *catalog.Links) *linkPlaces {
	if l == nil {
		return nil
	}
	p := &linkPlaces{}
	for _, name := range l.Headers {
		p.headers = append(p.headers, textproto.CanonicalMIMEHeaderKey(name))
	}
	if len(l.Members) > 0 {
		p.members = jsonedit.NewMembers(l.Members)
	}
	return p
}

func (p *linkPlaces) hasMembers() bool { return p != nil && p.members != nil }

// rewriteDeclared rewrites the headers that the app declares.
func (inj *Injection) rewriteDeclared(h http.Header, gw func() Gateway) {
	for _, name := range inj.placement.links.headers {
		if values := h[name]; len(values) > 0 {
			setOrDelete(h, name, kept(values, func(v string) string {
				if strings.HasPrefix(v, "/") {
					return inj.rewriteURL(v, gw)
				}
				return inj.rewriteAddress(v, gw)
			}))
		}
	}
}

// rewriteAddress rewrites the value of a declared place: an absolute URL or a bare host. What is
// none of them stays as it is. Empty is what has no safe form.
func (inj *Injection) rewriteAddress(v string, gw func() Gateway) string {
	if isBareHost(v) {
		to, inside := inj.rewrite("https://"+v, gw)
		if at, own := inj.ownHost(v); own && at == "" && gw().OriginOf != nil {
			to, inside = gw().OriginOf(""), true // where the path is the provider's, with its base path
		}
		if _, address, _ := strings.Cut(to, "://"); inside || to == "" {
			return address
		}
		return v
	}
	r := parseURLReference(v)
	switch {
	case r.scheme == "ws" || r.scheme == "wss":
		return inj.rewriteSocket(v, r.scheme, gw)
	case r.scheme == "http" || r.scheme == "https", r.authority != "",
		strings.HasPrefix(v, `\`), strings.HasPrefix(v, `/\`):
		return keepBraces(v, inj.rewriteURL(v, gw))
	}
	return v
}

// rewriteSocket rewrites the address of a WebSocket (RFC 6455, section 3).
func (inj *Injection) rewriteSocket(v, scheme string, gw func() Gateway) string {
	start := strings.IndexByte(v, ':') - len(scheme)
	if start < 0 {
		return v
	}
	to, inside := inj.rewrite("https"+v[start+len(scheme):], gw)
	switch rest, secure := strings.CutPrefix(to, "https://"); {
	case inside && secure:
		return "wss://" + rest
	case inside:
		return "ws://" + strings.TrimPrefix(to, "http://")
	case to == "":
		return ""
	}
	return v
}

// keepBraces undoes the escapes of braces in to, which was made of a URI template (RFC 6570).
func keepBraces(template, to string) string {
	if !strings.Contains(template, "{") || strings.Contains(template, "%7B") || strings.Contains(template, "%7D") {
		return to
	}
	return braces.Replace(to)
}

var braces = strings.NewReplacer("%7B", "{", "%7D", "}")
