package tokenendpoint

import (
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
)

// TestEnded has the answers by which providers say that a grant has ended, and those that look like
// them. source is where an answer is seen or documented.
func TestEnded(t *testing.T) {
	text := map[string]string{"Content-Type": "text/plain"}
	for name, c := range map[string]struct {
		answer answer
		ended  bool
		code   string
		source string
	}{
		"Atlassian": {
			answer{403, `{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`, nil}, true,
			"unauthorized_client", "raycast/extensions#11836"},
		"Atlassian, in words": {
			answer{403, `{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}`, nil}, true,
			"invalid_grant", "developer.atlassian.com, OAuth 2.0 (3LO) apps"},
		"HubSpot": {
			answer{400, `{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token","correlationId":"c"}`, nil},
			true, "bad_refresh_token", "airbytehq/airbyte#79592"},
		"Entra, a second factor": {
			answer{400,
				`{"error":"interaction_required","error_description":"AADSTS50076: ` +
					`…","error_codes":[50076],"suberror":"basic_action"}`, nil}, true, "interaction_required",
			"learn.microsoft.com, reference-error-codes"},
		"Entra, consent": {answer{400, `{"error":"consent_required"}`, nil}, true, "consent_required",
			"MSAL, InteractionRequiredAuthErrorCodes"},
		"Entra, corrupted": {answer{400, `{"error":"bad_token"}`, nil}, true, "bad_token",
			"MSAL, InteractionRequiredAuthErrorCodes"},
		"Gitea, expired": {
			answer{400, `{"error":"unauthorized_client","error_description":"unable to parse refresh token"}`, nil}, true,
			"unauthorized_client", "go-gitea/gitea, routers/web/auth/oauth2_provider.go"},
		"Gitea, superseded": {
			answer{400, `{"error":"unauthorized_client","error_description":"token was already used"}`, nil}, true,
			"unauthorized_client", "go-gitea/gitea, routers/web/auth/oauth2_provider.go"},
		"GitHub": {
			answer{200, `error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect+or+expired.`,
				map[string]string{"Content-Type": form}}, true, "bad_refresh_token", "docs.github.com"},
		"Zoho": {answer{200, `{"error":"invalid_code"}`, nil}, true, "invalid_code",
			"schmorrison/Zoho#18"},
		"Strava": {
			answer{400,
				`{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}`, nil},
			true, "invalid", "dreeveapp/dreeve#1449"},
		"Twitch": {
			answer{400, `{"error":"Bad Request","status":400,"message":"Invalid refresh token"}`, nil}, true, "BadRequest",
			"dev.twitch.tv, Refreshing Access Tokens"},
		"X": {
			answer{400, `{"error":"invalid_request","error_description":"Value passed for the token was invalid."}`, nil}, true,
			"invalid_request", "plhery/node-twitter-api-v2#496, for a code"},
		"league/oauth2-server": {
			answer{401,
				`{"error":"invalid_request","error_description":"The refresh token is invalid.","hint":"Token has been revoked"}`,
				nil}, true, "invalid_request", "thephpleague/oauth2-server#993"},
		"Spring Security OAuth": {
			answer{401, `{"error":"invalid_token","error_description":"Invalid refresh token (expired): x"}`, nil}, true,
			"invalid_token", "spring-attic/spring-security-oauth#1009"},
		"37signals": {answer{401, `Unknown Basecamp ID.`, text}, true, "", "basecamp/bc-api#247"},
		"errors in a list": {
			answer{400, `{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid: x"}],"success":false}`, nil},
			true, "invalid_grant", "dev.fitbit.com"},
		"an object": {answer{400, `{"error":{"code":"TOKEN_EXPIRED","message":"x"}}`, nil}, true,
			"token_expired", "a relative"},
		"a code in words": {answer{400, `{"error":"refresh_token_revoked"}`, nil}, true,
			"refresh_token_revoked", "a relative"},
		"another case and member": {answer{400, `{"ErrorCode":"X1","ErrorDescription":"RefreshToken has EXPIRED"}`,
			nil}, true, "x1", "a relative"},
		"200 without error": {answer{200, `{"errcode":42002,"errmsg":"refresh_token expired"}`, nil}, true, "",
			"developers.weixin.qq.com"},
		"Zoom": {answer{401, `{"reason":"Invalid Token!","error":"invalid_request"}`, nil}, true,
			"invalid_request", "iamfatness/CoreVideo#196"},
		"Withings": {answer{200, `{"status":503,"error":"Invalid Params: invalid refresh_token"}`, nil},
			true, "InvalidParams:invalidrefresh_token", "a relative"},
		"another spelling": {answer{400, `{"error":"InvalidGrant"}`, nil}, true, "InvalidGrant", "a relative"},
		"a list": {answer{400, `[{"errorCode":"INVALID_GRANT","message":"x"}]`, nil}, true,
			"invalid_grant", "a relative"},
		"the consent": {
			answer{400, `{"error":"access_denied","error_description":"The user's authorization was revoked."}`, nil}, true,
			"access_denied", "a relative"},
		"the user": {answer{403, `{"error":"access_denied","message":"User has been deactivated"}`, nil},
			true, "access_denied", "a relative"},
		"a code expired": {
			answer{400, `{"error":"invalid_request","error_description":"The authorization code has expired"}`, nil}, false,
			"invalid_request", "a relative"},
		"a scope, in words": {
			answer{400, `{"error":"invalid_request","error_description":"Invalid scope for this token"}`, nil}, false,
			"invalid_request", "a relative"},
		"the client's secret, in words": {
			answer{400, `{"error":"unauthorized_client","error_description":"Client secret is expired"}`, nil}, false,
			"unauthorized_client", "a relative"},
		"the client is disabled": {
			answer{400,
				`{"error":"unauthorized_client","error_description":"The client is disabled, token not issued: invalid"}`, nil},
			false, "unauthorized_client", "a relative"},
		"an entry's code": {answer{400, `{"error":{"type":"OAuthException","code":190,"message":"canary"}}`,
			nil}, true, "190", "developers.facebook.com, error-handling"},
		"an entry's text": {
			answer{400, `{"error":"invalid_request","error_description":"Your grant was Withdrawn yesterday"}`, nil}, true,
			"invalid_request", "the entry"},
		"the client": {answer{400, `{"error":"unauthorized_client"}`, nil}, false, "unauthorized_client",
			"RFC 6749, section 5.2"},
		"the client, in words": {
			answer{400,
				`{"error":"unauthorized_client","error_description":"The client is not allowed to use the grant type ` +
					`refresh_token, which is invalid for it"}`, nil}, false, "unauthorized_client", "a relative"},
		"the secret": {
			answer{401, `{"error":"invalid_client","error_description":"Client secret expired, refresh token invalid"}`, nil},
			false, "invalid_client", "RFC 6749, section 5.2"},
		"no refresh token arrived": {
			answer{400, `{"error":"invalid_request","error_description":"Missing required parameter: refresh_token is invalid"}`,
				nil}, false, "invalid_request", "a relative"},
		"an unknown grant type": {
			answer{400, `{"error":"unsupported_grant_type","error_description":"refresh_token is invalid"}`, nil}, false,
			"unsupported_grant_type", "RFC 6749, section 5.2"},
		"Strava, the client": {
			answer{400, `{"message":"Bad Request","errors":[{"resource":"Application","field":"client_id","code":"invalid"}]}`,
				nil}, false, "", "dreeveapp/dreeve#372"},
		"a scope": {
			answer{400, `{"error":"invalid_scope","error_description":"refresh token has expired"}`, nil}, false,
			"invalid_scope", "RFC 6749, section 5.2"},
		"a malformed request": {
			answer{400, `{"error":"invalid_request","error_description":"Invalid token request"}`, nil}, false,
			"invalid_request", "a relative"},
		"EVE, a code with its text": {answer{400, `{"error":"invalid_grant: Token is unknown."}`, nil}, true,
			"invalid_grant:Tokenisunknown.", "ccpgames/sso-issues#54"},
		"Better Auth": {answer{400, `{"error":"invalid_request","error_description":"session not found"}`,
			nil}, true, "invalid_request", "better-auth/better-auth#8103"},
		"amoCRM": {
			answer{401,
				`{"hint":"Token has been ` +
					`revoked","title":"x","type":"https://developers.amocrm.ru/v3/errors/OAuthProblemJson","status":401}`, nil}, true,
			"https://developers.amocrm.ru/v3/errors/oauthproblemjson", "amocrm/amocrm-api-php#315"},
		"amoCRM, corrupted": {answer{401, `{"hint":"Cannot decrypt the refresh token","title":"x","status":401}`,
			nil}, true, "", "thephpleague/oauth2-server#880"},
		"Apigee": {
			answer{401,
				`{"fault":{"faultstring":"Refresh Token ` +
					`expired","detail":{"errorcode":"keymanagement.service.refresh_token_expired"}}}`, nil}, true,
			"keymanagement.service.refresh_token_expired", "docs.apigee.com, runtime errors of OAuthV2"},
		"Shopify": {
			answer{401, `{"error":"invalid_request","error_description":"This request requires an active refresh_token"}`, nil},
			true, "invalid_request", "shopify.dev, offline access tokens"},
		"Supabase": {
			answer{400, `{"code":400,"error_code":"session_not_found","msg":"Session does not exist"}`, nil}, true,
			"session_not_found", "supabase.com/docs, auth error codes"},
		"Firebase": {
			answer{400, `{"error":{"code":400,"message":"USER_DISABLED","status":"INVALID_ARGUMENT"}}`, nil}, true,
			"invalid_argument", "firebase.google.com, REST API, errors of a refresh"},
		"Auth0, the user": {answer{401, `{"error":"unauthorized","error_description":"user is blocked"}`, nil},
			true, "unauthorized", "auth0.com/docs, blocked users"},
		"TikTok, version 1": {
			answer{200,
				`{"data":{"description":"Refresh token is invalid or has expired","error_code":10010},"message":"error"}`, nil},
			true, "", "developers.tiktok.com, error codes"},
		"texts in a list": {
			answer{401, `{"requestId":"r","errors":["The refresh token is invalid or expired"]}`, nil}, true, "", "a relative"},
		"codes in a list": {answer{401, `{"errors":["INVALID_GRANT"]}`, nil}, true, "invalid_grant",
			"a relative"},
		"one text of errors": {answer{401, `{"errors":"Invalid refresh token"}`, nil}, true, "", "a relative"},
		"errors by field": {
			answer{422, `{"message":"The given data was invalid.","errors":{"refresh_token":["is invalid"]}}`, nil}, true, "",
			"laravel.com/docs, validation"},
		"problem details": {answer{400, `{"type":"about:blank","title":"Invalid refresh token","status":400}`,
			nil}, true, "about:blank", "RFC 9457"},
		"a code alone":          {answer{400, `invalid_grant`, text}, true, "invalid_grant", "a relative"},
		"a code alone, in JSON": {answer{400, `"invalid_grant"`, nil}, true, "invalid_grant", "a relative"},
		"an invalid field": {answer{422,
			`{"errors":{"client_id":["is invalid"],"refresh_token":["is required"]}}`, nil}, false, "", "a relative"},
		"no such route": {answer{404, `{"message":"Route oauth/token not found"}`, nil}, false, "",
			"laravel.com/docs, routing"},
		"no such path": {answer{404, `Cannot POST /oauth/token: not found`, text}, false, "",
			"expressjs.com"},
		"a form's token": {answer{403, `{"message":"CSRF token invalid"}`, nil}, false, "", "a relative"},
		"an address": {
			answer{403, `{"error":"access_denied","message":"Token invalid from this IP address"}`, nil}, false, "access_denied",
			"a relative"},
		"the application": {
			answer{403, `{"error":"unauthorized_client","error_description":"This app has been removed. Invalid token."}`, nil},
			false, "unauthorized_client", "a relative"},
		"unknown": {answer{400, `{"error":"whatever","error_description":"something else is invalid"}`,
			nil}, false, "whatever", ""},
		"a page":    {answer{400, `<p>refresh token expired</p>`, html}, false, "", ""},
		"no member": {answer{400, `[]`, nil}, false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, c.answer, func(o *catalog.OAuth2) { o.Ended = []string{"190", "was withdrawn"} })
			_, err := e.Refresh(t.Context(), held)
			var r *Refusal
			if !errors.As(err, &r) || (r.Class == InvalidGrant) != c.ended || r.Class != InvalidGrant && r.Class != Rejected ||
				r.Code != c.code {
				t.Errorf("%v, class %v; want ended %t and code %q (%s)", err, r.Class, c.ended, c.code, c.source)
			}
		})
	}
}

