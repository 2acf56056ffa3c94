package catalog

import (
	"net/http"
	"strings"
	"testing"
)

// TestEmbeddedRefusals has an answer of each provider whose entry says by what it refuses a
// credential, where it is seen or documented, and one of the same status that means something else.
func TestEmbeddedRefusals(t *testing.T) {
	apps, err := Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		slug    string
		status  int
		header  string // of the refusal, name and value
		refusal string
		other   string
		source  string
	}{
		{"salesforce", 403, "", `Bad_OAuth_Token`, `[{"errorCode":"INSUFFICIENT_ACCESS"}]`, "jsforce/jsforce#736"},
		{"salesforce-sandbox", 403, "", `Bad_OAuth_Token`, `[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]`, "jsforce/jsforce#736"},
		{"power-bi", 403, "",
			`{"error":{"code":"TokenExpired","message":"Access token has expired, resubmit with a new access token"}}`,
			`{"error":{"code":"PowerBINotAuthorizedException"}}`, "And-Rochaa/n8n-nodes-powerbi#7"},
		{"jira-api-token", 200, "X-Seraph-LoginReason AUTHENTICATED_FAILED", `{}`, `{}`, "MrRefactoring/jira.js#418"},
		{"jira-api-token", 404, "X-Seraph-LoginReason AUTHENTICATED_FAILED", `{}`,
			`{"errorMessages":["Issue does not exist"]}`, "MrRefactoring/jira.js#418"},
		{"figma", 403, "", `{"status":403,"err":"Token expired"}`,
			`{"status":403,"err":"Invalid scope(s): current_user:read"}`,
			"figma/code-connect#303; api.figma.com/v1/me without a token"},
		{"figma-token", 403, "", `{"status":403,"err":"Invalid token"}`, `{"status":403,"err":"Forbidden"}`,
			"api.figma.com/v1/me without a token"},
		{"vercel", 403, "", `{"error":{"code":"forbidden","message":"Not authorized","invalidToken":true}}`,
			`{"error":{"code":"forbidden","message":"You don't have permission to create the project."}}`,
			"dyad-sh/dyad#4175; api.vercel.com/v9/projects with an expired token"},
		{"vercel-token", 403, "", `{"error":{"code":"forbidden","message":"Not authorized","invalidToken":true}}`,
			`{"error":{"code":"forbidden"}}`, "as vercel"},
		{"algolia", 403, "", `{"message":"Invalid Application-ID or API key","status":403}`,
			`{"message":"Method not allowed with this API key","status":403}`, "algolia/docsearch#1261"},
		{"xai", 400, "",
			`{"code":"invalid-argument","error":"Incorrect API key provided: na***ys. You can obtain an API key from ` +
				`https://console.x.ai."}`, `{"error":"max_tokens"}`, "continuedev/continue#10778"},
		{"aws-s3", 403, "", `<Error><Code>InvalidAccessKeyId</Code>`, `<Error><Code>AccessDenied</Code>`,
			"docs.aws.amazon.com, AmazonS3/latest/API/ErrorResponses"},
		{"aws-s3", 400, "", `<Error><Code>ExpiredToken</Code>`, `<Error><Code>MalformedXML</Code>`,
			"docs.aws.amazon.com, AmazonS3/latest/API/ErrorResponses"},
		{"aws-ses", 403, "", `{"__type":"ExpiredTokenException"}`, `{"__type":"AccessDeniedException"}`,
			"docs.aws.amazon.com, Common Errors"},
		{"threads", 400, "", `{"error":{"message":"x","type":"OAuthException","code":190,"fbtrace_id":"y"}}`,
			`{"error":{"type":"OAuthException","code":100}}`,
			"developers.facebook.com, graph-api/guides/error-handling; sixoverground/instagram_graph_api#3"},
		{"whatsapp-cloud", 400, "", `{"error":{"type":"OAuthException","code":190}}`,
			`{"error":{"type":"OAuthException","code":131030}}`, "developers.facebook.com, graph-api/guides/error-handling"},
		{"azure-devops", 203, "", `<!DOCTYPE html>`, ``, "microsoft/azure-devops-auth-samples#52"},
		{"arcgis", 498, "", ``, ``, "developers.arcgis.com, arcgis-rest-js/error-handling"},
		{"arcgis", 200, "", `{"error":{"code":498,"message":"Invalid token.","details":[]}}`, `{"error":{"code":400}}`,
			"gist.github.com/glenhallworthreadify/c9c377720de165103a73b06afa0a151b"},
		{"slack", 200, "", `{"ok":false,"error":"token_expired"}`, `{"ok":false,"error":"missing_scope"}`,
			"slackapi/python-slack-sdk#302"},
		{"slack-token", 200, "", `{"ok":false,"error":"invalid_auth"}`, `{"ok":true,"text":"\"error\":\"invalid_auth\""}`,
			"slackapi/python-slack-sdk#302"},
		{"cloudflare", 400, "",
			`{"success":false,"errors":[{"code":6003,"message":"Invalid request ` +
				`headers","error_chain":[{"code":6111,"message":"Invalid format for Authorization header"}]}]}`,
			`{"errors":[{"code":1001}]}`, "Ultimate-Multisite/ultimate-multisite#73"},
		{"stack-exchange", 400, "", `{"error_id":402,"error_message":"expired","error_name":"invalid_access_token"}`,
			`{"error_id":400,"error_name":"bad_parameter"}`, "api.stackexchange.com/docs/error-handling"},
		{"pushover", 400, "",
			`{"token":"invalid","errors":["application token is invalid, see https://pushover.net/api"],"status":0}`,
			`{"errors":["message cannot be blank"],"status":0}`, "pushover.net/api"},
		{"ipstack", 200, "", `{"success":false,"error":{"code":101,"type":"invalid_access_key"}}`,
			`{"success":false,"error":{"code":104}}`, "apilayer.com, error codes"},
		{"aviationstack", 200, "", `{"error":{"code":"invalid_access_key"}}`, `{"error":{"code":"usage_limit_reached"}}`,
			"apilayer.com, error codes"},
		{"plaid", 400, "",
			`{"error_type":"INVALID_INPUT","error_code":"INVALID_API_KEYS","error_message":"invalid client_id or secret ` +
				`provided"}`, `{"error_type":"INVALID_INPUT","error_code":"INVALID_PRODUCT"}`,
			"plaid.com/docs/errors/invalid-input"},
		{"gemini", 400, "",
			`{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}`, `{"error":{"code":400,"status":"INVALID_ARGUMENT"}}`, "micr0-dev/lexido#54"},
		{"google-books", 400, "",
			`{"error":{"errors":[{"domain":"usageLimits","reason":"keyInvalid","message":"Bad Request"}],"code":400}}`,
			`{"error":{"errors":[{"reason":"invalid"}]}}`, "google-api-python-client, tests/data/bad_request.json"},
		{"google-maps", 400, "", `{"error":{"details":[{"reason":"API_KEY_INVALID"}]}}`,
			`{"error":{"status":"INVALID_ARGUMENT"}}`, "as gemini: one reason for all of googleapis.com"},
	} {
		app, ok := apps.App(c.slug)
		if !ok {
			t.Fatalf("no app %s", c.slug)
		}
		h := http.Header{}
		if name, value, ok := strings.Cut(c.header, " "); ok {
			h.Set(name, value)
		}
		if !app.RefusesCredential(c.status, h, []byte(c.refusal)) {
			t.Errorf("%s: %d %s is no refusal (%s)", c.slug, c.status, c.refusal, c.source)
		}
		if c.other != "" && app.RefusesCredential(c.status, http.Header{}, []byte(c.other)) {
			t.Errorf("%s: %d %s is a refusal (%s)", c.slug, c.status, c.other, c.source)
		}
		seen[c.slug] = true
	}
	for _, app := range apps.Apps() {
		google := app.RefusesCredential(400, nil, []byte("API_KEY_INVALID"))
		if len(app.Refused) > 0 && !seen[app.Slug] && !google {
			t.Errorf("%s: no answer here shows what its entry calls a refusal", app.Slug)
		}
	}
}
