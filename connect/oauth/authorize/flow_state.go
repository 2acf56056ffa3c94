package authorize

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

var errMoved = errors.New(
	"the app's oauth client has another address now than when the end user was sent to the provider")

// flowState is what Finish needs to know of Begin. Where the end user was sent is a part of it: a
// code, or a temporary token, must not go to another server because the client was replaced
// meanwhile.
type flowState struct {
	// CodeVerifier is PKCE's (RFC 7636).
	CodeVerifier string `json:"code_verifier,omitempty"`
	// Token and TokenSecret are the temporary credentials of OAuth 1 (RFC 5849, section 2.1).
	Token       string `json:"oauth_token,omitempty"`
	TokenSecret string `json:"oauth_token_secret,omitempty"`
	// ClientAddress has the client's fields that are a part of the provider's address, by name.
	ClientAddress map[string]string `json:"client_address,omitempty"`
}

// seal returns s as Request.FlowState, with the address of client; the zero Secret where there is
// nothing to know.
func (s flowState) seal(app *catalog.App, client connect.OAuthClient) vending.Secret {
	for _, f := range client.AddressFields(app) {
		if s.ClientAddress == nil {
			s.ClientAddress = map[string]string{}
		}
		s.ClientAddress[f.Name] = f.Value
	}
	text, _ := json.Marshal(s) //nolint:gosec // G117: it is sealed; and strings always encode
	if string(text) == "{}" {
		return vending.Secret{}
	}
	return vending.NewSecret(string(text))
}

// unseal reads what seal returned. What cannot be read is empty.
func unseal(secret vending.Secret) (s flowState) {
	text := secret.Reveal()
	if !strings.HasPrefix(text, "{") {
		return unsealForm(text)
	}
	if json.Unmarshal([]byte(text), &s) != nil {
		return flowState{}
	}
	return s
}

// oldAddressPrefix comes before the names of a client's fields in the old form.
const oldAddressPrefix = "at_"

// unsealForm reads what was sealed before flowState was encoded as JSON, so that who is at the
// provider during an upgrade can finish: a code verifier alone, or an encoded form.
func unsealForm(text string) (s flowState) {
	if !strings.ContainsRune(text, '=') { // which no verifier has (RFC 7636, section 4.1)
		return flowState{CodeVerifier: text}
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return flowState{}
	}
	s = flowState{CodeVerifier: values.Get("code_verifier"), Token: values.Get(catalog.OAuthToken),
		TokenSecret: values.Get(catalog.OAuthTokenSecret), ClientAddress: map[string]string{}}
	for name := range values {
		if field, ok := strings.CutPrefix(name, oldAddressPrefix); ok {
			s.ClientAddress[field] = values.Get(name)
		}
	}
	return s
}

// verifier is the PKCE code verifier; or the zero Secret if the flow has no PKCE.
func (s flowState) verifier() vending.Secret {
	if s.CodeVerifier == "" {
		return vending.Secret{}
	}
	return vending.NewSecret(s.CodeVerifier)
}

// checkAddress refuses a client that has another address than when the flow began.
func (s flowState) checkAddress(app *catalog.App, client connect.OAuthClient) error {
	var began []vending.Field
	for _, name := range app.AddressFields() {
		began = append(began, vending.Field{Name: name, Value: s.ClientAddress[name]})
	}
	if client.Moved(app, began) {
		return newError(app, Error{Kind: WrongIssuer, Err: errMoved})
	}
	return nil
}
