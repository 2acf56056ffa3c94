package tokenendpoint

import (
	"encoding/json"
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
	consentNames     = []string{"authorization", "grant", "consent", "session"}
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

// grantEnded reports whether an answer that refuses says that the grant has ended: by a code that the
// app's entry or anyone is known to use, or by a description. own are the entry's texts. code is
// the one to log, or empty.
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

// firstCode is the first code that is no number.
func (r *errorText) firstCode() string {
	i := slices.IndexFunc(r.codes, func(code string) bool { return !isNumber(code) })
	if i < 0 {
		return ""
	}
	return r.codes[i]
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
	return has("token") && has(endedWords...) || has("user") && has(userGoneWords...) || has(consentNames...) && has(consentEndedWords...)
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

// errorText is what a refusal says in its many members, in lower case and bounded.
type errorText struct {
	// codes are short names and numbers.
	codes []string
	// texts are descriptions.
	texts []string
	// records are the elements of lists with their values joined, and texts with the field they are
	// of.
	records []string
}

// The bounds of what is read of a refusal.
const (
	maxTexts    = 16
	maxTextRead = 1 << 10 // bytes of each
	maxDepth    = 2       // of objects in the answer
)

// The members in which providers say what went wrong, the standard's own first: `status` is
// HubSpot's and Google's, `type` and `error_subcode` Meta's, `reason` Zoom's, `errortype` Fitbit's,
// `errorcode` Autodesk's and Smartsheet's, `errorid` Yahoo's, `error_name` Stack Exchange's.
var (
	codeMembers = []string{
		"error", "status", "code", "error_code", "errorcode", "errorid", "error_id", "error_name", "errortype", "error_type",
		"type",
		"error_subcode", "errcode",
	}
	textMembers = []string{
		"error_description", "errordescription", "message", "error_message", "errormessage", "error_msg", "errmsg", "msg",
		"description",
		"detail", "details", "reason", "hint", "developermessage", "localizedmessage", "title", "err", "faultstring",
	}
	// innerMembers are those whose value may be an object or a list with more of them: `fault` and
	// its `detail` are Apigee's, `data` is TikTok's, `meta` Instagram's.
	innerMembers = []string{"error", "errors", "fault", "detail", "details", "data", "meta"}
)

// errorText collects what m and the object that holds the token say, in themselves and in innerMembers.
func (m jsonObject) errorText(token jsonObject) (r errorText) {
	r.addObject(m, maxDepth)
	r.addObject(token, maxDepth)
	return r
}

// plainErrorText is words for an answer that is a line of text, or a list of objects.
func plainErrorText(contentType string, body []byte) (r errorText) {
	if list := []byte(`{"errors":` + string(body) + `}`); json.Valid(list) { // a list alone, as Salesforce's API answers
		var m jsonObject
		_ = json.Unmarshal(list, &m)
		return m.errorText(nil)
	}
	text := strings.TrimSpace(string(body))
	if len(text) <= maxTextRead && !strings.HasPrefix(text, "{") && !strings.Contains(contentType, "html") {
		r.addText(text)
	}
	return r
}

// addObject reads an object, and what is in it down to a depth.
func (r *errorText) addObject(m jsonObject, depth int) {
	lower := make(jsonObject, len(m))
	for name, raw := range m {
		lower[strings.ToLower(name)] = raw
	}
	for _, name := range codeMembers {
		if code := lower.scalar(name); code != "" && len(r.codes) < maxTexts {
			r.codes = append(r.codes, strings.ToLower(code))
		}
	}
	for _, name := range textMembers {
		if text := lower.scalar(name); text != "" && len(r.texts) < maxTexts {
			r.texts = append(r.texts, strings.ToLower(text))
		}
	}
	for _, name := range innerMembers {
		if depth > 0 {
			r.addNested(lower[name], depth-1)
		}
	}
	r.addFieldErrors(lower["errors"])
}

// addNested reads a member that may be an object or a list of objects and texts.
func (r *errorText) addNested(raw json.RawMessage, depth int) {
	var inner jsonObject
	if json.Unmarshal(raw, &inner) == nil {
		r.addObject(inner, depth)
		return
	}
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // what is no list has no elements
	for _, raw := range list[:min(len(list), maxTexts)] {
		var inner jsonObject
		var text string
		switch {
		case json.Unmarshal(raw, &text) == nil:
			r.addText(text)
		case json.Unmarshal(raw, &inner) == nil:
			r.addObject(inner, depth)
			r.records = append(r.records, inner.joinScalars())
		}
	}
}

// addFieldErrors reads what frameworks say of a form: `errors` is a text, or has texts by field.
func (r *errorText) addFieldErrors(raw json.RawMessage) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		r.addText(text)
	}
	var fields jsonObject
	_ = json.Unmarshal(raw, &fields) // what is no object has no fields
	for _, name := range sortedNames(fields) {
		var texts []string
		_ = json.Unmarshal(fields[name], &texts)
		for _, text := range texts[:min(len(texts), maxTexts)] {
			r.records = append(r.records, strings.ToLower(name+" "+text[:min(len(text), maxTextRead)]))
		}
	}
}

// addText reads a text that has no name, which may be a code.
func (r *errorText) addText(text string) {
	text = strings.ToLower(strings.TrimSpace(text[:min(len(text), maxTextRead)]))
	r.texts = append(r.texts, text)
	if len(text) <= maxCode && !strings.ContainsAny(text, " \t\n=&<") {
		r.codes = append(r.codes, text)
	}
}

// scalar returns a member that is a string or a number, or "".
func (m jsonObject) scalar(name string) string {
	text := m.text(name)
	if raw := string(m[name]); text == "" && isNumber(raw) {
		text = raw
	}
	return text[:min(len(text), maxTextRead)]
}

// joinScalars are the strings of an object, in the order of their names.
func (m jsonObject) joinScalars() string {
	var all []string
	for _, name := range sortedNames(m) {
		if text := m.scalar(name); text != "" {
			all = append(all, text)
		}
	}
	return strings.ToLower(strings.Join(all, " "))
}

func sortedNames(m jsonObject) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), maxTexts)]
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
