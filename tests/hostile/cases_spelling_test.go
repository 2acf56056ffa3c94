package hostile

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/vendgate/vendgate/vending"
)

// spelled writes each character of text for which need holds by format, in UTF-16.
func spelled(text, format string, need func(r rune) bool) string {
	var b strings.Builder
	for _, r := range text {
		if !need(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, format, unit)
		}
	}
	return b.String()
}

func any16(rune) bool { return true }

func wide(text string, high int) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		pair := [2]byte{}
		pair[high], pair[1-high] = byte(unit>>8), byte(unit)
		b.Write(pair[:])
	}
	return b.String()
}

// jsonTwice is JSON that a text in JSON holds.
var jsonTwice = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(jsonOdd)

// spellings are ways of quoting odd that frameworks have. A part of each is replaced, so that what
// stands around it shows.
var spellings = map[string]string{
	// JavaScriptEncoder.Default of System.Text.Encodings.Web escapes these, and all beyond ASCII, in
	// upper-case hex.
	"by .NET's JSON": spelled(strings.ReplaceAll(odd, `\`, `\\`), `\u%04X`, func(r rune) bool {
		return r > 126 || strings.ContainsRune("\"&'+<>`", r)
	}),
	// html/template, jsStrReplacementTable and htmlReplacementTable.
	"by a Go template in a script": strings.NewReplacer(`/`, `\/`, `"`, `\u0022`, `&`, `\u0026`, `\`, `\\`, `+`, `\u002b`,
		`<`, `\u003c`, `>`, `\u003e`, `'`, `\u0027`).Replace(odd),
	"by a Go template in HTML": strings.NewReplacer(`"`, "&#34;", `&`, "&amp;", `+`, "&#43;", `<`, "&lt;", `>`, "&gt;",
		`'`, "&#39;").Replace(odd),
	// Handlebars.escapeExpression.
	"by Handlebars": strings.NewReplacer(`"`, "&quot;", `&`, "&amp;", `<`, "&lt;", `>`, "&gt;", `'`, "&#x27;",
		"`", "&#x60;", `=`, "&#x3D;").Replace(odd),
	"in units of UTF-16": spelled(odd, `\u%04x`, any16),
	"in numbers of HTML": spelled(odd, `&#%d;`, any16),
	"in base64":          base64.StdEncoding.EncodeToString([]byte(odd)),
	"in base64 unpadded": base64.RawStdEncoding.EncodeToString([]byte(odd)),
	"in base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(odd)),
	"in hex":             hex.EncodeToString([]byte(odd)),
	"in upper-case hex":  strings.ToUpper(hex.EncodeToString([]byte(odd))),
	"in JSON in JSON":    jsonTwice,
	"in a query, twice":  strings.ReplaceAll(spelled(odd, "%%%02X", func(r rune) bool { return r < 128 }), "%", "%25"),
	"in JSON in base64":  base64.StdEncoding.EncodeToString([]byte(jsonOdd)),
	"in mixed spellings": strings.NewReplacer("s", `\u0073`, "k", "%6B", `"`, "&quot;", "&", "%2526", "<",
		"&lt;").Replace(strings.ReplaceAll(odd, `\`, `\\`)),
	"in UTF-16, low first":  wide(odd, 1),
	"in UTF-16, high first": wide(odd, 0),
	"in escaped UTF-16": strings.ReplaceAll(wide(odd[:5], 1), "\x00", `\u0000`) + strings.ReplaceAll(wide(odd[5:], 1),
		"\x00", "%00"),
	"in quoted-printable": strings.NewReplacer("=", "=3D", "é", "=C3=A9").Replace(odd),
	"in base64 with escapes": strings.NewReplacer("+", `\u002b`, "/", `\/`, "=",
		"&#x3D;").Replace(base64.StdEncoding.EncodeToString([]byte(odd))),
}

var spellingCases = spellingRows()

func spellingRows() (rows []row) {
	for _, name := range slices.Sorted(maps.Keys(spellings)) {
		r := row{
			name: "25 error body echoes the credential " + name, request: as(keyC, get("/proxy/c/query/x")),
			vend: fields(vending.APIKey, "api_key", odd), vends: 1,
			sent:   upstream("GET /query/x?api_key=sk%2F%22a%26b%5Cc+d%2B%C3%A9%3Cx%3E%3D77"),
			answer: reply("503 Down", "key ("+spellings[name]+") is bad", "Content-Type: text/plain"),
			status: 503, code: "upstream_unavailable", origin: "upstream", within: "key ([redacted]",
		}
		rows = append(rows, r)
		if !strings.ContainsAny(spellings[name], "é\x00") {
			r.name, r.answer = "25 header echoes the credential "+name, reply("200 OK", "ok",
				"X-Echo: key ("+spellings[name]+")")
			r.status, r.code, r.origin, r.within, r.raw = 200, "", "", "ok", "X-Echo: key ([redacted]"
			rows = append(rows, r)
		}
	}
	// Within a larger text that is encoded, at each alignment.
	for shift := range 3 {
		around := base64.StdEncoding.EncodeToString([]byte("user" + "xxx"[:shift] + ":" + odd + ":more"))
		rows = append(rows, row{
			name:    fmt.Sprintf("25 header echoes the credential within base64, shifted by %d", shift),
			request: as(keyC, get("/proxy/c/query/x")),
			vend:    fields(vending.APIKey, "api_key", odd), vends: 1,
			sent:   upstream("GET /query/x?api_key=sk%2F%22a%26b%5Cc+d%2B%C3%A9%3Cx%3E%3D77"),
			answer: reply("200 OK", "ok", "X-Echo: "+around), status: 200, body: "ok", raw: "[redacted]", lacks: around[16:28],
		})
	}
	return rows
}
