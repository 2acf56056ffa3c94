package tokenendpoint

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// Endpoint is an app's token endpoint, as one OAuth client sees it. It is immutable and safe for parallel
// use. Each call asks once, within its context's deadline; what the provider or the network does not grant
// is a *[Refusal].
type Endpoint struct {
	oauth     *catalog.OAuth2
	client    connect.OAuthClient
	transport http.RoundTripper
	now       func() time.Time
}

// New returns the endpoint of o for client. transport must guard what it dials; without one every call
// fails. now is the clock of expiries.
func New(o *catalog.OAuth2, client connect.OAuthClient, transport http.RoundTripper, now func() time.Time) *Endpoint {
	if transport == nil {
		transport = noTransport{}
	}
	return &Endpoint{oauth: o, client: client, transport: transport, now: now}
}

// Scope is what client asks o for: its own scopes or else the app's, as the provider joins them.
func Scope(o *catalog.OAuth2, client connect.OAuthClient) string {
	scopes := client.Scopes
	if len(scopes) == 0 {
		scopes = o.Scopes
	}
	return strings.Join(scopes, cmp.Or(o.ScopeSeparator, " "))
}

// OwnClient is the OAuth client that the end user of a client-credentials app entered; incomplete where fields lack it.
func OwnClient(fields []vending.Field) (c connect.OAuthClient) {
	for _, f := range fields {
		switch f.Name {
		case catalog.ClientID:
			c.ID = f.Value
		case catalog.ClientSecret:
			c.Secret = vending.NewSecret(f.Value)
		}
	}
	return c
}

// Redeem exchanges an authorization code (RFC 6749, section 4.1.3). verifier is the zero Secret where no
// code challenge was sent. whole is the answer as JSON: what else it says may have its use.
func (e *Endpoint) Redeem(ctx context.Context, code, redirectURI string, verifier vending.Secret) (v connect.GrantValues, whole vending.Secret, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if !verifier.IsZero() {
		form.Set("code_verifier", verifier.Reveal())
	}
	return e.converse(ctx, connect.GrantValues{}, form, code, verifier.Reveal())
}

// Refresh obtains a new access token (RFC 6749, section 6). What the answer does not say stays as held has it.
func (e *Endpoint) Refresh(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {held.RefreshToken}}
	next, _, err := e.converse(ctx, held, form, held.RefreshToken, held.AccessToken)
	return next, err
}

// ClientCredentials obtains an access token for the client itself (RFC 6749, section 4.4). What the answer
// does not say stays as held has it; a refresh token, which none should send, is dropped.
func (e *Endpoint) ClientCredentials(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope := Scope(e.oauth, e.client); scope != "" { // the library would join by a space
		form.Set("scope", scope)
	}
	next, _, err := e.converse(ctx, held, form, held.AccessToken)
	next.RefreshToken = ""
	return next, err
}

// authStyle is never oauth2's auto-detection: that sends the refresh token a second time after a
// refusal, which a provider that detects reuse takes for theft.
func authStyle(o *catalog.OAuth2) oauth2.AuthStyle {
	if o.ClientAuth == "header" {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// converse calls the endpoint once. secrets are what was sent, beside the client's own.
//
// The library's client-credentials request is the one that takes a grant type and parameters of all kinds.
func (e *Endpoint) converse(ctx context.Context, held connect.GrantValues, form url.Values, secrets ...string) (v connect.GrantValues, whole vending.Secret, err error) {
	asked := e.now()
	w := &wire{next: e.transport}
	var answer *said
	w.read = func(contentType string, body []byte) []byte {
		answer = read(contentType, body, e.oauth.Answer, held.AccessToken != "" || held.RefreshToken != "", asked)
		return answer.rendered()
	}
	config := clientcredentials.Config{TokenURL: e.oauth.TokenURL, AuthStyle: authStyle(e.oauth), EndpointParams: form}
	config.ClientID, config.ClientSecret = e.client.ID, e.client.Secret.Reveal()
	if name := e.oauth.ClientIDParam; name != "" {
		form.Set(name, e.client.ID)
		config.ClientID = ""
	}
	for name, value := range e.oauth.TokenParams {
		form.Set(name, value)
	}
	_, err = config.Token(context.WithValue(ctx, oauth2.HTTPClient, w.client()))
	if err != nil {
		return connect.GrantValues{}, vending.Secret{}, e.refusal(w, answer, err, append(secrets, e.client.Secret.Reveal()))
	}
	held.AccessToken = answer.accessToken
	held.Expiry = expiry(answer.lifetime, asked, e.oauth)
	held.RefreshToken = cmp.Or(answer.refreshToken, held.RefreshToken)
	held.TokenType = cmp.Or(answer.tokenType, held.TokenType)
	held.Scope = cmp.Or(answer.scope, held.Scope)
	return held, vending.NewSecret(string(answer.whole)), nil
}

// expiry counts from before the call, so that a slow answer makes no token look younger than it is.
// Where the answer says nothing the catalog's lifetime stands in, and zero
// means that the token does not expire as far as is known.
func expiry(lifetime time.Duration, asked time.Time, o *catalog.OAuth2) time.Time {
	if lifetime <= 0 {
		lifetime = time.Duration(o.TokenLifetime) * time.Second
	}
	if lifetime <= 0 {
		return time.Time{}
	}
	return asked.Add(lifetime)
}
