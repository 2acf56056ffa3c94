package catalog

import (
	"strings"
	"testing"
)

// Of these, the upstream is not the SDK's default base URL, each with the reason.
var otherBaseURLs = map[string]string{
	"coinbase":              "the API has /api/v3/brokerage beside the SDK's /v2",
	"deepinfra":             "the API has /v1/openai beside the SDK's /v1/inference",
	"fireworks-ai":          "the API has /v1/accounts beside the SDK's /inference/v1",
	"google-books":          "two hosts serve the API, with the same paths",
	"google-search-console": "two hosts serve the API, with the same paths",
	"ipgeolocation":         "the API has several versions",
	"linear":                "the SDK's URL is that of the one GraphQL endpoint",
	"linear-api-key":        "the SDK's URL is that of the one GraphQL endpoint",
	"linkedin":              "the API has /v2 beside the SDK's /rest",
	"monday":                "the SDK's URL is that of the one GraphQL endpoint",
	"monday-token":          "the SDK's URL is that of the one GraphQL endpoint",
	"pipedrive":             "the SDK has /v1 and /api/v2",
	"pipedrive-token":       "the SDK has /v1 and /api/v2",
	"plivo":                 "the API has other paths beside the SDK's /v1/Account",
	"together-ai":           "the SDK has /v1 and /v2",
	"webflow":               "the API has several versions",
	"webflow-token":         "the API has several versions",
	"wordpress-com":         "the API has /wp/v2 and /wpcom/v2 beside the SDK's /rest/v1.1",
	"x-oauth1":              "the SDK has /1.1, /2 and /oauth, and two hosts serve them",
	"xero":                  "the SDK has a base URL for each API below the host",
	"youtube":               "two hosts serve the API, with the same paths",
	"youtube-data-api-key":  "two hosts serve the API, with the same paths",
	"zendesk":               "the API has other paths beside the SDK's /api/v2",
	"zendesk-api-token":     "the API has other paths beside the SDK's /api/v2",
}

// TestUpstreamsAreBaseURLs: an SDK that is led to an app, and nothing else is changed, calls the
// right paths.
func TestUpstreamsAreBaseURLs(t *testing.T) {
	known := 0
	for _, app := range embeddedApps(t) {
		if app.SDK == nil {
			continue
		}
		known++
		same := strings.TrimRight(app.SDK.BaseURL, "/") == strings.TrimRight(app.Upstream, "/")
		if listed := otherBaseURLs[app.Slug] != ""; same == listed {
			t.Errorf("%s: the SDK's base URL is %s, the upstream is %s, and listed as another one: %v", app.Slug,
				app.SDK.BaseURL, app.Upstream, listed)
		}
		if app.SDK.Version == "" && !strings.Contains(app.SDK.Package, ":") {
			t.Errorf("%s: in which version of %s was the base URL read?", app.Slug, app.SDK.Package)
		}
	}
	if known < 200 {
		t.Errorf("only %d apps have an SDK", known)
	}
}

func TestCheckRefusesSDK(t *testing.T) {
	sdk := func(base string) change {
		return func(a *App) { a.Upstream, a.SDK = "https://api.example.com/v1", &SDK{Package: "acme", BaseURL: base} }
	}
	refuse(t, keyed, map[string]refusal{
		"no package": {func(a *App) {
			a.SDK = &SDK{BaseURL: "https://api.example.com"}
		}, `app acme: sdk.package is missing or invalid: write the name of a package, like @notionhq/client`},
		"two packages": {func(a *App) {
			a.SDK = &SDK{Package: "a b", BaseURL: "https://api.example.com"}
		}, `app acme: sdk.package is missing or invalid: write the name of a package, like @notionhq/client`},
		"no URL": {sdk("api.example.com"),
			`app acme: sdk.base_url is not an absolute https URL: write it like https://api.example.com`},
		"a query": {sdk("https://api.example.com/v1?x"),
			`app acme: sdk.base_url holds a placeholder, a query or a fragment after the host: take it out`},
		"above the upstream": {sdk("https://api.example.com"),
			`app acme: sdk.base_url: the upstream ends in /v1, which the SDK appends to its base URL again: take it out of ` +
				`the upstream`},
		"another path": {sdk("https://api.example.com/v10"),
			`app acme: sdk.base_url: the upstream ends in /v1, which the SDK appends to its base URL again: take it out of ` +
				`the upstream`},
		"another host": {sdk("https://other.example.com"),
			`app acme: sdk.base_url: other.example.com is neither the upstream's host nor one of extra_hosts: add it there`},
	})
	for _, base := range []string{"https://api.example.com/v1", "https://api.example.com/v1/rest",
		"https://files.example.com"} {
		app := sdkApp()
		app.Upstream, app.SDK = "https://api.example.com/v1", &SDK{Package: "acme", BaseURL: base}
		if err := app.Check(); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
