package inject

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// linkPlaces are where an app's answers hold addresses, compiled.
type linkPlaces struct {
	headers, members []string
	// spelled are the members again.
	spelled [][]byte
	// longest is the length of the longest member, in bytes.
	longest int
}

// newLinkPlaces returns nil where the app declares none.
func newLinkPlaces(l *catalog.Links) *linkPlaces {
	if l == nil {
		return nil
	}
	p := &linkPlaces{members: l.Members}
	for _, name := range l.Headers {
		p.headers = append(p.headers, textproto.CanonicalMIMEHeaderKey(name))
	}
	for _, member := range l.Members {
		p.spelled, p.longest = append(p.spelled, []byte(member)), max(p.longest, len(member))
	}
	return p
}

// mayName reports whether a string of JSON, with its quotes, may be a name in one of the members.
// It is true of few others, and costs less than to read it.
func (p *linkPlaces) mayName(quoted []byte) bool {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return true
	}
	for _, member := range p.spelled {
		if bytes.Contains(member, quoted[1:len(quoted)-1]) {
			return true
		}
	}
	return false
}

func (p *linkPlaces) hasMembers() bool { return p != nil && len(p.members) > 0 }

// rewriteDeclared rewrites the headers that the app declares.
func (x *Injection) rewriteDeclared(h http.Header, gw func() Gateway) {
	for _, name := range x.placement.links.headers {
		if values := h[name]; len(values) > 0 {
			setOrDelete(h, name, kept(values, func(v string) string {
				if strings.HasPrefix(v, "/") {
					return x.rewriteURL(v, gw)
				}
				return x.rewriteAddress(v, gw)
			}))
		}
	}
}

// rewriteAddress rewrites the value of a declared place: an absolute URL or a bare host. What is
// none of them stays as it is. Empty is what has no safe form.
func (x *Injection) rewriteAddress(v string, gw func() Gateway) string {
	if isBareHost(v) {
		to, inside := x.rewrite("https://"+v, gw)
		if at, own := x.ownHost(v); own && at == "" && gw().OriginOf != nil {
			to, inside = gw().OriginOf(""), true // where the path is the provider's, with its base path
		}
		if _, address, _ := strings.Cut(to, "://"); inside || to == "" {
			return address
		}
		return v
	}
	r := parseReference(v)
	switch {
	case r.scheme == "ws" || r.scheme == "wss":
		return x.rewriteSocket(v, r.scheme, gw)
	case r.scheme == "http" || r.scheme == "https", r.authority != "",
		strings.HasPrefix(v, `\`), strings.HasPrefix(v, `/\`):
		return keepBraces(v, x.rewriteURL(v, gw))
	}
	return v
}

// rewriteSocket rewrites the address of a WebSocket (RFC 6455, section 3).
func (x *Injection) rewriteSocket(v, scheme string, gw func() Gateway) string {
	start := strings.IndexByte(v, ':') - len(scheme)
	if start < 0 {
		return v
	}
	to, inside := x.rewrite("https"+v[start+len(scheme):], gw)
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

// isBareHost reports whether v is a host name of two labels or more, or an address of IPv4, with or
// without a port.
func isBareHost(v string) bool {
	name, port, ported := strings.Cut(v, ":")
	if len(v) > maxHostName+len(":65535") || !strings.Contains(name, ".") ||
		ported && strings.Trim(port, "0123456789") != "" {
		return false
	}
	for i := range len(name) {
		if !isAlnum(name[i]) && name[i] != '-' && name[i] != '.' && name[i] != '_' {
			return false
		}
	}
	return true
}
