package asset

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the assets are part of the binary
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed files/style.css
var stylesheet []byte

//go:embed files/dashboard.js
var dashboardScript []byte

//go:embed files/form.js
var formScript []byte

//go:embed files/vendgate-connect.js
var helperScript []byte

//go:embed files/mark.svg
var mark []byte

// The content types of assets.
const (
	CSS        = "text/css; charset=utf-8"
	JavaScript = "text/javascript; charset=utf-8"
	SVG        = "image/svg+xml"
)

// The assets in the binary.
var (
	// Stylesheet dresses every page, in the default accent.
	Stylesheet = New("style.css", CSS, append(DefaultAccent().CSS(), stylesheet...))
	// DashboardScript copies to the clipboard and keeps the budgets fresh. Every page works without
	// it.
	DashboardScript = New("dashboard.js", JavaScript, dashboardScript)
	// FormScript shows and hides secrets as they are entered. The form works without it.
	FormScript = New("form.js", JavaScript, formScript)
	// HelperScript is the browser helper, which tenants load into their own pages.
	HelperScript = New("vendgate-connect.js", JavaScript, helperScript)
	// Mark is the product's own icon.
	Mark = New("mark.svg", SVG, mark)
)

// Asset is a file that pages load.
type Asset struct {
	Name, ContentType string
	Body              []byte
	// Hash is of Body: it makes the ETag and, as the query's `v`, an address that can be kept for
	// good.
	Hash string
	// picture says that Body is an operator's, and that the name of its address holds Hash.
	picture bool
}

// New returns an asset, with its hash.
func New(name, contentType string, body []byte) *Asset {
	sum := sha256.Sum256(body)
	return &Asset{Name: name, ContentType: contentType, Body: body, Hash: hex.EncodeToString(sum[:8])}
}

// extensions are how the names of pictures end, by their content types.
var extensions = map[string]string{"image/png": ".png", SVG: ".svg"}

// NewPicture returns the picture of an app that its operator has: a PNG, or an SVG, which may hold
// anything and so is served for <img> alone.
func NewPicture(slug, contentType string, body []byte) *Asset {
	a := New("", contentType, body)
	a.Name, a.picture = slug+"."+a.Hash+extensions[contentType], true
	return a
}

// policy is what the file may do where it is opened as a page, as an SVG can be.
func (a *Asset) policy() string {
	if a.picture {
		return "default-src 'none'; style-src 'unsafe-inline'; sandbox" // an SVG's styles are inline
	}
	return "default-src 'none'"
}

// ServeHTTP answers with the asset; to GET and HEAD, whole, in ranges or with 304. Assets are
// public and hold nothing of anyone: any page may load them, the tenant's own too.
func (a *Asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.ContentType)
	h.Set("ETag", `"`+a.Hash+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Content-Security-Policy", a.policy())
	if a.picture || r.URL.Query().Get("v") == a.Hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "public, max-age=300")
	}
	http.ServeContent(w, r, a.Name, time.Time{}, bytes.NewReader(a.Body))
}
