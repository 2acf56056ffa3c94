package telemetry

import (
	"encoding/base64"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/policy"
)

const (
	// tokenLength is how many digits a request token or the token of an MCP URL has, of base62.
	tokenLength = 33
	// keyDigits is how many digits a key has behind its prefix, of base62.
	keyDigits = 43
	// leastKeyDigits is the same for a tenant key that an operator made up, at least.
	leastKeyDigits = 22
	// stateLength is from how many characters on the state of an authorization is taken for one;
	// ours have 43.
	stateLength = 20
	// leastQuote is the length of the shortest text that quotes an address with a secret, in bytes.
	leastQuote = 20
	// decodings bounds how often a text is percent-decoded in search of a token.
	decodings = 4
)

// hints reports whether text is worth a closer look for a token, a state or a code. It is for every
// header of every call: one pass, no allocation, and true of all that [quotesToken], [quotesLink]
// or [isTokenWithin] are true of.
func hints(text string) bool {
	run := 0
	for i := range len(text) {
		c := text[i]
		if isBase62(c) {
			if run++; run == tokenLength || run == leastKeyDigits && strings.HasSuffix(text[:i+1-run], policy.KeyPrefix) {
				return true
			}
			continue
		}
		if run >= len("code") && endsInHint(text[:i], run, c) {
			return true
		}
		if run = 0; c == '%' && i+2 < len(text) {
			if v, ok := lenient.Hex(text[i+1], text[i+2]); ok && (isBase62(v) || v == '_' || v == '%') {
				return true // what needs no escape, or is escaped twice
			}
		}
	}
	return false
}

// endsInHint reports whether before, which ends in a word of run letters and digits, ends in the
// root of links or the name of a parameter; c is what follows it.
func endsInHint(before string, run int, c byte) bool {
	switch c {
	case '/', '\\':
		return run >= len(linkRoot) && strings.EqualFold(before[len(before)-len(linkRoot):], linkRoot)
	case '%':
		return endsInHint(before, run, '/') || endsInHint(before, run, '=')
	case '=':
		return strings.HasSuffix(before, "state") || strings.HasSuffix(before, "code") ||
			strings.HasSuffix(before, "verifier")
	}
	return false
}

// linkRoot is connect.Root without its slash.
var linkRoot = strings.TrimPrefix(connect.Root, "/")

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// decoded calls is with text and all that percent-decoding makes of it, until it is true.
func decoded(text string, is func(string) bool) bool {
	for range decodings {
		if is(text) {
			return true
		}
		once := lenient.Decode(text)
		if once == text {
			return false
		}
		text = once
	}
	return is(text)
}

// quotesToken reports whether text has what looks like a token: a run of base62 that is as long as
// one, or longer and no hex digest. Or it quotes an address with one in its place, or with the
// state or the code of an authorization, at whatever path.
func quotesToken(text string) bool {
	return len(text) >= leastQuote && hints(text) && decoded(text, func(text string) bool {
		return anyRun(text, func(run string) bool {
			return len(run) == tokenLength || strings.ToLower(run) != run && strings.ToUpper(run) != run
		}) || isCallback(text) || holdsLink(text)
	})
}

// quotesLink is quotesToken for the path of a call, where providers have identifiers that look like
// tokens: it goes by where they stand.
func quotesLink(text string) bool {
	return len(text) >= leastQuote && hints(text) && decoded(text, holdsLink)
}

// isTokenWithin reports whether a run of text is exactly as long as a token.
func isTokenWithin(text string) bool {
	is := func(text string) bool { return anyRun(text, connect.IsToken) }
	return len(text) >= tokenLength && hints(text) && decoded(text, is)
}

// quotesKey reports whether text has a tenant key or a caller key: SDKs put an API key into the
// query or the path, and may be given one.
func quotesKey(text string) bool {
	return len(text) >= len(policy.KeyPrefix)+leastKeyDigits && hints(text) && decoded(text, func(text string) bool {
		return holdsKey(text, policy.KeyPrefix) || holdsKey(text, policy.CallerKeyPrefix) || encodesKey(text)
	})
}

// leastEncodedKey is how many digits the base64 of a key has at least. Of letters, digits and
// underscores, base64 makes letters and digits only.
const leastEncodedKey = (len(policy.KeyPrefix) + leastKeyDigits) * 4 / 3

// encodesKey reports whether text has a key in base64, alone or with something around it.
func encodesKey(text string) bool {
	return anyRun(text, func(run string) bool {
		for start := 0; start < 4 && len(run)-start >= leastEncodedKey; start++ {
			whole := run[start : start+(len(run)-start)/4*4]
			plain, err := base64.StdEncoding.DecodeString(whole)
			if err == nil && (holdsKey(string(plain), policy.KeyPrefix) || holdsKey(string(plain), policy.CallerKeyPrefix)) {
				return true
			}
		}
		return false
	})
}

func holdsKey(text, prefix string) bool {
	for {
		before, rest, found := strings.Cut(text, prefix)
		if !found {
			return false
		}
		end := 0
		for end < len(rest) && isBase62(rest[end]) {
			end++
		}
		if end >= tokenLength || policy.IsKey(text[len(before):len(before)+len(prefix)+end]) {
			return true
		}
		text = rest
	}
}

// anyRun reports whether is is true of a run of base62 in text.
func anyRun(text string, is func(run string) bool) bool {
	for from := 0; from < len(text); from++ {
		to := from
		for to < len(text) && isBase62(text[to]) {
			to++
		}
		if to-from >= tokenLength && is(text[from:to]) {
			return true
		}
		from = to
	}
	return false
}

// isCallback reports whether text has the parameters that a provider sends a browser back with (RFC
// 6749, section 4.1.2; RFC 5849, section 2.2).
func isCallback(text string) bool {
	state, has := parameter(text, "state")
	if has && len(state) >= stateLength {
		return true
	}
	_, code := parameter(text, "code")
	_, token := parameter(text, "oauth_token")
	_, verifier := parameter(text, "oauth_verifier")
	return has && code || token && verifier
}

// parameter returns a parameter of a query that may be anywhere in text.
func parameter(text, name string) (value string, ok bool) {
	for rest := text; ; {
		before, after, found := strings.Cut(rest, name+"=")
		if !found {
			return "", false
		}
		if rest = after; before == "" || !isBase62(before[len(before)-1]) && before[len(before)-1] != '_' {
			end := strings.IndexAny(after, `&#;" `)
			if end < 0 {
				end = len(after)
			}
			return after[:end], true
		}
	}
}

// holdsLink reports whether text has the address of a link, or of the callback with its parameters,
// whatever is around it.
func holdsLink(text string) bool {
	lower := strings.ToLower(text)
	for from := 0; ; {
		i := strings.Index(lower[from:], linkRoot)
		if i < 0 {
			return false
		}
		from += i + len(linkRoot)
		rest := strings.TrimLeft(text[from:], `/\.`)
		if len(rest) == len(text)-from {
			continue
		}
		end := 0
		for end < len(rest) && isBase62(rest[end]) {
			end++
		}
		if end >= tokenLength || strings.EqualFold(rest[:end], "callback") && isCallback(rest) {
			return true
		}
	}
}

// quotesPlace reports whether text is an address that holds a secret by where it is.
func quotesPlace(text string) bool {
	if !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") {
		return false
	}
	u, err := parseAddress(text)
	if err != nil {
		return false
	}
	_, found := redactParsed(text, u)
	return found
}
