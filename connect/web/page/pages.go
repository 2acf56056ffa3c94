package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect/web/page/asset"
	"github.com/vendgate/vendgate/vending"
)

//go:embed templates
var templateFiles embed.FS

// View is what one page shows: one of the structs of this package.
type View interface {
	// frame returns the name of the page's template and the layout around it.
	frame() frame
}

// frame is what a layout knows besides the view.
type frame struct {
	layout, name, title string
	// accent is the tenant's colour, where the page has a tenant.
	accent string
	// refresh is where the browser is to go by itself.
	refresh string
	// script is the asset that the page loads, besides the dashboard's; empty for none.
	script string
	// section marks the current entry of the dashboard's navigation.
	section string
}

// The layouts.
const (
	hostedLayout    = "hosted"
	dashboardLayout = "dashboard"
	bareLayout      = "bare" // a part of a page
)

// Pages renders views. It is safe for parallel use.
type Pages struct {
	// Icon returns the picture of an app, or nil for a monogram; nil means monograms alone.
	Icon func(slug string) *asset.Asset

	base      string
	templates map[string]*template.Template
}

// New returns the pages as they are served below base: the path of the connection manager,
// `/connect`, without a trailing slash.
func New(base string) *Pages {
	p := &Pages{base: base, templates: map[string]*template.Template{}}
	shared := template.Must(template.New("").Funcs(p.functions()).ParseFS(templateFiles, "templates/*.html"))
	for _, folder := range []string{hostedLayout, dashboardLayout} {
		files, err := templateFiles.ReadDir("templates/" + folder)
		if err != nil {
			panic(err) // the files are part of the binary
		}
		for _, f := range files {
			t := template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+folder+"/"+f.Name()))
			p.templates[f.Name()] = t
		}
	}
	return p
}

// Render returns the page of v, whole: a view that cannot be drawn leaves no half page.
func (p *Pages) Render(v View) ([]byte, error) {
	f := v.frame()
	t, ok := p.templates[f.name+".html"]
	if !ok {
		return nil, fmt.Errorf("rendering a page: there is no template %s", f.name)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, f.layout, layoutData{f.title, f.accent, f.refresh, f.section, f.script, v})
	if err != nil {
		return nil, fmt.Errorf("rendering the page %s: %w", f.name, err)
	}
	return b.Bytes(), nil
}

// Serve answers with the page of v. On an error nothing was written.
func (p *Pages) Serve(w http.ResponseWriter, status int, v View) error {
	body, err := p.Render(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	if err != nil {
		return fmt.Errorf("sending a page: %w", err)
	}
	return nil
}

// layoutData is what the layouts are executed with.
type layoutData struct {
	Title, Accent, Refresh, Section, Script string
	View                                    View
}

func (p *Pages) functions() template.FuncMap {
	return template.FuncMap{
		"base":       func() string { return p.base },
		"link":       p.linkPath,
		"connection": p.connectionPath,
		"asset":      p.asset,
		"icon":       p.iconPath,
		"pictured":   func(slug string) bool { return p.picture(slug) != nil },
		"accent":     p.accentPath,
		"letters":    asset.Monogram,
		"words":      words,
		"stop":       stop,
		"parts":      parts,
		"once":       func(id, label, text string) once { return once{id, label, text} },
		"stamp":      clock("2 January 2006, 15:04 UTC"),
		"short":      clock("2 Jan 2006, 15:04"),
		"precise":    clock("2 Jan 2006, 15:04:05"),
		"machine":    clock(time.RFC3339),
	}
}

// clock returns a function that writes times in UTC.
func clock(layout string) func(time.Time) string {
	return func(t time.Time) string { return t.UTC().Format(layout) }
}

// once is a secret that a page shows a single time.
type once struct{ ID, Label, Text string }

// linkPath returns the path of a link's page, or of what a form there asks for. The template would
// leave slashes as they are.
func (p *Pages) linkPath(token vending.Secret, ask ...string) string {
	return strings.Join(append([]string{p.base, url.PathEscape(token.Reveal())}, ask...), "/")
}

func (p *Pages) picture(slug string) *asset.Asset {
	if p.Icon == nil {
		return nil
	}
	return p.Icon(slug)
}

// iconPath returns the path of an app's picture, or else of its monogram.
func (p *Pages) iconPath(slug string) string {
	name := url.PathEscape(slug) + ".svg"
	if picture := p.picture(slug); picture != nil {
		name = picture.Name
	}
	return p.base + "/assets/icon/" + name
}

// connectionPath returns the path of what the dashboard can do with a connection.
func (p *Pages) connectionPath(id, ask string) string {
	return p.base + "/dashboard/connections/" + url.PathEscape(id) + "/" + ask
}

// asset returns the path of one of the assets, with the hash that lets browsers keep it for good.
func (p *Pages) asset(name string) (string, error) {
	for _, a := range []*asset.Asset{asset.Stylesheet, asset.DashboardScript, asset.FormScript, asset.Mark} {
		if a.Name == name {
			return p.base + "/assets/" + a.Name + "?v=" + a.Hash, nil
		}
	}
	return "", fmt.Errorf("there is no asset %s", name)
}

// accentPath returns the path of the stylesheet of a tenant's colour, or "" for none or one that is
// no colour.
func (p *Pages) accentPath(colour string) string {
	a, err := asset.ParseAccent(colour)
	if err != nil {
		return ""
	}
	return p.base + "/assets/accent/" + a.Hex() + ".css?v=" + asset.Stylesheet.Hash
}
