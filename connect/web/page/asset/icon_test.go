package asset

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

func wellFormed(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestIconIsXMLForAnyName(t *testing.T) {
	names := []string{"", " ", "Gmail", "<script>", "&", "]]>", "'\"", "\x00\x01", "\xff\xfe", "\u202Eevil", "👩‍👩‍👧",
		"العربية", "日本 語", "e\u0301", "\uFFFE x", "ﬁ", "ß"}
	for _, name := range names {
		for _, slug := range append(names, "gmail") {
			icon := Icon(slug, name)
			if err := wellFormed(icon); err != nil {
				t.Errorf("the icon of %q, %q is no XML: %v\n%s", slug, name, err, icon)
			}
			if !bytes.Equal(icon, Icon(slug, name)) {
				t.Errorf("the icon of %q, %q differs between two calls", slug, name)
			}
		}
	}
}

func FuzzIcon(f *testing.F) {
	f.Add("gmail", "Gmail")
	f.Add("a-b", "A (B) <c>")
	f.Fuzz(func(t *testing.T, slug, name string) {
		if err := wellFormed(Icon(slug, name)); err != nil {
			t.Errorf("the icon is no XML: %v", err)
		}
	})
}

func TestLetters(t *testing.T) {
	for name, want := range map[string]string{
		"Gmail": "G", "GitHub": "GH", "Amazon S3": "AS", "Shopify (Admin API access token)": "S", "monday.com": "MC",
		"eBay":  "EB",
		"émile": "É", "123": "1", "(beta)": "B", "  ": "?", "": "?", "日本": "日", "HubSpot CRM": "HC",
	} {
		if got := Monogram(name); got != want {
			t.Errorf("the letters of %q are %q; want %q", name, got, want)
		}
	}
}

func TestIconContrast(t *testing.T) {
	colours := map[rgb]bool{}
	apps, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	slugs := []string{"", "a", "aa", "zzz-9"}
	for _, app := range apps.Apps() {
		slugs = append(slugs, app.Slug)
	}
	for _, slug := range slugs {
		top, bottom := iconColours(slug)
		colours[top] = true
		if contrast(top, white) < minContrast || contrast(bottom, white) < minContrast {
			t.Errorf("white on the icon of %q has a contrast of %.2f to %.2f", slug, contrast(top, white),
				contrast(bottom, white))
		}
	}
	if len(colours) < len(slugs)/2 {
		t.Errorf("%d apps share %d colours", len(slugs), len(colours))
	}
}
