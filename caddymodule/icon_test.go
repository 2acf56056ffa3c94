package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
)

const iconSVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>`

// TestIcons: the path of a picture is relative to the file that names it, and a mistake in it is
// told with its place.
func TestIcons(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("shop.svg", iconSVG)
	entry := `{"slug":"shop","name":"Shop","auth_type":"api_key","upstream":"https://api.example.com",` +
		`"fields":[{"name":"k","secret":true}],"placement":{"header":{"X-Key":"{k}"}},"icon":"FILE"}`
	file := write("apps.jsonl", strings.Replace(entry, "FILE", "shop.svg", 1))
	apps, mistakes := ReadCatalog(file)
	if len(mistakes) > 0 || string(apps[0].Picture.Body) != iconSVG {
		t.Errorf("%v, %v", apps, mistakes)
	}
	file = write("apps.jsonl", strings.Replace(entry, "FILE", "none.svg", 1))
	if _, mistakes := ReadCatalog(file); len(mistakes) != 1 ||
		!strings.Contains(mistakes[0].Error(), file+`:1: app "shop": icon: `) {
		t.Errorf("%v", mistakes)
	}

	var app catalog.App
	d := caddyfile.NewTestDispenser("icon shop.svg")
	d.Next()
	if err := parseIcon(d, &app); err != nil || app.Icon != filepath.Join(filepath.Dir(d.File()), "shop.svg") {
		t.Errorf("%q, %v", app.Icon, err)
	}
	embedded, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	gmail, _ := embedded.App("gmail")
	block := AppEntry{App: *gmail}
	block.Icon = filepath.Join(dir, "shop.svg")
	all, err := (&App{Apps: []AppEntry{block}}).LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	if found, _ := all.App("gmail"); found.Picture == nil || gmail.Picture != nil {
		t.Error("the block's picture is not the app's, or is the embedded entry's too")
	}
}
