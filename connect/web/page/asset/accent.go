package asset

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Accent is a tenant's colour, made to be read: whatever the tenant chose, text in it and text on
// it have the contrast that WCAG 2.2 asks of text (1.4.3), in both schemes.
type Accent struct {
	chosen      rgb
	light, dark shades
}

// shades are the custom properties of one scheme.
type shades struct {
	// main is for links, buttons and focus; strong for the pointer over a button; soft for grounds.
	main, strong, soft, on rgb
}

// minContrast is WCAG 2.2's, level AA.
const minContrast = 4.5

// The backgrounds that the stylesheet gives the accent. A test compares them with the
// stylesheet.
var (
	lightCard, lightPage = rgb{0xff, 0xff, 0xff}, rgb{0xf4, 0xf5, 0xf8}
	darkCard, darkPage   = rgb{0x18, 0x1c, 0x24}, rgb{0x0f, 0x12, 0x17}
)

// ParseAccent reads a colour as `#0a66c2` or `0a66c2`, in any case.
func ParseAccent(s string) (Accent, error) {
	digits := strings.TrimPrefix(s, "#")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 3 {
		return Accent{}, fmt.Errorf("an accent colour is # and six hexadecimal digits, such as #0a66c2")
	}
	return newAccent(rgb{b[0], b[1], b[2]}), nil
}

// DefaultAccent is the colour of tenants that chose none.
func DefaultAccent() Accent { return newAccent(rgb{0x2b, 0x4f, 0xc9}) }

func newAccent(c rgb) Accent {
	o := c.oklch()
	return Accent{
		chosen: c,
		light:  newShades(o, -1, 0.955, lightCard, lightPage),
		dark:   newShades(o, +1, 0.285, darkCard, darkPage),
	}
}

// newShades moves c away from the grounds, by sign, until it can be read on them and on its own
// soft shade, whose lightness is soft.
func newShades(c oklch, sign, soft float64, grounds ...rgb) shades {
	ground := oklch{l: soft, c: min(c.c, 0.03), h: c.h}.rgb()
	main := reach(c, sign, minContrast, append(grounds, ground)...)
	s := shades{main: main.rgb(), soft: ground, on: white}
	if contrast(black, s.main) > contrast(white, s.main) {
		s.on = black
	}
	strong := main
	strong.l += sign * 0.06
	s.strong = strong.rgb()
	return s
}

// Hex returns the colour that was chosen, as six lower-case digits.
func (a Accent) Hex() string { return a.chosen.hex() }

// CSS returns a stylesheet that sets the custom properties of the accent for both schemes.
func (a Accent) CSS() []byte {
	return fmt.Appendf(nil, ":root{%s}\n@media (prefers-color-scheme:dark){:root{%s}}\n", a.light.css(), a.dark.css())
}

func (s shades) css() string {
	return fmt.Sprintf("--accent:#%s;--accent-strong:#%s;--accent-soft:#%s;--on-accent:#%s",
		s.main.hex(), s.strong.hex(), s.soft.hex(), s.on.hex())
}
