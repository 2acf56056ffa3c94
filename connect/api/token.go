package api

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// tokenAnswer and fieldsAnswer are what the token call answers; expires_in is null where the expiry
// is unknown.
type tokenAnswer struct {
	AccessToken string           `json:"access_token"`
	TokenType   string           `json:"token_type"`
	ExpiresIn   *int64           `json:"expires_in"`
	AuthType    vending.AuthType `json:"auth_type"`
	// Fields are those that the app needs besides the token, such as the account's host.
	Fields map[string]string `json:"fields,omitempty"`
}

type fieldsAnswer struct {
	AuthType  vending.AuthType  `json:"auth_type"`
	Fields    map[string]string `json:"fields"`
	ExpiresIn *int64            `json:"expires_in"`
}

func (a *API) vendToken(c *Call) error {
	cred, err := a.o.Source.Vend(c.R.Context(), vending.Request{
		Tenant: c.Caller.Tenant.ID, User: c.Caller.User, Connection: c.Params["id"], HandOut: true,
	})
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, "credential vended", a.reveal(cred))
	return nil
}

func (a *API) reveal(cred vending.Credential) any {
	if cred.AuthType == vending.OAuth {
		token, _ := cred.Field(vending.AccessToken)
		tokenType, _ := cred.Field(vending.TokenType)
		return tokenAnswer{token, tokenType, a.expiresIn(cred.Expiry), vending.OAuth, namedFields(cred)}
	}
	return fieldsAnswer{AuthType: cred.AuthType, Fields: namedFields(cred)}
}

// namedFields are cred's values but for the token itself and those that it withholds. An OAuth app
// has some where its host depends on the account, and another gateway in front of this one needs
// them.
func namedFields(cred vending.Credential) map[string]string {
	fields := make(map[string]string)
	for name, value := range cred.Fields() {
		if !cred.Withholds(name) && name != vending.AccessToken && name != vending.TokenType {
			fields[name] = value
		}
	}
	return fields
}

// expiresIn rounds down: a token must not be thought to live longer than it does.
func (a *API) expiresIn(expiry time.Time) *int64 {
	if expiry.IsZero() {
		return nil
	}
	seconds := max(0, int64(expiry.Sub(a.o.Now())/time.Second))
	return &seconds
}
