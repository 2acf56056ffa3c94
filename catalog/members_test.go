package catalog

import (
	"strings"
	"testing"
)

// TestSDKMembers has a bad value of each member that says how an app's SDKs behave, and what the
// refusal must name.
func TestSDKMembers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*App)
		want   string
	}{
		"label in upper case": {func(a *App) {
			a.HostLabels = map[string]string{"Files": "files.example.com"}
		}, "host_labels"},
		"label with separator": {func(a *App) {
			a.HostLabels = map[string]string{"a--b": "files.example.com"}
		}, "host_labels"},
		"label ends in hyphen": {func(a *App) {
			a.HostLabels = map[string]string{"a-": "files.example.com"}
		}, "host_labels"},
		"label too long": {func(a *App) {
			a.HostLabels = map[string]string{strings.Repeat("a", 60): "files.example.com"}
		}, "63"},
		"label of another host": {func(a *App) {
			a.HostLabels = map[string]string{"files": "other.example.com"}
		}, "extra_hosts"},
		"labels of one host": {func(a *App) {
			a.HostLabels = map[string]string{"files": "files.example.com", "more": "files.example.com"}
		}, "two labels"},
		"label of short slug": {func(a *App) {
			a.Slug, a.HostLabels = "ac", map[string]string{"files": "files.example.com"}
		}, "reserved"},
		"slug with separator": {func(a *App) { a.Slug = "acme--files" }, "single hyphens"},
		"slug begins badly":   {func(a *App) { a.Slug = "-acme" }, "single hyphens"},
		"slug ends badly":     {func(a *App) { a.Slug = "acme-" }, "single hyphens"},
		"no key places":       {func(a *App) { a.KeyPlaces = &KeyPlaces{} }, "key_places"},
		"key header no token": {func(a *App) { a.KeyPlaces = &KeyPlaces{Headers: []string{"a b"}} }, "key_places.headers"},
		"key header duplicate": {func(a *App) {
			a.KeyPlaces = &KeyPlaces{Headers: []string{"ApiKey", "apikey"}}
		}, "duplicate"},
		"key query invalid":    {func(a *App) { a.KeyPlaces = &KeyPlaces{Query: []string{"a&b"}} }, "key_places.query"},
		"key query duplicate":  {func(a *App) { a.KeyPlaces = &KeyPlaces{Query: []string{"a", "a"}} }, "duplicate"},
		"no links":             {func(a *App) { a.Links = &Links{} }, "links"},
		"empty link":           {func(a *App) { a.Links = &Links{Members: []string{""}} }, "links.members"},
		"link duplicate":       {func(a *App) { a.Links = &Links{Members: []string{"a", "a"}} }, "duplicate"},
		"link of every app":    {func(a *App) { a.Links = &Links{Headers: []string{"content-location"}} }, "every app"},
		"link ends in a dot":   {func(a *App) { a.Links = &Links{Members: []string{"paging."}} }, "links.members"},
		"redirects unknown":    {func(a *App) { a.Redirects = "yes" }, "refuse, follow or pass"},
		"link header invalid":  {func(a *App) { a.Links = &Links{Headers: []string{"a:b"}} }, "links.headers"},
		"docs without https":   {func(a *App) { a.Docs = "http://example.com" }, "docs"},
		"checked without docs": {func(a *App) { a.Checked = "2026-11-30" }, "docs"},
		"checked no day":       {func(a *App) { a.Docs, a.Checked = "https://example.com/a", "yesterday" }, "checked"},
	} {
		t.Run(name, func(t *testing.T) {
			app := sdkApp()
			c.change(&app)
			if err := app.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check() = %v, want it to name %q", err, c.want)
			}
		})
	}
}

func TestSDKMembersAccepted(t *testing.T) {
	app := sdkApp()
	app.HostLabels = map[string]string{"files": "files.example.com"}
	app.KeyPlaces = &KeyPlaces{Headers: []string{"apikey"}, Query: []string{"access_token"}}
	app.Links = &Links{Members: []string{"@odata.nextLink", "paging.next"}, Headers: []string{"X-Upload-URL"}}
	app.Docs, app.Checked = "https://developers.example.com/auth", "2026-11-30"
	if err := app.Check(); err != nil {
		t.Errorf("Check() = %v, want none", err)
	}
}

func sdkApp() App {
	return App{
		Slug: "acme", Name: "Acme", AuthType: "api_key", Upstream: "https://api.example.com",
		ExtraHosts: []string{"files.example.com"},
		Fields:     []Field{{Name: "api_key", Secret: true}},
		Placement:  &Placement{Header: map[string]string{"Authorization": "Bearer {api_key}"}},
	}
}

func TestHostName(t *testing.T) {
	app := sdkApp()
	app.HostLabels = map[string]string{"files": "files.example.com"}
	for label, want := range map[string]string{"": "acme.gw.example.com", "files": "acme--files.gw.example.com"} {
		if name, ok := app.HostName(label, "gw.example.com"); name != want || !ok {
			t.Errorf("label %q: %s, %t; want %s", label, name, ok, want)
		}
	}
	if label, ok := app.LabelOf("files.example.com"); label != "files" || !ok {
		t.Errorf("the label is %q, %t", label, ok)
	}
	if label, ok := app.LabelOf("api.example.com"); ok {
		t.Errorf("another host has the label %q", label)
	}
	app.Slug = strings.Repeat("a", 64)
	if name, ok := app.HostName("", "gw.example.com"); ok {
		t.Errorf("a slug of 64 bytes has the host name %s", name)
	}
}
