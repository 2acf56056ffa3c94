package tokenendpoint

import (
	"encoding/json"
	"mime"
	"net/url"
	"strings"
	"time"
)

// tokenResponse is what a token endpoint sent, in any of the known spellings.
// golang.org/x/oauth2 knows fewer of them, so that it is given what rendered returns.
type tokenResponse struct {
	accessToken, refreshToken, tokenType, scope string
	// lifetime is 0 where the response has none, and negative where the token has already expired.
	lifetime time.Duration
	// unreadableExpiry says that the response has an expiry in an unknown format, so lifetime is 0.
	unreadableExpiry bool
	// refused says that the response is an error, whatever its status, and code which one; it may
	// be empty.
	refused bool
	code    string
	// errorText is what a response without a token says.
	errorText errorText
	// json is the response as JSON.
	json []byte
}

// jsonObject has the members of a JSON object.
type jsonObject map[string]json.RawMessage

// parseTokenResponse reads a response. The token is in the object called member, or in the response
// itself where member is empty, or is missing and optional. What cannot be read is left out.
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
		_ = json.Unmarshal(raw, &token) // anything but an object has no members
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
		s.errorText.texts, s.errorText.codes = append(s.errorText.texts, plain.texts...), append(s.errorText.codes,
			plain.codes...)
	}
	s.refreshToken, s.tokenType, s.scope = token.text("refresh_token"), token.text("token_type"), token.scope()
	return s
}

// parseForm reads an answer that is form-encoded, as GitHub's and Facebook's were; nil if it is
// not.
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

// standardJSON is the response in the format of RFC 6749, section 5.1, or an error.
func (s *tokenResponse) standardJSON() []byte {
	plain := map[string]string{"access_token": s.accessToken, "token_type": s.tokenType, "refresh_token": s.refreshToken}
	if s.refused {
		plain = map[string]string{"error": "refused"}
	}
	b, _ := json.Marshal(plain) // strings always can be
	return b
}
