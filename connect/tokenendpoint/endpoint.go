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
// code challenge was sent.
func (e *Endpoint) Redeem(ctx context.Context, code, redirectURI string, verifier vending.Secret) (connect.GrantValues, error) {
	config := e.config()
	config.RedirectURL = redirectURI
	var options []oauth2.AuthCodeOption
	if !verifier.IsZero() {
		options = append(options, oauth2.VerifierOption(verifier.Reveal()))
	}
	return e.converse(ctx, connect.GrantValues{}, func(ctx context.Context) (*oauth2.Token, error) {
		return config.Exchange(ctx, code, options...)
	}, code, verifier.Reveal())
}

// Refresh obtains a new access token (RFC 6749, section 6). What the answer does not say stays as held has it.
func (e *Endpoint) Refresh(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	return e.converse(ctx, held, func(ctx context.Context) (*oauth2.Token, error) {
		return e.config().TokenSource(ctx, &oauth2.Token{RefreshToken: held.RefreshToken}).Token()
	}, held.RefreshToken, held.AccessToken)
}

// ClientCredentials obtains an access token for the client itself (RFC 6749, section 4.4). What the answer
// does not say stays as held has it; a refresh token, which none should send, is dropped.
func (e *Endpoint) ClientCredentials(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	config := clientcredentials.Config{
		ClientID:     e.client.ID,
		ClientSecret: e.client.Secret.Reveal(),
		TokenURL:     e.oauth.TokenURL,
		AuthStyle:    authStyle(e.oauth),
	}
	if scope := Scope(e.oauth, e.client); scope != "" { // the library would join by a space
		config.EndpointParams = url.Values{"scope": {scope}}
	}
	next, err := e.converse(ctx, held, config.Token, held.AccessToken)
	next.RefreshToken = ""
	return next, err
}

func (e *Endpoint) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID:     e.client.ID,
		ClientSecret: e.client.Secret.Reveal(),
		Endpoint:     oauth2.Endpoint{TokenURL: e.oauth.TokenURL, AuthStyle: authStyle(e.oauth)},
	}
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
func (e *Endpoint) converse(ctx context.Context, held connect.GrantValues, obtain func(context.Context) (*oauth2.Token, error), secrets ...string) (connect.GrantValues, error) {
	asked := e.now()
	w := &wire{next: e.transport}
	token, err := obtain(context.WithValue(ctx, oauth2.HTTPClient, w.client()))
	if err != nil {
		return connect.GrantValues{}, e.refusal(w, err, append(secrets, e.client.Secret.Reveal()))
	}
	held.AccessToken = token.AccessToken
	held.Expiry = expiry(token, asked, e.oauth)
	held.RefreshToken = cmp.Or(token.RefreshToken, held.RefreshToken)
	held.TokenType = cmp.Or(token.TokenType, held.TokenType)
	if scope, ok := token.Extra("scope").(string); ok {
		held.Scope = cmp.Or(scope, held.Scope)
	}
	return held, nil
}

// expiry counts from before the call, so that a slow answer makes no token look younger than it is.
// expires_in that is absent, zero or negative says nothing; the catalog's lifetime stands in, and zero
// means that the token does not expire as far as is known.
func expiry(token *oauth2.Token, asked time.Time, o *catalog.OAuth2) time.Time {
	lifetime := time.Duration(token.ExpiresIn) * time.Second
	if lifetime == 0 && !token.Expiry.IsZero() {
		// A form-encoded answer, and one to client credentials, leaves only the sum with the library's own clock.
		lifetime = time.Until(token.Expiry).Round(time.Second)
	}
	if lifetime <= 0 {
		lifetime = time.Duration(o.TokenLifetime) * time.Second
	}
	if lifetime <= 0 {
		return time.Time{}
	}
	return asked.Add(lifetime)
}
