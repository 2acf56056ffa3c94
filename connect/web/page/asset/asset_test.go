package asset

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestAssetSizes(t *testing.T) {
	for a, most := range map[*Asset]int{
		Stylesheet: 16 << 10, DashboardScript: 3 << 10, FormScript: 1 << 10, HelperScript: 4 << 10, Mark: 1 << 10,
	} {
		if n := len(a.Body); n == 0 || n >= most {
			t.Errorf("%s has %d bytes; it must stay below %d", a.Name, n, most)
		}
	}
	for _, a := range []*Asset{New("i", SVG, Icon("gmail", "Gmail")), Mark} {
		if err := wellFormed(a.Body); err != nil {
			t.Errorf("%s is no XML: %v", a.Name, err)
		}
	}
}

func TestServeAsset(t *testing.T) {
	get := func(target, etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		Stylesheet.ServeHTTP(w, r)
		return w
	}
	w := get("/connect/assets/style.css?v="+Stylesheet.Hash, "")
	if w.Code != 200 || w.Body.String() != string(Stylesheet.Body) || w.Header().Get("Content-Type") != CSS {
		t.Errorf("answered %d, %d bytes of %s", w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
	}
	if cache := w.Header().Get("Cache-Control"); !strings.Contains(cache, "immutable") {
		t.Errorf("by its hash it is kept %q", cache)
	}
	for _, header := range []string{"X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Content-Security-Policy"} {
		if w.Header().Get(header) == "" {
			t.Errorf("there is no %s", header)
		}
	}
	if cache := get("/connect/assets/style.css?v=old", "").Header().Get("Cache-Control"); strings.Contains(cache,
		"immutable") {
		t.Errorf("by an old hash it is kept %q", cache)
	}
	if w := get("/connect/assets/style.css", w.Header().Get("ETag")); w.Code != http.StatusNotModified ||
		w.Body.Len() != 0 {
		t.Errorf("with its ETag it answers %d, %d bytes", w.Code, w.Body.Len())
	}
}

// checkCSS reads a stylesheet as far as it must be sound: comments and braces close, and nothing is
// loaded.
func checkCSS(t *testing.T, css string) {
	t.Helper()
	bare := regexp.MustCompile(`(?s)/\*.*?\*/|"[^"\n]*"`).ReplaceAllString(css, "")
	depth := 0
	for i, c := range bare {
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 || depth > 2 {
			t.Fatalf("the braces are %d deep at %.40q", depth, bare[i:])
		}
	}
	if depth != 0 {
		t.Errorf("%d braces are not closed", depth)
	}
	for _, not := range []string{"url(", "@import", "/*", "*/", `"`, "expression("} {
		if strings.Contains(bare, not) {
			t.Errorf("the stylesheet has %s", not)
		}
	}
}

func TestStylesheet(t *testing.T) {
	css := string(Stylesheet.Body)
	checkCSS(t, css)
	defined := map[string]bool{}
	for _, m := range regexp.MustCompile(`(--[a-z-]+):`).FindAllStringSubmatch(css, -1) {
		defined[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllStringSubmatch(css, -1) {
		if !defined[m[1]] {
			t.Errorf("%s is used and never set", m[1])
		}
	}
}

// TestAccentGroundsAreTheStylesheets keeps what accents are measured against and what they stand on
// from drifting apart.
func TestAccentGroundsAreTheStylesheets(t *testing.T) {
	found := regexp.MustCompile(`--page: #([0-9a-f]{6}); --card: #([0-9a-f]{6});`).FindAllStringSubmatch(
		string(stylesheet), -1)
	want := [][2]string{{lightPage.hex(), lightCard.hex()}, {darkPage.hex(), darkCard.hex()}}
	if len(found) != len(want) {
		t.Fatalf("the stylesheet sets its grounds %d times", len(found))
	}
	for i, m := range found {
		if [2]string{m[1], m[2]} != want[i] {
			t.Errorf("the stylesheet's grounds are %q; accents are measured against %q", m[1:], want[i])
		}
	}
}

// TestPaletteContrast holds every text colour of the stylesheet against every ground it stands on.
func TestPaletteContrast(t *testing.T) {
	schemes := strings.SplitN(string(stylesheet), "@media (prefers-color-scheme: dark)", 2)
	light, dark := palette(schemes[0]), palette(strings.SplitN(schemes[1], "\n}\n", 2)[0])
	for name, colours := range map[string]map[string]rgb{"light": light, "dark": dark} {
		pairs := [][2]string{{"on-bad", "bad"}, {"bad", "card"}, {"wait", "card"}}
		for _, ground := range []string{"page", "card", "sunk"} {
			pairs = append(pairs, [2]string{"ink", ground}, [2]string{"soft", ground})
		}
		for _, kind := range []string{"good", "wait", "bad", "link", "off"} {
			pairs = append(pairs, [2]string{kind, kind + "-soft"}, [2]string{"ink", kind + "-soft"})
		}
		for _, p := range pairs {
			a, okA := colours[p[0]]
			b, okB := colours[p[1]]
			if !okA || !okB {
				t.Errorf("%s: --%s or --%s is missing", name, p[0], p[1])
			} else if ratio := contrast(a, b); ratio < minContrast {
				t.Errorf("%s: --%s on --%s has a contrast of %.2f", name, p[0], p[1], ratio)
			}
		}
		if ratio := contrast(colours["edge"], colours["card"]); ratio < 3 { // WCAG 2.2, 1.4.11
			t.Errorf("%s: the edge of a field has a contrast of %.2f", name, ratio)
		}
	}
}

func palette(css string) map[string]rgb {
	colours := map[string]rgb{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
		if a, err := ParseAccent(m[2]); err == nil {
			colours[m[1]] = a.chosen
		}
	}
	return colours
}

// TestHelperIsSelfContained reads the helper for what the page of a tenant must not get from it.
func TestHelperIsSelfContained(t *testing.T) {
	script := string(HelperScript.Body)
	for _, not := range []string{"eval(", "innerHTML", "document.write", "import ", "require(", "localStorage",
		"document.cookie", "noopener", "?.", "console."} {
		if strings.Contains(script, not) {
			t.Errorf("the helper has %s", not)
		}
	}
	for _, want := range []string{"'use strict'", "credentials: 'omit'", "window.VendgateConnect"} {
		if !strings.Contains(script, want) {
			t.Errorf("the helper lacks %s", want)
		}
	}
}
