package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// token is what `POST /connections/{id}/token` answers, in both shapes (guide, section 8). The
// guide gives it no member that names connection or app; one that is there all the same is read by
// [token.naming].
type token struct {
	AuthType    vending.AuthType `json:"auth_type"`
	AccessToken string           `json:"access_token"`
	TokenType   string           `json:"token_type"`
	ExpiresIn   json.RawMessage  `json:"expires_in"`
	Fields      json.RawMessage  `json:"fields"`
	App         json.RawMessage  `json:"app"`
	AppID       json.RawMessage  `json:"app_id"`
}

const theCredential = "the credential" //nolint:gosec // words

// What is wrong with a token answer. None of them repeats a byte of it.
var (
	errAuthType = errors.New("the auth_type is not one of the Platform API's")
	errKind     = errors.New(
		"the auth_type is not that of the app: the server may mean another app by its name, which an alias corrects")
	errNoToken  = errors.New("the access_token is missing or empty")
	errNoFields = errors.New("the fields hold no value for the app")
	errExpired  = errors.New("the expires_in is not positive")
	errExpiry   = errors.New("the expires_in is not a number")
)

// token asks for a credential and returns when it was asked. A connection that is gone is
// forgotten.
func (s *Source) token(ctx context.Context, c *call) (*token, time.Time, error) {
	// The lifetime counts from before the call: an expiry too early costs a vend, one too late
	// an upstream 401.
	asked := time.Now()
	resp, err := s.do(ctx, c, http.MethodPost, "/token")
	if err != nil {
		return nil, asked, err
	}
	t, err := read[token](ctx, s, c, resp, theCredential)
	if err != nil && gone(err) {
		s.apps.Remove(c.connectionKey)
	}
	return t, asked, err
}

// gone reports whether err says that there is no such connection.
func gone(err error) bool {
	var e *vending.Error
	return errors.As(err, &e) && e.Code.Status() == http.StatusNotFound
}

// naming returns how the answer names the connection's app, if it does in a form that can be read.
func (t *token) naming() (n naming) {
	if json.Unmarshal(t.App, &n.App) != nil {
		n.App = appRef{}
	}
	n.AppID = text(t.AppID)
	return n
}

// credential makes the credential of the app called slug, whose entry may be nil. It refuses every
// answer that would leave the upstream request without a credential.
func (t *token) credential(slug string, app *catalog.App, asked time.Time) (vending.Credential, error) {
	if !t.AuthType.Valid() {
		return vending.Credential{}, foreign(theCredential, errAuthType)
	}
	expiry, err := parseExpiry(t.ExpiresIn, asked)
	if err != nil {
		return vending.Credential{}, unreadable(theCredential, err)
	}
	oauth := t.AuthType == vending.OAuth
	if app != nil && oauth != (app.AuthType == string(vending.OAuth)) {
		return vending.Credential{}, foreign(theCredential, errKind)
	}
	fields, err := readFields(t.Fields, func(name string) bool {
		return name != "" && takes(app, name) && (!oauth || name != vending.AccessToken && name != vending.TokenType)
	})
	switch {
	case err != nil:
		return vending.Credential{}, unreadable(theCredential, err)
	case oauth && strings.TrimSpace(t.AccessToken) == "":
		return vending.Credential{}, unreadable(theCredential, errNoToken)
	case oauth:
		return vending.NewOAuth(slug, t.AccessToken, t.TokenType, expiry, fields...), nil
	case fields.blank() && app != nil && stated(t.Fields):
		return vending.Credential{}, foreign(theCredential, errNoFields)
	case fields.blank():
		return vending.Credential{}, unreadable(theCredential, errNoFields)
	}
	cred := vending.NewFields(slug, t.AuthType, fields)
	cred.Expiry = expiry
	return cred, nil
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
