package tokenendpoint

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"
	"time"
)

// tokenResponse is what a token endpoint's answer says, in whatever of the known spellings.
// golang.org/x/oauth2 knows fewer of them, so that it is given what rendered returns.
type tokenResponse struct {
	accessToken, refreshToken, tokenType, scope string
	// lifetime is 0 where the answer says nothing of it, and negative where the token has ended
	// already.
	lifetime time.Duration
	// unreadableExpiry says that the answer speaks of an end that cannot be read, so that lifetime is 0.
	unreadableExpiry bool
	// refused says that the answer is an error, whatever its status, and code which one; it may be
	// empty.
	refused bool
	code    string
	// errorText are what an answer without a token says.
	errorText errorText
	// json is the answer as JSON.
	json []byte
}

// jsonObject are those of a JSON object.
type jsonObject map[string]json.RawMessage

// parseTokenResponse takes an answer apart. The token is in the object called member, or in the answer itself
// where member is empty; where it is optional, too. What cannot be parseTokenResponse says nothing.
func parseTokenResponse(contentType string, body []byte, member string, optional bool, asked time.Time) *tokenResponse {
	s := &tokenResponse{json: body}
	var all jsonObject
	if form := parseForm(contentType, body); form != nil {
		all = form
		s.json, _ = json.Marshal(form) // strings always can be
	} else if err := json.Unmarshal(body, &all); err != nil || all == nil {
		return &tokenResponse{errorText: plainErrorText(contentType, body)}
	}
	s.refused, s.code = all.refusal()
	token := all
	if raw, there := all[member]; member != "" && (there || !optional) {
		token = nil
		_ = json.Unmarshal(raw, &token) // what is no object has no members
	}
	if !s.refused {
		s.refused, s.code = token.refusal()
	}
	var known bool
	if s.lifetime, s.unreadableExpiry, known = token.lifetime(asked); known {
		s.accessToken = token.text("access_token")
	}
	if s.refused || s.accessToken == "" {
		s.errorText = all.errorText(token)
		plain := plainErrorText(contentType, body)
		s.errorText.texts, s.errorText.codes = append(s.errorText.texts, plain.texts...), append(s.errorText.codes, plain.codes...)
	}
	s.refreshToken, s.tokenType, s.scope = token.text("refresh_token"), token.text("token_type"), token.scope()
	return s
}

// parseForm reads an answer that is form-encoded, as GitHub's and Facebook's were; nil if it is not.
func parseForm(contentType string, body []byte) jsonObject {
	media, _, _ := mime.ParseMediaType(contentType)
	if media != "application/x-www-form-urlencoded" && media != "text/plain" ||
		strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		return nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	form := jsonObject{}
	for name := range values {
		form[name], _ = json.Marshal(values.Get(name)) // a string always can be
	}
	return form
}

// text returns a member that is a string, or "".
func (m jsonObject) text(name string) (text string) {
	if json.Unmarshal(m[name], &text) != nil {
		return ""
	}
	return text
}

// refusal reports whether the answer is an error. Some providers say so with status 200, by an
// `error` of any shape or by `ok`.
func (m jsonObject) refusal() (refused bool, code string) {
	code = m.text("error")
	switch string(m["error"]) {
	case "", "null", "false", "0", `""`:
		return string(m["ok"]) == "false", ""
	}
	return true, code
}

// scope joins what is a list; a text stays as it is.
func (m jsonObject) scope() string {
	var list []string
	if json.Unmarshal(m["scope"], &list) == nil {
		return strings.Join(list, " ")
	}
	return m.text("scope")
}

// standardJSON is the answer as RFC 6749, section 5.1, has it. It is an error where it refuses.
func (s *tokenResponse) standardJSON() []byte {
	plain := map[string]string{"access_token": s.accessToken, "token_type": s.tokenType, "refresh_token": s.refreshToken}
	if s.refused {
		plain = map[string]string{"error": "refused"}
	}
	b, _ := json.Marshal(plain) // strings always can be
	return b
}
