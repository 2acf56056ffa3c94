package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every valid credential may call these, whatever its scopes: what they refuse with 4xx is wrong.
var conclusiveVerifies = map[string]struct{ endpoint, success, source string }{
	"apollo":        {"/api/v1/auth/health", "is_logged_in=true", "https://docs.apollo.io/docs/test-api-key"},
	"attio-token":   {"/self", "active=true", "https://docs.attio.com/rest-api/endpoint-reference/meta/identify"},
	"clockify":      {"/user", "", "https://docs.clockify.me/"},
	"datadog":       {"/api/v2/validate_keys", "", "https://docs.datadoghq.com/api/latest/authentication/"},
	"gitlab-token":  {"/api/v4/personal_access_tokens/self", "", "https://docs.gitlab.com/api/personal_access_tokens/"},
	"heroku-token":  {"/account/rate-limits", "", "https://devcenter.heroku.com/articles/platform-api-reference"},
	"lemon-squeezy": {"/v1/users/me", "", "https://docs.lemonsqueezy.com/api/users"},
	"miro-token": {"/v1/oauth-token", "",
		"https://developers.miro.com/reference/ne-use-access-token-for-rest-api-requests"},
	"postmark":       {"/server", "", "https://postmarkapp.com/developer/api/server-api"},
	"replicate":      {"/account", "", "https://replicate.com/docs/reference/http#account.get"},
	"searchapi-io":   {"/me", "", "https://www.searchapi.io/docs/account-api"},
	"serpapi":        {"/account.json", "", "https://serpapi.com/account-api"},
	"slack-token":    {"/auth.test", "ok=true", "https://api.slack.com/methods/auth.test"},
	"fireflies":      {"/graphql", "data.user.user_id", "https://docs.fireflies.ai/graphql-api/query/user"},
	"linear-api-key": {"/graphql", "data.viewer.id", "https://linear.app/developers/graphql"},
	"monday-token":   {"/v2", "data.me.id", "https://developer.monday.com/api-reference/reference/me"},
	// A wrong key is answered 200 `{"Code":100,"Error":"USER_NOT_FOUND"}`.
	"moosend": {"/lists.json", "Code=0", "https://docs.moosend.com/developers/api-documentation/en/"},
	// Without a credential, the answer is 200 with a user whose id is null.
	"zendesk-api-token": {"/api/v2/users/me.json", "user.id",
		"https://developer.zendesk.com/api-reference/ticketing/users/users/#show-the-currently-authenticated-user"},
}

func TestFactsOfConclusiveVerifies(t *testing.T) {
	apps := embedded(t)
	for slug, want := range conclusiveVerifies {
		if !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: no source", slug)
		}
		app := apps[slug]
		if app == nil || app.Verify == nil {
			t.Errorf("%s: no verify request", slug)
			continue
		}
		if v := app.Verify; v.Path != want.endpoint || v.Success != want.success || v.Inconclusive || len(v.Wrong) != 0 {
			t.Errorf("%s: %+v, want %s %s", slug, *v, want.endpoint, want.success)
		}
	}
}

// tokenAccounts are the members that name the account in the answers of token endpoints.
var tokenAccounts = map[string]struct{ member, source string }{
	"notion": {"workspace_name", "https://developers.notion.com/reference/create-a-token"},
	"slack": {"team.name",
		"https://docs.slack.dev/tools/node-slack-sdk/reference/web-api/type-aliases/OauthV2AccessResponse"},
}

// accountMembers are those that name the account in the answers to verify requests.
var accountMembers = map[string]struct{ member, source string }{
	"digitalocean-token": {"account.email", "https://docs.digitalocean.com/reference/pydo/reference/account/get/"},
	"figma-token":        {"email", "https://developers.figma.com/docs/rest-api/users-types"},
	"github-token":       {"login", "https://octokit.rest/GET/user"},
	"hugging-face":       {"name", "https://huggingface.co/docs/huggingface.js/hub/interfaces/WhoAmIUser"},
	"replicate":          {"username", "https://sdks.replicate.com/resources/account/methods/get"},
	"slack-token":        {"team", "https://api.slack.com/methods/auth.test/test"},
	"telegram-bot":       {"result.username", "https://bump.sh/joscha-goetzer/doc/botapi/operation/operation-post-getme"},
}

func TestFactsOfAccounts(t *testing.T) {
	apps := embedded(t)
	for slug, want := range accountMembers {
		if v := apps[slug].Verify; v == nil || v.Account != want.member || !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: %+v, want the account in %s", slug, v, want.member)
		}
	}
	for slug, want := range tokenAccounts {
		if o := apps[slug].OAuth2; o == nil || o.Account != want.member || !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: %+v, want the account in %s", slug, o, want.member)
		}
	}
	for slug, app := range apps {
		if app.OAuth2 != nil && app.OAuth2.Account != "" && tokenAccounts[slug].source == "" {
			t.Errorf("%s: no source for its account", slug)
		}
		if app.Verify != nil && app.Verify.Account != "" && accountMembers[slug].source == "" {
			t.Errorf("%s: no source for its account", slug)
		}
	}
}

