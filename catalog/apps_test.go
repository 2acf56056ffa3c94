package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func embeddedApps(t *testing.T) []*App {
	t.Helper()
	c, err := Embedded("*")
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	return c.Apps()
}

func TestEmbeddedAppsPassCheck(t *testing.T) {
	c, err := Embedded("*")
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	for name, lines := range map[string]string{"apps.jsonl": verifiedLines, "community.jsonl": communityLines} {
		apps, err := Parse(strings.NewReader(lines))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.IsSortedFunc(apps, func(a, b App) int { return strings.Compare(a.Slug, b.Slug) }) {
			t.Errorf("%s is not sorted by slug", name)
		}
		for _, app := range apps {
			if err := app.Check(); err != nil {
				t.Error(err)
			}
			if got, ok := c.App(app.Slug); !ok || got.Upstream != app.Upstream || got.Community != (name == "community.jsonl") {
				t.Errorf("%s: %s is not the app of that slug: written twice?", name, app.Slug)
			}
		}
	}
}

// secretLabel is how a label ends that asks for a secret.
var secretLabel = regexp.MustCompile(`(?i)(^|or |api |app )(key|token|password|secret)$`)

// TestNoOpenFieldAsksForASecret: what is not marked secret is shown to all who may read the
// connection.
func TestNoOpenFieldAsksForASecret(t *testing.T) {
	for _, app := range embeddedApps(t) {
		for _, f := range app.Fields {
			label, _, _ := strings.Cut(f.Label, " (")
			if !f.Secret && f.From != FromClient && secretLabel.MatchString(label) {
				t.Errorf("%s: %s (%s) may be a secret, and is not marked so", app.Slug, f.Name, f.Label)
			}
		}
	}
}

// What only an operator may decide, and what a form needs to be shown, is beyond Check.
func TestEmbeddedAppsAreFitForAll(t *testing.T) {
	for _, app := range embeddedApps(t) {
		if app.AllowHTTP || app.AllowPrivate != nil || app.Icon != "" {
			t.Errorf("%s lifts a guard", app.Slug)
		}
		if app.Name == "" || len(app.Categories) == 0 {
			t.Errorf("%s lacks a name or a category", app.Slug)
		}
		if !app.CanAuthorize() {
			t.Errorf("%s cannot be authorized", app.Slug)
		}
		for _, f := range app.Fields {
			if f.Label == "" {
				t.Errorf("%s: field %s lacks a label", app.Slug, f.Name)
			}
		}
	}
}

// Every field whose name sounds like a secret is one, but for those that providers call public.
func TestEmbeddedFieldsAreSecret(t *testing.T) {
	public := []string{"access_key_id", "key_id"}
	others := []string{"stack-exchange key", "teamwork username"} // a public key; a name or a key
	for _, app := range embeddedApps(t) {
		for _, f := range app.Fields {
			sounds := slices.ContainsFunc([]string{"key", "secret", "token", "password", "passphrase"}, func(word string) bool {
				return strings.Contains(f.Name, word)
			})
			if want := sounds && !slices.Contains(public, f.Name); f.Secret != want &&
				!slices.Contains(others, app.Slug+" "+f.Name) {
				t.Errorf("%s: field %s: secret is %v, want %v", app.Slug, f.Name, f.Secret, want)
			}
		}
	}
}

// describe writes down where an app's requests and its credential go.
func describe(a *App) string {
	lines := []string{a.AuthType + " " + a.Upstream}
	if p := a.Placement; p != nil {
		for _, name := range slices.Sorted(maps.Keys(p.Header)) {
			lines = append(lines, name+": "+p.Header[name])
		}
		for _, key := range slices.Sorted(maps.Keys(p.Query)) {
			lines = append(lines, "?"+key+"="+p.Query[key])
		}
		if p.Basic != nil {
			lines = append(lines, "basic "+p.Basic.Username+":"+p.Basic.Password)
		}
		for _, prefix := range p.Prefixes() {
			lines = append(lines, "prefix "+prefix.Template)
		}
	}
	if s := a.Sign; s != nil {
		lines = append(lines, fmt.Sprintf("sign %+v", *s))
	}
	if v := a.Verify; v != nil {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("verify %s %s %s", v.Method, v.Path, v.Body)))
	}
	return strings.Join(lines, "\n")
}