// TestLimitInWords has answers that ask to wait by another status than 429.
func TestLimitInWords(t *testing.T) {
	for name, body := range map[string]string{
		"Exact Online": `{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}`,
		"Zoho":         `{"error":"Access Denied","error_description":"You have made too many requests continuously."}`,
		"RFC 8628":     `{"error":"slow_down"}`,
		"a code":       `{"errors":[{"code":"TOO_MANY_REQUESTS"}]}`,
	} {
		_, err := start(t, answer{400, body, map[string]string{"Retry-After": "7"}}).Refresh(t.Context(), held)
		var r *Refusal
		if !errors.As(err, &r) || r.Class != RateLimited || r.RetryAfter != 7*time.Second {
			t.Errorf("%s: %v, want a limit", name, err)
		}
	}
}

// TestEndedIsNoOutage: an answer that speaks of a passing trouble ends no grant, whatever it says.
func TestEndedIsNoOutage(t *testing.T) {
	const body = `{"status":"BAD_REFRESH_TOKEN","message":"refresh token is invalid"}`
	for status, class := range map[int]Class{429: RateLimited, 500: Unavailable, 503: Unavailable, 408: Unavailable,
		302: Malformed} {
		_, err := start(t, answer{status, body, nil}).Refresh(t.Context(), held)
		var r *Refusal
		if !errors.As(err, &r) || r.Class != class {
			t.Errorf("%d: %v, want class %v", status, err, class)
		}
	}
}
