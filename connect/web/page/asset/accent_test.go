package asset

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestAccentContrast is a property: whatever colour a tenant chooses, everything that stands in it
// or on it can be read.
func TestAccentContrast(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	check := func(c rgb) {
		t.Helper()
		a, err := ParseAccent("#" + c.hex())
		if err != nil {
			t.Fatal(err)
		}
		checkShades(t, c, "light", a.light, lightCard, lightPage)
		checkShades(t, c, "dark", a.dark, darkCard, darkPage)
	}
	for _, c := range []rgb{black, white, {128, 128, 128}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0},
		{0, 255, 255}, {255, 0, 255}, {0x0a, 0x66, 0xc2}} {
		check(c)
	}
	for range 5000 {
		check(rgb{uint8(r.UintN(256)), uint8(r.UintN(256)), uint8(r.UintN(256))})
	}
}

func checkShades(t *testing.T, chosen rgb, scheme string, s shades, card, page rgb) {
	t.Helper()
	for what, pair := range map[string][2]rgb{
		"a link on the card":            {s.main, card},
		"a link on the page":            {s.main, page},
		"a link on the soft shade":      {s.main, s.soft},
		"a link under the pointer":      {s.strong, card},
		"a button's text":               {s.on, s.main},
		"a button's text under pointer": {s.on, s.strong},
	} {
		if ratio := contrast(pair[0], pair[1]); ratio < 4.5 {
			t.Errorf("#%s, %s: %s has a contrast of %.2f (#%s, #%s)", chosen.hex(), scheme, what, ratio, pair[0].hex(),
				pair[1].hex())
		}
	}
}

func TestAccentKeepsWhatIsReadable(t *testing.T) {
	a, err := ParseAccent("#0A66C2")
	if err != nil {
		t.Fatal(err)
	}
	if a.Hex() != "0a66c2" || a.light.main.hex() != "0a66c2" {
		t.Errorf("a colour that can be read became #%s of #%s", a.light.main.hex(), a.Hex())
	}
	css := string(a.CSS())
	if !strings.HasPrefix(css, ":root{--accent:#0a66c2;") ||
		!strings.Contains(css, "@media (prefers-color-scheme:dark){:root{--accent:#") {
		t.Errorf("the stylesheet is %s", css)
	}
	checkCSS(t, css)
}

func TestParseAccentRefuses(t *testing.T) {
	for _, s := range []string{"", "#", "#fff", "#0a66c", "#0a66c22", "0a66cg", "red", "##0a66c", "#0a66c2;", "rgb(1,2,3)",
		" #0a66c2"} {
		if a, err := ParseAccent(s); err == nil {
			t.Errorf("%q is read as #%s", s, a.Hex())
		}
	}
	if a, err := ParseAccent("0A66c2"); err != nil || a.Hex() != "0a66c2" {
		t.Errorf("without # it is %q, %v", a.Hex(), err)
	}
}

func TestColourSpaceGoesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		c := rgb{uint8(r.UintN(256)), uint8(r.UintN(256)), uint8(r.UintN(256))}
		if got := c.oklch().rgb(); got != c {
			t.Fatalf("#%s comes back as #%s", c.hex(), got.hex())
		}
	}
	for _, test := range []struct {
		a, b rgb
		want float64
	}{{white, black, 21}, {rgb{0x77, 0x77, 0x77}, white, 4.48}, {white, white, 1}} {
		if got := contrast(test.a, test.b); got < test.want-0.005 || got > test.want+0.005 {
			t.Errorf("the contrast of #%s and #%s is %.3f; want %.2f", test.a.hex(), test.b.hex(), got, test.want)
		}
	}
}