func TestFactsOfPlacement(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	for slug, want := range map[string]string{
		"gmail":     "o_auth https://gmail.googleapis.com\nverify  /gmail/v1/users/me/profile",
		"slack":     "o_auth https://slack.com/api\nAuthorization: Bearer {access_token}",
		"openai":    "api_key https://api.openai.com/v1\nAuthorization: Bearer {api_key}\nverify  /models",
		"anthropic": "api_key https://api.anthropic.com\nX-Api-Key: {api_key}\nverify  /v1/models?limit=1",
		"stripe":    "api_key https://api.stripe.com\nAuthorization: Bearer {api_key}\nverify  /v1/account",
		"trello":    "api_key https://api.trello.com/1\n?key={api_key}\n?token={token}\nverify  /members/me",
		"zendesk-api-token": "basic https://{subdomain}.zendesk.com\nbasic {email}/token:{api_token}\nverify  " +
			"/api/v2/users/me.json",
		"jira-api-token": "basic https://{site}.atlassian.net\nbasic {email}:{api_token}\nverify  /rest/api/3/myself",
		"shopify-token": "api_key https://{shop}.myshopify.com\nX-Shopify-Access-Token: {api_key}\nverify  " +
			"/admin/oauth/access_scopes.json",
		"twilio": "basic https://api.twilio.com\nbasic {account_sid}:{auth_token}\nverify  " +
			"/2010-04-01/Accounts/{account_sid}.json",
		"mailgun":           "api_key https://{api_host}\nbasic api:{api_key}\nverify  /v3/domains?limit=1",
		"mailchimp-api-key": "api_key https://{dc}.api.mailchimp.com/3.0\nbasic vendgate:{api_key}\nverify  /ping",
		"telegram-bot":      "api_key https://api.telegram.org\nprefix /file/bot{token}\nprefix /bot{token}\nverify  /getMe",
		"discord-bot":       "api_key https://discord.com/api\nAuthorization: Bot {api_key}\nverify  /v10/users/@me",
		"openweathermap":    "api_key https://api.openweathermap.org\n?appid={api_key}\nverify  /data/2.5/weather?q=London",
		"google-maps":       "api_key https://maps.googleapis.com\n?key={api_key}",
		"salesforce":        "o_auth https://{instance}.my.salesforce.com\nverify  /services/data/v62.0/",
		"linear":            "o_auth https://api.linear.app\nverify POST /graphql {{\"query\":\"{{ viewer {{ id }} }}\"}}",
		"cal-com-api-key":   "api_key https://api.cal.com/v2\nAuthorization: Bearer {api_key}\nverify  /me",
		"plaid": "api_key https://{environment}.plaid.com\nPLAID-CLIENT-ID: {client_id}\nPLAID-SECRET: " +
			"{secret}\nverify POST /institutions/get {{\"count\":1,\"offset\":0,\"country_codes\":[\"US\"]}}",
		"circleci": "api_key https://circleci.com/api\nAuthorization: Bearer {api_key}\nCircle-Token: " +
			"{api_key}\nverify  /v2/me",
		"launchdarkly": "api_key https://{api_host}\nAuthorization: {api_key}\nverify  /api/v2/caller-identity",
		"snyk": "api_key https://{api_host}\nAuthorization: token {api_key}\nverify  " +
			"/rest/self?version=2024-10-15",
		"fastly": "api_key https://api.fastly.com\nFastly-Key: {api_key}\nverify  /tokens/self",
		"terraform-cloud": "api_key https://app.terraform.io\nAuthorization: Bearer {api_key}\nverify  " +
			"/api/v2/account/details",
		"statuspage": "api_key https://api.statuspage.io/v1\nAuthorization: {api_key}\nverify  /pages",
		"better-stack": "api_key https://uptime.betterstack.com/api\nAuthorization: Bearer {api_key}\nverify  " +
			"/v2/monitors?per_page=1",
		"shortcut":   "api_key https://api.app.shortcut.com\nShortcut-Token: {api_key}\nverify  /api/v3/member",
		"gocardless": "api_key https://{api_host}\nAuthorization: Bearer {api_key}\nverify  /creditors?limit=1",
		"squarespace": "api_key https://api.squarespace.com\nAuthorization: Bearer {api_key}\nverify  " +
			"/1.0/authorization/website",
		"shipengine":       "api_key https://api.shipengine.com\nAPI-Key: {api_key}\nverify  /v1/carriers",
		"mux":              "basic https://api.mux.com\nbasic {token_id}:{token_secret}\nverify  /video/v1/assets?limit=1",
		"omnisend":         "api_key https://api.omnisend.com\nX-API-KEY: {api_key}\nverify  /v5/contacts?limit=1",
		"chartmogul":       "api_key https://api.chartmogul.com\nbasic {api_key}:\nverify  /v1/ping",
		"people-data-labs": "api_key https://api.peopledatalabs.com/v5\nX-Api-Key: {api_key}",
		"planetscale": "api_key https://api.planetscale.com\nAuthorization: {token_id}:{api_key}\nverify  " +
			"/v1/organizations",
		"qualtrics": "api_key https://{datacenter}.qualtrics.com/API/v3\nX-API-TOKEN: {api_key}\nverify  /whoami",
		"jumpcloud": "api_key https://console.{site}/api\nx-api-key: {api_key}\nverify  /systemusers?limit=1",
		"honeycomb": "api_key https://{api_host}\nX-Honeycomb-Team: {api_key}\nverify  /1/auth",
		"google-ads": "o_auth https://googleads.googleapis.com\nAuthorization: Bearer " +
			"{access_token}\ndeveloper-token: {developer_token}\nverify  /v26/customers:listAccessibleCustomers",
		"railway-token": "api_key https://backboard.railway.com\nAuthorization: Bearer {api_key}",
		"aws-s3": "api_key https://s3.{region}.amazonaws.com\n" + fmt.Sprintf("sign %+v", Sign{
			Scheme: "aws_sigv4", Service: "s3", Region: "{region}"}) + "\nverify  /",
		"aws-ses": "api_key https://email.{region}.amazonaws.com\n" + fmt.Sprintf("sign %+v", Sign{
			Scheme: "aws_sigv4", Service: "ses", Region: "{region}"}) + "\nverify  /v2/email/account",
		"coinbase-exchange": "api_key https://api.exchange.coinbase.com\nCB-ACCESS-KEY: {api_key}\nCB-ACCESS-PASSPHRASE: " +
			"{passphrase}\n" + fmt.Sprintf("sign %+v", Sign{
			Scheme: "hmac", Hash: "sha256", Key: "{api_secret}", KeyEncoding: "base64",
			Message: "{timestamp}{method}{path}{body}",
			Header:  "CB-ACCESS-SIGN", Encoding: "base64", TimestampHeader: "CB-ACCESS-TIMESTAMP"}) + "\nverify  /accounts",
	} {
		t.Run(slug, func(t *testing.T) {
			app, ok := c.App(slug)
			if !ok {
				t.Fatal("no such app")
			}
			if got := describe(app); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

var grantFacts = map[string]OAuth2{
	"gmail": {
		AuthorizeURL: "https://accounts.google.com/o/oauth2/v2/auth", TokenURL: "https://oauth2.googleapis.com/token",
		RevokeURL:       "https://oauth2.googleapis.com/revoke",
		Scopes:          []string{"https://www.googleapis.com/auth/gmail.modify"},
		AuthorizeParams: map[string]string{"access_type": "offline", "prompt": "consent"},
	},
	"slack": {
		AuthorizeURL: "https://slack.com/oauth/v2/authorize", TokenURL: "https://slack.com/api/oauth.v2.access",
		Scopes: []string{"channels:read", "channels:history", "groups:read", "users:read", "chat:write"}, ScopeSeparator: ",",
		NoPKCE: true, Account: "team.name",
	},
	"github": {
		AuthorizeURL: "https://github.com/login/oauth/authorize", TokenURL: "https://github.com/login/oauth/access_token",
		Scopes: []string{"repo", "read:user"},
	},
	"notion": {
		AuthorizeURL: "https://api.notion.com/v1/oauth/authorize", TokenURL: "https://api.notion.com/v1/oauth/token",
		ClientAuth: "header", TokenEncoding: "json", NoPKCE: true, Account: "workspace_name",
		AuthorizeParams: map[string]string{"owner": "user"},
	},
	"dropbox": {
		AuthorizeURL: "https://www.dropbox.com/oauth2/authorize", TokenURL: "https://api.dropboxapi.com/oauth2/token",
		Scopes:          []string{"account_info.read", "files.metadata.read", "files.content.read", "files.content.write"},
		AuthorizeParams: map[string]string{"token_access_type": "offline"},
	},
	"microsoft-outlook": {
		AuthorizeURL: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
		TokenURL:     "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		Scopes:       []string{"Mail.ReadWrite", "Mail.Send", "User.Read", "offline_access"},
	},
	"zoom": {
		AuthorizeURL: "https://zoom.us/oauth/authorize", TokenURL: "https://zoom.us/oauth/token",
		RevokeURL: "https://zoom.us/oauth/revoke", ClientAuth: "header",
	},
	"cal-com": { // cal.com/docs/api-reference/v2/oauth
		AuthorizeURL: "https://app.cal.com/auth/oauth2/authorize", TokenURL: "https://api.cal.com/v2/auth/oauth2/token",
		Scopes: []string{"PROFILE_READ", "EVENT_TYPE_READ", "BOOKING_READ", "BOOKING_WRITE"},
	},
	"netsuite": { // docs.oracle.com, ns-online-help, sections 158081944642 and 160855590788
		AuthorizeURL: "https://{account}.app.netsuite.com/app/login/oauth2/authorize.nl",
		TokenURL:     "https://{account}.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token",
		Scopes:       []string{"rest_webservices", "restlets"}, ClientAuth: "header",
	},
	"keap": { // developer.keap.com/getting-started-oauth-keys
		AuthorizeURL: "https://accounts.infusionsoft.com/app/oauth/authorize", TokenURL: "https://api.infusionsoft.com/token",
		Scopes: []string{"full"}, ClientAuth: "header",
	},
	"railway": { // docs.railway.com/integrations/oauth
		AuthorizeURL: "https://backboard.railway.com/oauth/auth", TokenURL: "https://backboard.railway.com/oauth/token",
		ClientAuth:      "header",
		Scopes:          []string{"openid", "email", "profile", "offline_access", "workspace:viewer"},
		AuthorizeParams: map[string]string{"prompt": "consent"},
	},
	"shutterstock": { // shutterstock-api 1.6.0; shutterstock-oauth for the realm
		AuthorizeURL: "https://accounts.shutterstock.com/oauth/authorize",
		TokenURL:     "https://api.shutterstock.com/v2/oauth/access_token",
		Scopes:       []string{"user.view"}, AuthorizeParams: map[string]string{"realm": "customer"},
	},
	"airtable": {
		AuthorizeURL: "https://airtable.com/oauth2/v1/authorize", TokenURL: "https://airtable.com/oauth2/v1/token",
		Scopes: []string{"data.records:read", "data.records:write", "schema.bases:read"}, ClientAuth: "header",
	},
	"linear": {
		AuthorizeURL: "https://linear.app/oauth/authorize", TokenURL: "https://api.linear.app/oauth/token",
		RevokeURL: "https://api.linear.app/oauth/revoke",
		Scopes:    []string{"read", "write"}, ScopeSeparator: ",", AuthorizeParams: map[string]string{"prompt": "consent"},
	},
	"salesforce": {
		AuthorizeURL: "https://login.salesforce.com/services/oauth2/authorize",
		TokenURL:     "https://login.salesforce.com/services/oauth2/token",
		RevokeURL:    "https://login.salesforce.com/services/oauth2/revoke",
		Scopes:       []string{"api", "refresh_token"}, TokenLifetime: 7200,
		Capture: []Capture{{Field: "instance", From: "token", Path: "instance_url",
			Pattern: `^https://([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.my\.salesforce\.com/?$`}},
	},
}

func TestFactsOfOAuth(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	for slug, want := range grantFacts {
		t.Run(slug, func(t *testing.T) {
			app, ok := c.App(slug)
			if !ok {
				t.Fatal("no such app")
			}
			if got, want := fmt.Sprintf("%+v", *app.OAuth2), fmt.Sprintf("%+v", want); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// The failure of these proves nothing: they refuse a right credential that lacks a permission, or
// what they answer is hearsay.
func TestFactsOfInconclusiveVerifies(t *testing.T) {
	c, err := Embedded("*")
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	for _, slug := range []string{"aws-s3", "aws-ses", "coinbase-exchange", "mailgun", "openai", "openweathermap",
		"stripe", "zoom"} {
		if app, ok := c.App(slug); !ok || app.Verify == nil || !app.Verify.Inconclusive {
			t.Errorf("%s: a failure would be taken for a wrong key", slug)
		}
	}
	// Their 200 proves nothing either, because a wrong key gets one.
	for _, slug := range []string{"google-maps", "aviationstack", "ipstack", "slack"} {
		if app, ok := c.App(slug); !ok || app.Verify != nil {
			t.Errorf("%s: any key would be taken for a right one", slug)
		}
	}
}
