package pipedream

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// connect is what Pipedream says of its proxy for an app: the member `connect` of an app, also of
// the one in an account (docs, Connect API proxy, "Understanding the Connect object").
type connect struct {
	// disabled says that the proxy does not serve the app; it may where Pipedream does not say.
	disabled bool
	// domains are those that full URLs may have, if bounded says that they are bounded.
	domains []string
	bounded bool
	// base is what relative targets are resolved against; empty where Pipedream does not say.
	base string
}

// maxBase bounds base_proxy_target_url, in bytes.
const maxBase = 1 << 10

// decodeConnect reads the member. Absent or null, it says nothing.
func decodeConnect(raw json.RawMessage) (c connect, err error) {
	if !present(raw) {
		return c, nil
	}
	all, err := members(raw, "proxy_enabled", "allowed_domains", "base_proxy_target_url")
	if err != nil {
		return c, err
	}
	enabled := true
	c.bounded = present(all["allowed_domains"])
	for name, into := range map[string]any{
		"proxy_enabled": &enabled, "allowed_domains": &c.domains, "base_proxy_target_url": &c.base,
	} {
		if present(all[name]) && json.Unmarshal(all[name], into) != nil {
			return connect{}, errShape
		}
	}
	c.disabled, c.base = !enabled, strings.TrimSpace(c.base)
	if len(c.base) > maxBase {
		return connect{}, errShape
	}
	return c, nil
}

// placeholder is in a base where a value of the account goes: `{{custom_fields.base_api_url}}`.
var placeholder = regexp.MustCompile(`\{\{\s*(?:[A-Za-z0-9_]+\.)*([A-Za-z0-9_-]+)\s*\}\}`)

// dynamic reports whether the base depends on the account. Targets must be relative then (docs,
// "Apps with dynamic domains").
func (c connect) dynamic() bool { return strings.Contains(c.base, "{{") }

// placeholders are the properties of the account in the base.
func (c connect) placeholders() (names []string) {
	for _, m := range placeholder.FindAllStringSubmatch(c.base, -1) {
		names = append(names, m[1])
	}
	return names
}

// hostAndPath are those of the base, each value of an account as `*`.
func (c connect) hostAndPath() (host, path string) {
	rest := placeholder.ReplaceAllString(c.base, "*")
	if _, after, ok := strings.Cut(rest, "://"); ok {
		rest = after
	}
	host, path = cutAuthority(rest)
	return strings.ToLower(host), strings.TrimSuffix(path, "/")
}

// allows reports whether the proxy takes a full URL with that host: its domain, or one below it, is
// allowed, or the base has it.
func (c connect) allows(host string) bool {
	at, ok := parseServer(host)
	if !ok {
		return false
	}
	if base, _ := c.hostAndPath(); c.base != "" && !c.dynamic() && base == at.host {
		return true
	}
	return !c.bounded || slices.ContainsFunc(c.domains, func(domain string) bool {
		d, ok := parseServer(strings.TrimPrefix(strings.TrimSpace(domain), "*."))
		return ok && (at.host == d.host || strings.Contains(d.host, ".") && strings.HasSuffix(at.host, "."+d.host))
	})
}

// overlap reports whether some host is of both patterns, in which `*` is any text.
func overlap(a, b string) bool {
	// reach[j] says whether what was read of a may be what b[:j] is.
	reach := make([]bool, len(b)+1)
	reach[0] = true
	skipStars(reach, b)
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		for j := range reach {
			if !reach[j] {
				continue
			}
			switch {
			case a[i] == '*': // it takes any rest of b
				for k := j; k < len(next); k++ {
					next[k] = true
				}
			case j < len(b) && b[j] == '*':
				next[j] = true
			case j < len(b) && a[i] == b[j]:
				next[j+1] = true
			}
		}
		skipStars(next, b)
		reach = next
	}
	return reach[len(b)]
}

// skipStars lets each `*` of b be nothing.
func skipStars(reach []bool, b string) {
	for j := range len(b) {
		if reach[j] && b[j] == '*' {
			reach[j+1] = true
		}
	}
}

// leadsAway reports whether a path, as it is or decoded, could be read as one that begins with a
// host (`//evil.example/`, RFC 3986, section 4.2; browsers drop control characters before they
// look).
func leadsAway(path string) bool {
	const head = 64 // what comes later begins no path
	for path = path[:min(len(path), head)]; ; {
		bare := strings.Map(func(c rune) rune {
			if c <= ' ' || c == 0x7f {
				return -1
			}
			return c
		}, path)
		if len(bare) > 1 && strings.IndexByte(`/\`, bare[1]) >= 0 {
			return true
		}
		decoded := unescape(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
}

// unescape decodes what is percent-encoded, and leaves what is not.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if decoded, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(decoded)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// noProxy refuses an app's calls for good: only an operator can have the source vend the
// credential.
func noProxy(format string, args ...any) *vending.Error {
	return &vending.Error{
		Code: vending.InternalError, Origin: vending.FromVending,
		Message: "this app cannot be called through the source's own proxy, and the source does not vend its credential",
		Err:     fmt.Errorf(format+": use an OAuth client of your own there", args...),
	}
}

// refuse refuses a call of the caller's that the proxy does not take.
func refuse(why string) *vending.Error {
	return vending.Refuse(vending.InvalidRequest, "this connection is called through Pipedream's proxy, "+why)
}