// A right credential may be answered 4xx here, but not by the statuses that are listed, and the
// requests are such that no other mistake can be in them.
var inconclusiveVerifies = map[string]struct {
	endpoint string
	success  string
	wrong    []int
	source   string
}{
	// 403 "Invalid Application-ID or API key"; 404 is a secured key, which the service has no
	// record of.
	"algolia": {"/1/keys/{api_key}", "", []int{403}, "https://www.algolia.com/doc/rest-api/search/get-api-key"},
	// 403 is both, by ActiveCampaign's list of statuses, but every user may ask who they are.
	"activecampaign": {"/users/me", "", []int{403}, "https://developers.activecampaign.com/reference/http-status-codes"},
	// 422 SUBSCRIPTION_TOKEN_INVALID.
	"brave-search": {"/web/search?q=test&count=1", "", []int{422}, "https://github.com/nearai/ironclaw/issues/2780"},
	// 400 API_KEY_INVALID; 403 is a key that is not for this API.
	"google-translate": {"/language/translate/v2/languages", "", []int{400},
		"https://cloud.google.com/docs/authentication/api-keys"},
	"youtube-data-api-key": {"/youtube/v3/i18nLanguages?part=snippet", "", []int{400},
		"https://developers.google.com/youtube/v3/docs/errors"},
	// A wrong token is answered 203, with a page to sign in at.
	"azure-devops": {"/_apis/projects?api-version=7.0", "count", nil,
		"https://learn.microsoft.com/en-us/rest/api/azure/devops/core/projects/list"},
	// A user of type `anonymous`, who has no accountId, where a site lets everybody in; 403 without
	// access to Confluence.
	"confluence-api-token": {"/wiki/rest/api/user/current", "accountId", nil,
		"https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-users/"},
	// 401 to tokens that belong to an account at /user/tokens/verify, though they are right.
	"cloudflare": {"/zones?per_page=5", "", nil, "https://github.com/cloudflare/cloudflare-docs/issues/29486"},
	// 403 is a private app that may not read its account.
	"hubspot-token": {"/account-info/v3/details", "", nil,
		"https://developers.hubspot.com/docs/api-reference/account-account-info-v3/guide"},
	// The root of /rest/v1/ is for secret keys alone.
	"supabase-project": {"/auth/v1/settings", "", nil, "https://github.com/supabase/supabase/pull/45462"},
	// 403 is a key or an account whose permissions or plan do not allow this.
	"close":          {"/me/", "", nil, "https://developer.close.com/topics/http-response-codes/"},
	"line-bot":       {"/v2/bot/info", "", nil, "https://developers.line.biz/en/reference/messaging-api/#status-codes"},
	"supabase-token": {"/v1/projects", "", nil, "https://supabase.com/docs/reference/api/introduction"},
	"twilio":         {"/2010-04-01/Accounts/{account_sid}.json", "", nil, "https://www.twilio.com/docs/api/errors/20008"},
	// 400 FAILED_PRECONDITION is a region without the API, 403 a key that is not for it; a wrong
	// one is 400 API_KEY_INVALID.
	"gemini": {"/v1beta/models?pageSize=1", "", nil,
		"https://ai.google.dev/gemini-api/docs/troubleshooting"},
	"blogger-api-key": {"/v3/blogs/2399953", "", nil, "https://cloud.google.com/docs/authentication/api-keys"},
	"google-books": {"/books/v1/volumes?q=test&maxResults=1", "", nil,
		"https://cloud.google.com/docs/authentication/api-keys"},
	"google-text-to-speech": {"/v1/voices", "", nil, "https://cloud.google.com/docs/authentication/api-keys"},
	// 403 is an address or an organization that may not, or the token of an installation; a wrong
	// one is 401.
	"anthropic": {"/v1/models?limit=1", "", nil, "https://docs.anthropic.com/en/api/errors"},
	"github-token": {"/user", "", nil,
		"https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api"},
	"groq": {"/openai/v1/models", "", nil, "https://console.groq.com/docs/errors"},
	"jira-api-token": {"/rest/api/3/myself", "", nil,
		"https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/"},
	// 403 is a token without the scope; a wrong one is 401.
	"calendly-token": {"/users/me", "", nil, "https://developer.calendly.com/api-docs"},
	"workos":         {"/organizations?limit=1", "", nil, "https://workos.com/docs/reference/authentication"},
}

func TestFactsOfWhatIsWrong(t *testing.T) {
	apps := embedded(t)
	for slug, want := range inconclusiveVerifies {
		if !strings.HasPrefix(want.source, "https://") {
			t.Errorf("%s: no source", slug)
		}
		app := apps[slug]
		if app == nil || app.Verify == nil {
			t.Errorf("%s: no verify request", slug)
			continue
		}
		v := app.Verify
		if v.Path != want.endpoint || v.Success != want.success || !slices.Equal(v.Wrong, want.wrong) || !v.Inconclusive {
			t.Errorf("%s: %+v, want %+v", slug, *v, want)
		}
	}
}

