package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// token is what `POST /connections/{id}/token` answers, in both shapes (guide, section 8).
type token struct {
	AuthType    vending.AuthType `json:"auth_type"`
	AccessToken string           `json:"access_token"`
	TokenType   string           `json:"token_type"`
	ExpiresIn   json.RawMessage  `json:"expires_in"`
	Fields      fields           `json:"fields"`
}

// What is wrong with a token answer. None of them repeats a byte of it.
var (
	errAuthType = errors.New("the auth_type is none of the Platform API's")
	errNoToken  = errors.New("the access_token is missing or empty")
	errNoFields = errors.New("the fields are missing or empty")
	errShadowed = errors.New("the fields repeat the token")
	errExpired  = errors.New("the expires_in is not positive")
	errExpiry   = errors.New("the expires_in is no number")
)

// token asks for a credential of app. A connection that is gone is forgotten.
func (s *Source) token(ctx context.Context, c *call, app string) (vending.Credential, error) {
	// The lifetime counts from before the call: an expiry too early costs a vend, one too late
	// an upstream 401.
	asked := time.Now()
	body, err := s.do(ctx, c, http.MethodPost, "/token")
	if err != nil {
		if gone(err) {
			s.apps.Remove(c.connectionKey)
		}
		return vending.Credential{}, err
	}
	t, err := decode[token](body)
	if err != nil {
		return vending.Credential{}, unavailable("reading the credential", err)
	}
	cred, err := t.credential(app, asked)
	if err != nil {
		return vending.Credential{}, unavailable("reading the credential", err)
	}
	return cred, nil
}

// gone reports whether err says that there is no such connection.
func gone(err error) bool {
	var e *vending.Error
	return errors.As(err, &e) && e.Code.Status() == http.StatusNotFound
}

// credential refuses every answer that would leave the upstream request without a credential.
func (t *token) credential(app string, asked time.Time) (vending.Credential, error) {
	expiry, err := parseExpiry(t.ExpiresIn, asked)
	if err != nil {
		return vending.Credential{}, err
	}
	if !t.AuthType.Valid() {
		return vending.Credential{}, errAuthType
	}
	if t.AuthType != vending.OAuth {
		if t.Fields.blank() {
			return vending.Credential{}, errNoFields
		}
		cred := vending.NewFields(app, t.AuthType, t.Fields)
		cred.Expiry = expiry
		return cred, nil
	}
	if strings.TrimSpace(t.AccessToken) == "" {
		return vending.Credential{}, errNoToken
	}
	if t.Fields.has(vending.AccessToken) || t.Fields.has(vending.TokenType) {
		return vending.Credential{}, errShadowed
	}
	return vending.NewOAuth(app, t.AccessToken, t.TokenType, expiry, t.Fields...), nil
}

// maxLifetime keeps a lifetime within what time.Duration can hold; 292 years is its end.
const maxLifetime = 100 * 365 * 24 * time.Hour

// parseExpiry reads `expires_in`, in seconds from asked: null or absent is unknown (zero), else
// it is a number or its text. What is not positive would be a token that has already expired.
func parseExpiry(raw json.RawMessage, asked time.Time) (time.Time, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return time.Time{}, nil
	}
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return time.Time{}, errExpiry
		}
		raw = json.RawMessage(text)
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return time.Time{}, errExpiry
	}
	if seconds <= 0 {
		return time.Time{}, errExpired
	}
	lifetime := min(seconds, maxLifetime.Seconds()) * float64(time.Second)
	return asked.Add(time.Duration(lifetime)), nil
}
