package asset

import (
	"fmt"
	"hash/fnv"
	"html"
	"math"
	"strings"
	"unicode"
)

// Icon draws the icon of an app: one or two letters of its name on a rounded square whose colour
// comes from the slug. It is the same for the same app always, and an SVG document whatever the
// name holds.
func Icon(slug, name string) []byte {
	top, bottom := iconColours(slug)
	text := Monogram(name)
	if text == "?" {
		text = Monogram(slug)
	}
	size := 30
	if len([]rune(text)) > 1 {
		size = 25
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64">`+
		`<defs><linearGradient id="g" x1="0" y1="0" x2="0" y2="1"><stop stop-color="#%s"/><stop offset="1" `+
		`stop-color="#%s"/></linearGradient></defs>`+
		`<rect width="64" height="64" rx="15" fill="url(#g)"/>`+
		`<text x="32" y="32" dy=".355em" text-anchor="middle" font-family="system-ui,-apple-system,'Segoe `+
		`UI',Roboto,'Helvetica Neue',Arial,sans-serif" `+
		`font-size="%d" font-weight="600" fill="#fff">%s</text></svg>`, top.hex(), bottom.hex(), size,
		html.EscapeString(text))
}

// iconColours returns the two ends of the square's gradient; white can be read on both.
func iconColours(slug string) (top, bottom rgb) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(slug))
	hue := float64(h.Sum32()%360) * math.Pi / 180
	c := reach(oklch{l: 0.58, c: 0.13, h: hue}, -1, minContrast, white)
	top = c.rgb()
	c.l -= 0.08
	return top, c.rgb()
}

// Monogram returns the monogram of a name: the initials of its first two words, or a word's two
// capitals ("GitHub"), or its first letter. A name without letters is "?".
func Monogram(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if i := strings.IndexByte(name, '('); i > 0 { // "Shopify (Admin API access token)"
		if w := strings.FieldsFunc(name[:i], func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}); len(w) > 0 {
			words = w
		}
	}
	switch len(words) {
	case 0:
		return "?"
	case 1:
		return capitals(words[0])
	}
	return initial(words[0]) + initial(words[1])
}

func capitals(word string) string {
	runes := []rune(word)
	for i, r := range runes[1:] {
		if unicode.IsUpper(r) && unicode.IsLower(runes[i]) {
			return initial(word) + string(r)
		}
	}
	return initial(word)
}

func initial(word string) string { return string(unicode.ToUpper([]rune(word)[0])) }
