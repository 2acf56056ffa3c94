package page

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/web/page/asset"
)

var previewDir = flag.String("preview", "", "write every page and asset into this folder, to be looked at in a browser")

// TestPreview draws every page. With -preview it leaves them in a folder as a site whose root is to
// be served.
func TestPreview(t *testing.T) {
	dir := *previewDir
	if dir == "" {
		dir = t.TempDir()
	}
	write := func(name string, body []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*asset.Asset{asset.Stylesheet, asset.DashboardScript, asset.Mark} {
		write("connect/assets/"+a.Name, a.Body)
	}
	write("connect/vendgate-connect.js", asset.HelperScript.Body)
	pages := New("/connect")
	for _, who := range []string{"plain", "longest", "hostile"} {
		p := people[who]
		for name, v := range p.views() {
			body, err := pages.Render(v)
			if err != nil {
				t.Fatalf("%s of %s: %v", name, who, err)
			}
			write(who+"/"+name+".html", body)
		}
		for _, app := range []App{p.app, p.keyApp, {Slug: "slack", Name: "Slack"}} {
			write("connect/assets/icon/"+strings.ReplaceAll(app.Slug, "/", "_")+".svg", asset.Icon(app.Slug, app.Name))
		}
		if a, err := asset.ParseAccent(p.brand.Accent); err == nil {
			write("connect/assets/accent/"+a.Hex()+".css", a.CSS())
		}
	}
}
