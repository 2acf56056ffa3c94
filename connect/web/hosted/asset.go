package hosted

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/connect/web/page"
)

// assets are the files that pages load by a fixed name, by their path under connect.Root.
var assets = map[string]*page.Asset{
	page.HelperScript.Name:                page.HelperScript,
	"assets/" + page.Stylesheet.Name:      page.Stylesheet,
	"assets/" + page.DashboardScript.Name: page.DashboardScript,
	"assets/" + page.Mark.Name:            page.Mark,
}

// serveAsset answers for scripts, styles and icons, and reports whether path was one. They hold
// nothing of anybody.
func (h *Hosted) serveAsset(w http.ResponseWriter, r *http.Request, path string) bool {
	asset := assets[path]
	if asset == nil {
		asset = h.derived(path)
	}
	switch {
	case asset == nil && !strings.HasPrefix(path, "assets/"):
		return false
	case asset == nil, r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.NotFound(w, r)
	default:
		asset.ServeHTTP(w, r)
	}
	return true
}

// derived makes what follows from an app's name or a colour.
func (h *Hosted) derived(path string) *page.Asset {
	if rest, ok := strings.CutPrefix(path, "assets/icon/"); ok {
		slug, isIcon := strings.CutSuffix(rest, ".svg")
		if app, known := h.o.Catalog(slug); isIcon && known {
			return page.NewAsset("icon.svg", page.SVG, page.Icon(app.Slug, app.Name))
		}
	}
	if rest, ok := strings.CutPrefix(path, "assets/accent/"); ok {
		hex, isStyle := strings.CutSuffix(rest, ".css")
		if accent, err := page.ParseAccent("#" + hex); isStyle && err == nil {
			return page.NewAsset("accent.css", page.CSS, accent.CSS())
		}
	}
	return nil
}
