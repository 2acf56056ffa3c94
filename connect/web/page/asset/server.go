package asset

import (
	"net/http"
	"strings"
)

// Server serves the assets.
type Server struct {
	// AppName returns the name of an app in the catalog, of which its icon is drawn.
	AppName func(slug string) (name string, ok bool)
	// Icon returns the picture of an app, or nil where it has none; nil means that no app has one.
	Icon func(slug string) *Asset
}

// byPath are the assets with a fixed name, by their path below the root of the pages.
var byPath = map[string]*Asset{
	HelperScript.Name:                HelperScript,
	"assets/" + Stylesheet.Name:      Stylesheet,
	"assets/" + DashboardScript.Name: DashboardScript,
	"assets/" + FormScript.Name:      FormScript,
	"assets/" + Mark.Name:            Mark,
}

// Serve answers a request whose escaped path below the root of the pages is path, and reports
// whether it is for an asset.
func (s Server) Serve(w http.ResponseWriter, r *http.Request, path string) bool {
	asset := byPath[path]
	if asset == nil {
		asset = s.derived(path)
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

// derived finds or draws the icon of an app, or makes the stylesheet of a tenant's colour.
func (s Server) derived(path string) *Asset {
	if rest, ok := strings.CutPrefix(path, "assets/icon/"); ok {
		if picture := s.picture(rest); picture != nil {
			return picture
		}
		slug, isIcon := strings.CutSuffix(rest, ".svg")
		if name, known := s.AppName(slug); isIcon && known {
			return New("icon.svg", SVG, Icon(slug, name))
		}
	}
	if rest, ok := strings.CutPrefix(path, "assets/accent/"); ok {
		hex, isStyle := strings.CutSuffix(rest, ".css")
		if accent, err := ParseAccent("#" + hex); isStyle && err == nil {
			return New("accent.css", CSS, accent.CSS())
		}
	}
	return nil
}

// picture returns the picture of that name.
func (s Server) picture(name string) *Asset {
	if s.Icon == nil {
		return nil
	}
	slug, _, _ := strings.Cut(name, ".")
	if found := s.Icon(slug); found != nil && found.Name == name {
		return found
	}
	return nil
}
