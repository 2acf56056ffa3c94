package catalog

import (
	"slices"
	"strings"
	"testing"
)

// TestFactsOfKeyPlaces: where SDKs put a key beside the placement, and who says so.
func TestFactsOfKeyPlaces(t *testing.T) {
	apps := embedded(t)
	for slug, c := range map[string]struct{ headers, query, source string }{
		"supabase-project": {"", "apikey", "@supabase/realtime-js, RealtimeClient.endpointURL"},
		"salesforce": {"X-SFDC-Session", "oauth_token",
			"jsforce 3.10.16, lib/api/bulk.js; lib/connection.js, identity"},
		"woocommerce": {"",
			"consumer_key consumer_secret oauth_consumer_key oauth_nonce oauth_signature oauth_signature_method " +
				"oauth_timestamp oauth_version",
			"@woocommerce/woocommerce-rest-api 1.0.2: queryStringAuth, and OAuth 1 where the URL is plain http"},
		"gitlab": {"PRIVATE-TOKEN JOB-TOKEN", "private_token access_token job_token",
			"@gitbeaker/core 43.8.0; docs.gitlab.com/api/rest/authentication"},
		"gmail": {"X-Goog-Api-Key", "key access_token oauth_token",
			"googleapis-common, apirequest; the discovery document's parameters"},
		"gemini":           {"", "key access_token oauth_token", "@google/genai, live sessions"},
		"facebook":         {"", "access_token", "facebook-nodejs-business-sdk 24.0.1, src/api.js"},
		"whatsapp-cloud":   {"", "access_token", "developers.facebook.com/docs/graph-api"},
		"algolia":          {"", "x-algolia-api-key", "@algolia/client-common, createAuth: WithinQueryParameters"},
		"hubspot":          {"", "hapikey", "@hubspot/api-client 13.5.0, codegen/*/auth/auth.js"},
		"hume":             {"", "api_key", "hume 0.16.0, core/websocket/ws.js"},
		"pipedrive":        {"x-api-token", "api_token", "pipedrive 33.7.0"},
		"podio":            {"", "oauth_token", "podio-js 1.6.1, lib/transport"},
		"figma":            {"X-Figma-Token", "", "figma-js"},
		"cloudflare":       {"X-Auth-Key X-Auth-User-Service-Key", "", "cloudflare 7.3.0, client.js"},
		"postmark":         {"X-Postmark-Account-Token", "", "postmark 5.1.0, AccountClient"},
		"pushbullet-oauth": {"Access-Token", "", "pushbullet 3.0.0"},
		"slack":            {"", "token", "docs.slack.dev/apis/web-api"},
	} {
		k := apps[slug].KeyPlaces
		if k == nil || c.source == "" {
			t.Errorf("%s has no key places", slug)
			continue
		}
		if !slices.Equal(k.Headers, strings.Fields(c.headers)) || !slices.Equal(k.Query, strings.Fields(c.query)) {
			t.Errorf("%s has %v, want %+v", slug, *k, c)
		}
	}
}

// TestKeyPlacesOfGoogle: any of Google's libraries may send a key in any of these.
func TestKeyPlacesOfGoogle(t *testing.T) {
	for _, app := range embeddedApps(t) {
		if !strings.Contains(app.Upstream, ".googleapis.com") {
			continue
		}
		placed := app.Placement
		if placed == nil {
			placed = &Placement{}
		}
		for _, name := range []string{"key", "access_token", "oauth_token"} {
			if _, ok := placed.Query[name]; !ok && (app.KeyPlaces == nil || !slices.Contains(app.KeyPlaces.Query, name)) {
				t.Errorf("%s does not declare the query parameter %s", app.Slug, name)
			}
		}
		if !setsHeader(placed.Header, "X-Goog-Api-Key") &&
			(app.KeyPlaces == nil || !slices.Contains(app.KeyPlaces.Headers, "X-Goog-Api-Key")) {
			t.Errorf("%s does not declare X-Goog-Api-Key", app.Slug)
		}
	}
}

// TestKeyPlacesAreNoPlacement: what the placement fills is read anyway.
func TestKeyPlacesAreNoPlacement(t *testing.T) {
	for _, app := range embeddedApps(t) {
		if app.KeyPlaces == nil || app.Placement == nil {
			continue
		}
		for _, name := range app.KeyPlaces.Headers {
			if setsHeader(app.Placement.Header, name) {
				t.Errorf("%s: the placement sets %s", app.Slug, name)
			}
		}
		for _, name := range app.KeyPlaces.Query {
			if _, ok := app.Placement.Query[name]; ok {
				t.Errorf("%s: the placement sets %s", app.Slug, name)
			}
		}
	}
}
