package secretscan

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	htmltemplate "html/template"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func setOf(secrets ...string) *Set {
	s := new(Set)
	for _, secret := range secrets {
		s.Add(secret)
	}
	return s
}

// redact is [Set.Redact] as it is used for texts.
func redact(s *Set, text string, broken bool) string {
	text, _ = s.Redact(text, broken)
	return strings.ToValidUTF8(text, "\uFFFD")
}

// each writes every character of text by write.
func each(text string, write func(r rune) string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteString(write(r))
	}
	return b.String()
}

// eachOf is each for the characters that need holds, and those beyond ASCII; the others stay.
func eachOf(text, need string, write func(r rune) string) string {
	return each(text, func(r rune) string {
		if r < 0x80 && !strings.ContainsRune(need, r) {
			return string(r)
		}
		return write(r)
	})
}

// units writes r in UTF-16.
func units(format string) func(r rune) string {
	return func(r rune) string {
		var b strings.Builder
		for _, u := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, format, u)
		}
		return b.String()
	}
}

func bytesAs(format string) func(text string) string {
	return func(text string) string {
		var b strings.Builder
		for i := range len(text) {
			fmt.Fprintf(&b, format, text[i])
		}
		return b.String()
	}
}

func inUTF16(text string, high int) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(text)) {
		pair := [2]byte{}
		pair[high], pair[1-high] = byte(u>>8), byte(u)
		b.Write(pair[:])
	}
	return b.String()
}

func byName(names map[rune]string, number string) func(text string) string {
	return func(text string) string {
		return each(text, func(r rune) string {
			if name, ok := names[r]; ok {
				return name
			}
			if r < 0x80 {
				return string(r)
			}
			return fmt.Sprintf(number, r)
		})
	}
}

// rendered is what html/template makes of value in a place of the page.
func rendered(page, value string) string {
	before, after, _ := strings.Cut(page, "{{.}}")
	var b strings.Builder
	if err := htmltemplate.Must(htmltemplate.New("").Parse(page)).Execute(&b, value); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), before), after)
}

// escapes spell what stands between their characters alike.
var escapes = map[string]func(string) string{
	"none":         func(s string) string { return s },
	"query":        url.QueryEscape,
	"path":         url.PathEscape,
	"component":    func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	"lower":        func(s string) string { return strings.ToLower(bytesAs("%%%02X")(s)) },
	"every byte":   bytesAs("%%%02X"),
	"escape()":     func(s string) string { return eachOf(s, `"'<>&+/=% `, units("%%u%04X")) },
	"JSON":         func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) },
	"JSON slashes": func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "/", `\/`) },
	// System.Text.Json, JavaScriptEncoder.Default:
	// https://learn.microsoft.com/dotnet/standard/serialization/system-text-json/character-encoding
	".NET":       func(s string) string { return eachOf(strings.ReplaceAll(s, `\`, `\\`), "\"&'+<>`", units(`\u%04X`)) },
	"whole JSON": func(s string) string { return each(s, units(`\u%04x`)) },
	"PHP": func(s string) string {
		return eachOf(strings.NewReplacer(`\`, `\\`, `/`, `\/`, `"`, `\"`).Replace(s), "", units(`\u%04x`))
	},
	"Ruby":        func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf(`\u{%x}`, r) }) },
	"Python":      bytesAs(`\x%02x`),
	"octal":       bytesAs(`\%03o`),
	"Go JS":       func(s string) string { return rendered(`<script>"{{.}}"</script>`, s) },
	"Go HTML":     func(s string) string { return rendered(`{{.}}`, s) },
	"Go query":    func(s string) string { return rendered(`<a href="/?q={{.}}">`, s) },
	"HTML":        html.EscapeString,
	"decimal":     func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) }) },
	"hexadecimal": func(s string) string { return each(s, func(r rune) string { return fmt.Sprintf("&#x%04X;", r) }) },
	// Handlebars.escapeExpression:
	// https://github.com/handlebars-lang/handlebars.js/blob/master/lib/handlebars/utils.js
	"Handlebars": byName(map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&#x27;",
		'`': "&#x60;", '=': "&#x3D;"}, "%c"),
	"names": byName(map[rune]string{'&': "&amp;", '+': "&plus;", '/': "&sol;", '=': "&equals;", '"': "&QUOT;",
		'\\': "&bsol;", '%': "&percnt;", '.': "&period;"}, "&#%d;"),
	"quoted-printable": func(s string) string {
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write([]byte(s))
		_ = w.Close()
		return b.String()
	},
	"mixed": func(s string) string {
		n := 0
		return each(s, func(r rune) string {
			n++
			switch {
			case n%4 == 0:
				return fmt.Sprintf("&#x%x;", r)
			case n%4 == 1 || r > 0xff:
				return units(`\u%04X`)(r)
			case n%4 == 2:
				return bytesAs("%%%02x")(string(r))
			}
			return fmt.Sprintf("&#%d;", r)
		})
	},
}

