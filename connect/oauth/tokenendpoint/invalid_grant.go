package tokenendpoint

import (
	"slices"
	"strings"
)

// endedCodes are error codes by which providers say that a refresh token will never work again, in
// lower case, each with who says so.
var endedCodes = []string{
	"invalid_grant",         // RFC 6749, section 5.2
	"bad_refresh_token",     // GitHub with status 200; HubSpot in `status` and without `error`
	"bad_verification_code", // GitHub, of a code
	"invalid_refresh_token", // Slack, oauth.v2.access
	"token_revoked",         // Slack
	"token_expired",         // Slack
	"account_inactive",      // Slack, of a deleted user or workspace
	"invalid_code",          // Zoho with status 200 (schmorrison/Zoho#18)
	"expired_token",         // RFC 8628, section 3.5; Baidu
	"invalid_token",         // Spring Security OAuth, InvalidTokenException: the request has no other token
	"bad_token",             // Entra, as MSAL's InteractionRequiredAuthErrorCodes has it
	"interaction_required",  // OpenID Connect Core, section 3.1.2.6, and Entra; so are the next two
	"login_required",
	"consent_required",
	"inactive_user", // Salesforce, "OAuth 2.0 authorization errors"; so is the next
	"inactive_org",
	"session_not_found", // Supabase Auth's error codes; so is the next
	"session_expired",
}

// otherCodes are about something else, whatever the description says of a refresh token
// (RFC 6749, section 5.2; GitHub's incorrect_client_credentials, Salesforce's invalid_client_id).
var otherCodes = []string{
	"invalid_client", "invalid_client_id", "invalid_client_secret", "incorrect_client_credentials",
	"unsupported_grant_type", "invalid_scope", "redirect_uri_mismatch", "slow_down",
}

// endedTexts are descriptions that decide where the code does not, as in `unauthorized_client`,
// which alone means the OAuth client, in lower case and by who writes them.
var endedTexts = []string{
	"token was already used",                 // Gitea, 400 unauthorized_client: superseded
	"grant does not exist",                   // Gitea
	"value passed for the token was invalid", // X, 400 invalid_request
	"expired access/refresh token",           // Salesforce
	"inactive user",                          // Salesforce
	"unknown basecamp id",                    // 37signals, 401 without JSON members of OAuth (basecamp/bc-api#247)
	"token has been expired or revoked",      // Google
	"user has revoked",                       // LinkedIn and others
	"revoked by the user",                    // LinkedIn
	// league/oauth2-server in `hint`, behind invalid_request before its version 9
	"token has been revoked",
	"session not active", "token is not active", // Keycloak
	"session not found", // Better Auth, 400 invalid_request (better-auth/better-auth#8103)
}

// endedWords make a text that names the token, which is the only one in the request, say that it
// has ended: Atlassian's and Bitbucket's "refresh_token is invalid", Gitea's "unable to parse
// refresh token", Twitch's "Invalid refresh token", Intuit's "Refresh token not found", Zoom's
// "Invalid Token!", Strava's RefreshToken … invalid.
var endedWords = []string{
	"invalid", "not valid", "no longer", "expired", "revoked", "not found", "unknown", "not exist", "unable to parse",
	"already used", "already been used", "was used", "reused", "superseded", "inactive", "not active", "incorrect",
	"disabled",
	"requires an active", // Shopify, 401 invalid_request
	"cannot decrypt",     // league/oauth2-server in `hint`, as amoCRM has it (thephpleague/oauth2-server#880)
}

// goneWords do so with the user, and overWords with what the user gave.
var (
	userGoneWords = []string{
		"deleted", "deactivated", "disabled", "inactive", "not active", "not exist", "not found", "removed", "blocked",
		"suspended",
	}
	consentEndedWords = []string{"revoked", "expired", "withdrawn"}
	consentNames      = []string{"authorization", "grant", "consent", "session"}
)

// notEndedWords make such a text speak of the request or the client.
var notEndedWords = []string{
	"missing", "is required", "are required", "grant type", "not supported", "unsupported", "not allowed",
	"not enabled", "client secret", "client id", "client assertion", "client credentials", "too many", "rate limit",
}

// clientWords do so where the text does not name the refresh token, or it is of what is in between.
var clientWords = []string{
	"client", "secret", "endpoint", "token type", "scope", "redirect", "code", "certificate", "request",
	"application", "this app ", "the app ", "ip address", "csrf", "route", "path", "cannot post", "quota",
}

// grantEnded reports whether an answer that refuses says that the grant has ended: by a code that
// the app's entry or anyone is known to use, or by a description. own are the entry's texts. code
// is the one to log, or empty.
func (r *errorText) grantEnded(own []string) (code string, grantEnded bool) {
	for _, text := range own {
		spelled := strings.ToLower(text)
		if i := slices.Index(r.codes, spelled); i >= 0 {
			return r.codes[i], true
		}
		if slices.ContainsFunc(r.texts, func(t string) bool { return strings.Contains(t, spelled) }) {
			return r.firstCode(), true
		}
	}
	known := func(list []string) int {
		return slices.IndexFunc(r.codes, func(code string) bool {
			code, _, _ = strings.Cut(code, ":") // "invalid_grant: Token is expired" (ccpgames/sso-issues#54)
			return slices.ContainsFunc(list, func(one string) bool { return foldCode(one) == foldCode(code) })
		})
	}
	if i := known(endedCodes); i >= 0 {
		return r.codes[i], true
	}
	if known(otherCodes) >= 0 {
		return "", false
	}
	grantEnded = slices.ContainsFunc(r.texts, endsGrant) ||
		slices.ContainsFunc(slices.Concat(r.codes, r.records), endsRefreshToken)
	return r.firstCode(), grantEnded
}

// limitWords say that the client asks too often: Exact Online's 400 access_denied "Rate limit
// exceeded" (websmurf/laravel-exact-online#31), Zoho's "too many requests continuously".
var limitWords = []string{"rate limit", "ratelimit", "too many requests", "slow down"}

// rateLimited reports whether an answer asks to wait, whatever its status.
func (r *errorText) rateLimited() bool {
	return slices.ContainsFunc(slices.Concat(r.codes, r.texts), func(text string) bool {
		return slices.ContainsFunc(limitWords, func(word string) bool { return strings.Contains(splitWords(text), word) })
	})
}

// endsGrant reads one description, in lower case.
func endsGrant(text string) bool {
	knows := func(known string) bool { return strings.Contains(text, known) }
	if slices.ContainsFunc(endedTexts, knows) || endsRefreshToken(text) {
		return true
	}
	text = splitWords(text)
	has := func(words ...string) bool { return slices.ContainsFunc(words, knows) }
	if has(notEndedWords...) || has(clientWords...) {
		return false
	}
	return has("token") && has(endedWords...) || has("user") && has(userGoneWords...) || has(consentNames...) &&
		has(consentEndedWords...)
}

// endsRefreshToken reads a description or a code that names the refresh token, in lower case.
func endsRefreshToken(text string) bool {
	text = splitWords(text)
	has := func(word string) bool { return strings.Contains(text, word) }
	return has("refresh token") && slices.ContainsFunc(endedWords, has) && !slices.ContainsFunc(notEndedWords, has)
}

func splitWords(text string) string {
	return strings.NewReplacer("_", " ", "-", " ", "refreshtoken", "refresh token").Replace(text)
}

// foldCode makes one of the spellings of a code: InvalidGrant, INVALID-GRANT, invalid_grant.
func foldCode(code string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(code))
}
