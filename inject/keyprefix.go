package inject

import "strings"

// prefixAt is a path prefix at the beginning of a path: how many bytes it has, what they would be
// without a credential, and the value of one of its fields.
type prefixAt struct {
	size  int
	head  string
	value string
}

// prefixOf returns the path prefix that rawPath begins with, with a field that is what is says. Its
// size is 0 if there is none.
func (p *Placement) prefixOf(rawPath string, is func(field, value string) bool) (at prefixAt) {
	for i := range p.keys.prefixes {
		prefix := &p.keys.prefixes[i]
		value, found := "", false
		size := prefix.template.match(rawPath, func(field, v string) {
			if !found && is(field, v) {
				value, found = v, true
			}
		})
		if size > 0 && found {
			return prefixAt{size, prefix.head, value}
		}
	}
	return at
}

// keyPart is what of a value may be a key of ours: some libraries take no bot token that has no
// number and colon before it (aiogram/utils/token.py).
func keyPart(value string) string { return value[strings.LastIndexByte(value, ':')+1:] }

// match returns how many bytes of rawPath, whole segments, are t filled in, and yields the fields.
// It is 0 if rawPath begins otherwise; what was yielded then is to be forgotten.
func (t template) match(rawPath string, yield func(field, value string)) (size int) {
	rest := rawPath
	for i, part := range t {
		if !part.field {
			if !strings.HasPrefix(rest, part.text) {
				return 0
			}
			rest = rest[len(part.text):]
			continue
		}
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if i+1 < len(t) {
			end = max(strings.Index(rest, t[i+1].text), 0)
		}
		if end == 0 {
			return 0
		}
		yield(part.text, rest[:end])
		rest = rest[end:]
	}
	if rest != "" && rest[0] != '/' {
		return 0
	}
	return len(rawPath) - len(rest)
}

// WithoutKey returns a call's path without the path prefix, and its query without the parameters of
// a signature, where these hold key. The other places are cleared in any case.
func (p *Placement) WithoutKey(key, rawPath, rawQuery string) (path, query string) {
	if at := p.prefixOf(rawPath, func(_, value string) bool { return keyPart(value) == key }); at.size > 0 {
		rawPath = at.head + rawPath[at.size:]
	}
	if p.keys.signed == nil || !strings.Contains(rawQuery, key) {
		return rawPath, rawQuery
	}
	signs := func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		name = lenientDecode(name)
		return p.keys.signed(name) || fold(name) == fold(amzContentSHA256)
	}
	return rawPath, withoutParameters(rawQuery, signs)
}