// encodings spell a text as a whole.
var encodings = map[string]func(string) string{
	"base64":         func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"raw base64":     func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":      func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"raw base64url":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hex":            func(s string) string { return hex.EncodeToString([]byte(s)) },
	"upper hex":      func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"UTF-16LE":       func(s string) string { return inUTF16(s, 1) },
	"UTF-16BE":       func(s string) string { return inUTF16(s, 0) },
	"wrapped base64": func(s string) string { return wrapped(base64.StdEncoding.EncodeToString([]byte(s))) },
}

// wrapped breaks lines as MIME does, only sooner.
func wrapped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if i > 0 && i%16 == 0 {
			b.WriteString("\r\n")
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// TestSpellings: a credential in any one escape, and twice in any two, is gone, and nothing
// else is.
func TestSpellings(t *testing.T) {
	for _, secret := range []string{
		`sk/"a&b\c d+é<x>='77` + "`", "sk-live-0123456789abcdef", "a+b/c==&d", "пароль-秘密", "%41%42%43%44", `\u0041\x41\101`,
		"&#65;&amp;&amp;", "=41=42=3D=", "++++++", "🔑🔑",
	} {
		s := setOf(secret, "s")
		for first, inner := range escapes {
			for second, outer := range escapes {
				text := "key (" + outer(inner(secret)) + ") is bad"
				if got := redact(s, text, false); got != "key ([redacted]) is bad" {
					t.Errorf("%q by %s, then by %s: %q became %q", secret, first, second, text, got)
				}
			}
		}
	}
}

// TestCutSpellings: a body that breaks off anywhere within an encoded credential does not end
// with a piece of it.
func TestCutSpellings(t *testing.T) {
	const secret, before = `sk/"a&b+c d=<x>='77-0123456789abcdefghij`, "the key is "
	s := setOf(secret, "s")
	random := rand.New(rand.NewPCG(1, 1))
	for _, table := range []map[string]func(string) string{escapes, encodings} {
		for name, encode := range table {
			for _, second := range []string{"none", "JSON", "every byte", "Go HTML", "base64", "hex", "UTF-16LE"} {
				again, ok := escapes[second]
				if !ok {
					again = encodings[second]
				}
				text := again(encode(secret))
				for n := random.IntN(3); n < len(text); n += 1 + random.IntN(len(text)/6) {
					// A piece that tells less than one byte of it may be left: a digit, or two.
					got := strings.TrimPrefix(redact(s, before+text[:n], true), before)
					if rest := strings.ReplaceAll(got, Mark, ""); len(rest) > 4 {
						t.Errorf("%s, then %s, cut after %d: %q left of %q", name, second, n, got, text[:n])
					}
				}
			}
		}
	}
}

// TestEncodings: no piece of the credential is left of an encoded text that has it somewhere.
func TestEncodings(t *testing.T) {
	for seed := range uint64(3000) {
		checkChain(t, seed)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(checkChain)
}

const alphabet = "abcXYZ0189-_.~!*'()+/=&%\\\"<>`;:@,?# $[]{}|^éß漢🔑"

func randomText(random *rand.Rand, alphabet string, length int) string {
	letters := []rune(alphabet)
	text := make([]rune, length)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// checkChain hides a random credential by random encoders, each with other text around what the one
// before made. What depends on the credential is found by doing the same to another one.
func checkChain(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	from := alphabet
	if random.IntN(2) == 0 {
		from = alphabet[:14]
	}
	secret := randomText(random, from, 8+random.IntN(40))
	other := each(secret, func(r rune) string { // of the same width everywhere
		if letters := strings.Map(func(o rune) rune { return o }, "ab"); r == 'a' {
			return letters[1:]
		}
		return map[bool]string{true: "a", false: string(r)}[r < 0x80 && isAlnum(byte(r))]
	})
	text, changed, chain := secret, other, ""
	for range 1 + random.IntN(3) {
		table, names := escapes, escapeNames
		if random.IntN(3) == 0 || !utf8.ValidString(text) { // of which escapes would make another text
			table, names = encodings, encodingNames
		}
		name := names[random.IntN(len(names))]
		if !utf8.ValidString(text) && strings.HasPrefix(name, "UTF-16") {
			name = "base64"
		}
		before, after := randomText(random, "abc 019{}:,", random.IntN(20)), randomText(random, "abc 019{}:,",
			random.IntN(20))
		text, changed, chain = table[name](before+text+after), table[name](before+changed+after), chain+name+", "
	}
	s := setOf(secret, "s")
	// What scrubbing leaves as it is shows where the text was changed; what was not whole UTF-8 is
	// another matter.
	found, _, ok := s.find(text, false)
	if !ok || len(found) == 0 {
		t.Fatalf("seed %d: %q by %s is left in %q", seed, secret, chain, text)
	}
	if !s.MayHold(text) {
		t.Fatalf("seed %d: %q by %s is not looked for in a header %q", seed, secret, chain, text)
	}
	if len(text) != len(changed) {
		return // the other one has another length, so that they cannot be compared
	}
	for i := range len(text) {
		if text[i] != changed[i] && !slices.ContainsFunc(found, func(s span) bool { return s.from <= i && i < s.to }) {
			t.Fatalf("seed %d: %q by %s: byte %d of %q tells of it beside %v", seed, secret, chain, i, text, found)
		}
	}
}

var escapeNames, encodingNames = sortedNames(escapes), sortedNames(encodings)

func sortedNames(m map[string]func(string) string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