// What an end user reads has no word about how the app is connected.
func TestShortNames(t *testing.T) {
	for slug, app := range embedded(t) {
		if name := app.CallName(); strings.ContainsAny(name, "()") {
			t.Errorf("%s: people read %q", slug, name)
		}
	}
}

// People must know where to find what they are asked for, at least of what is asked most.
func TestHelpURLs(t *testing.T) {
	apps := embedded(t)
	for _, slug := range []string{
		"activecampaign", "airtable-token", "algolia", "anthropic", "apollo", "asana-token", "attio-token", "brevo",
		"clickup-token", "cloudflare",
		"cohere", "confluence-api-token", "datadog", "deepl", "deepseek", "digitalocean-token", "discord-bot", "elevenlabs",
		"figma-token", "freshdesk",
		"gemini", "github-token", "gitlab-token", "google-maps", "groq", "hubspot-token", "hugging-face", "intercom-token",
		"jira-api-token",
		"klaviyo-api-key", "linear-api-key", "mailchimp-api-key", "mailgun", "mailjet", "mistral", "monday-token",
		"netlify-token", "notion-token",
		"openai", "openrouter", "perplexity", "pipedrive-token", "postmark", "replicate", "resend", "sendgrid",
		"sentry-token", "shopify-token",
		"slack-token", "stripe", "supabase-project", "telegram-bot", "todoist-token", "trello", "twilio", "typeform-token",
		"vercel-token",
		"woocommerce", "wordpress", "xai", "zendesk-api-token",
	} {
		if app := apps[slug]; app == nil || app.HelpURL == "" {
			t.Errorf("%s: no page says where to find the credential", slug)
		}
	}
}

// Forms ask as the provider's own do: where, who, and the secret last.
func TestFieldOrder(t *testing.T) {
	apps := embedded(t)
	for slug, want := range map[string][]string{
		"wordpress": {"host", "username", "application_password"}, "woocommerce": {"host", "consumer_key", "consumer_secret"},
		"jira-api-token": {"site", "email", "api_token"}, "zendesk-api-token": {"subdomain", "email", "api_token"},
		"twilio": {"account_sid", "auth_token"}, "mailjet": {"api_key", "secret_key"},
		"datadog": {"site", "api_key", "app_key"},
		"vtiger":  {"host", "username", "access_key"}, "quickbase": {"realm_hostname", "api_key"},
	} {
		var got []string
		for _, f := range apps[slug].Fields {
			got = append(got, f.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s", slug, fmt.Sprint(got))
		}
	}
}

func embedded(t *testing.T) map[string]*App {
	t.Helper()
	c, err := Embedded("*")
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	apps := make(map[string]*App)
	for _, app := range c.Apps() {
		apps[app.Slug] = app
	}
	return apps
}

// These answer to a right credential that lacks a permission, or credit, as many answer to a wrong
// one. The texts are the providers' own codes.
func TestFactsOfAcceptedFailures(t *testing.T) {
	apps := embedded(t)
	for slug, want := range map[string]struct {
		status       int
		text, source string
	}{
		"elevenlabs":      {401, "missing_permissions", "https://github.com/elevenlabs/cli/pull/126"},
		"resend":          {401, "restricted_api_key", "https://resend.com/docs/api-reference/errors"},
		"atlassian-admin": {401, "INSUFFICIENT_SCOPE", "https://jira.atlassian.com/browse/AX-196"},
		"woocommerce": {401, "does not have read permissions",
			"https://github.com/woocommerce/woocommerce/blob/trunk/plugins/woocommerce/includes/class-wc-rest-authentication.php"},
		"square-token":  {403, "INSUFFICIENT_SCOPES", "https://developer.squareup.com/docs/build-basics/handling-errors"},
		"wrike-token":   {403, "access_forbidden", "https://developers.wrike.com/errors/"},
		"contentful":    {403, "AccessDenied", "https://www.contentful.com/developers/docs/references/errors/"},
		"hubspot-token": {403, "MISSING_SCOPES", "https://developers.hubspot.com/docs/api/error-handling"},
		"figma-token":   {403, "Invalid scope", "https://developers.figma.com/docs/rest-api/errors/"},
		"deepseek":      {402, "", "https://api-docs.deepseek.com/quick_start/error_codes"},
		"openai":        {401, "insufficient permissions for this operation", "https://github.com/openai/codex/issues/19743"},
		"linode":        {401, "not authorized to use this endpoint", "https://github.com/trailofbits/algo/pull/14348"},
		"plausible": {400, "Missing site ID",
			"https://github.com/plausible/analytics/blob/master/lib/plausible_web/plugs/authorize_public_api.ex"},
		// Of an address that the account does not know yet.
		"brevo": {401, "unrecognised IP address", "https://developers.brevo.com/docs/ip-security"},
	} {
		app := apps[slug]
		if app == nil || app.Verify == nil || want.source == "" {
			t.Errorf("%s: no verify request", slug)
			continue
		}
		if v := app.Verify; !v.Accepts(want.status, []byte(`{"x":"`+want.text+`"}`)) || v.Accepts(401, []byte("canary")) ||
			!v.Inconclusive {
			t.Errorf("%s: %+v", slug, *v)
		}
	}
}
