package catalog

import (
	"slices"
	"strings"
	"testing"
)

// oauthFacts are what entries had wrong, by the provider's own page of today.
var oauthFacts = map[string]struct {
	holds  func(*OAuth2) bool
	source string
}{
	// https://podio.com/oauth/token is the address of old clients; the new one reads JSON alone.
	"podio": {func(o *OAuth2) bool {
		return o.TokenURL == "https://api.podio.com/oauth/token/v2" && o.TokenEncoding == EncodingJSON && o.ClientAuth == ""
	}, "https://developers.podio.com/authentication/server_side"},
	// The body is JSON of these members alone: no code_verifier.
	"notion": {func(o *OAuth2) bool { return o.TokenEncoding == EncodingJSON && o.ClientInHeader() && o.NoPKCE },
		"https://developers.notion.com/reference/create-a-token"},
	// Tokens live for 24 hours, which the answer does not say, and nothing renews them.
	"classlink": {func(o *OAuth2) bool { return o.TokenLifetime == 24*60*60 },
		"https://developer.classlink.com/docs/obtaining-bearer-tokens"},
	"dailymotion": {func(o *OAuth2) bool { return o.AuthorizeURL == "https://api.dailymotion.com/oauth/authorize" },
		"https://developers.dailymotion.com/docs/authenticate-using-authorization-codes"},
	// CompanyFile is the scope of keys from before 12 March 2025. Only the redirect names the company
	// file, and only with prompt=consent.
	"myob": {func(o *OAuth2) bool {
		return slices.Contains(o.Scopes, "sme-company-file") && !slices.Contains(o.Scopes, "CompanyFile") &&
			o.AuthorizeParams["prompt"] == "consent" &&
			slices.Contains(o.Capture, Capture{Field: "business_id", From: "callback", Path: "businessId"})
	},
		"https://apisupport.myob.com/hc/en-us/articles/12861196770447-Retrieving-Company-File-GUIDs-via-MYOB-API-Post-March-2025"},
	"smartsheet": {func(o *OAuth2) bool {
		return o.AuthorizeURL == "https://app.smartsheet.{domain}/b/authorize" &&
			o.TokenURL == "https://api.smartsheet.{domain}/2.0/token"
	}, "https://developers.smartsheet.com/api/smartsheet/guides/advanced-topics/oauth-flow"},
	"threads": {func(o *OAuth2) bool { return o.AuthorizeURL == "https://threads.com/oauth/authorize" },
		"https://developers.facebook.com/docs/threads/get-started/get-access-tokens-and-permissions"},
	"trakt": {func(o *OAuth2) bool {
		return o.AuthorizeURL == "https://auth.trakt.tv/oauth/authorize" && o.TokenURL == "https://auth.trakt.tv/oauth/token"
	}, "https://github.com/trakt/trakt-api/blob/HEAD/projects/openapi/generate.ts"},
	"eve-online": {func(o *OAuth2) bool { return o.AuthorizeURL == "https://login.eveonline.com/v2/oauth/authorize" },
		"https://github.com/esi/esi-docs/blob/HEAD/snippets/sso/authorization-code.py"},
	"bungie": {func(o *OAuth2) bool { return o.TokenURL == "https://www.bungie.net/Platform/App/OAuth/token/" },
		"https://github.com/Bungie-net/api/blob/HEAD/openapi.json"},
	"uber": {func(o *OAuth2) bool {
		return o.AuthorizeURL == "https://auth.uber.com/oauth/v2/authorize" &&
			o.TokenURL == "https://auth.uber.com/oauth/v2/token"
	}, "https://developer.uber.com/docs/riders/guides/authentication/introduction"},
}

func TestFactsOfProviderPages(t *testing.T) {
	all, err := Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for slug, want := range oauthFacts {
		app, ok := all.App(slug)
		switch {
		case !ok || app.OAuth2 == nil || !strings.HasPrefix(want.source, "https://"):
			t.Errorf("%s: no OAuth app, or no source", slug)
		case !want.holds(app.OAuth2):
			t.Errorf("%s: %+v is not what %s says", slug, *app.OAuth2, want.source)
		}
	}
}

// TestInforms: what is only captured is needed by no call, so that connections from before may lack
// it; what calls hold is.
func TestInforms(t *testing.T) {
	apps := embedded(t)
	for slug, want := range map[string]bool{"myob": true, "quickbooks": false, "docusign": false} {
		app := apps[slug]
		i := slices.IndexFunc(app.Fields, func(f Field) bool { return f.From == FromGrant })
		if i < 0 || app.Informs(app.Fields[i]) != want {
			t.Errorf("%s: what comes from the grant only informs: want %t", slug, want)
		}
	}
	if app := apps["myob"]; app.Informs(app.Fields[0]) {
		t.Error("the client's id is no capture")
	}
}
