package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flowParams are the parameters of the authorization request that the flow itself sets (RFC 6749,
// section 4.1.1; RFC 7636, section 4.3). An app that set one could undo the state's protection.
var flowParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state",
}

// GrantClientCredentials is the OAuth2.Grant of RFC 6749, section 4.4.
const GrantClientCredentials = "client_credentials"

// The fields that hold the OAuth client of a client-credentials app.
const (
	ClientID     = "client_id"
	ClientSecret = "client_secret"
)

// ClientCredentials reports whether an end user authorizes a by entering an OAuth client of their own.
func (a *App) ClientCredentials() bool {
	return a.OAuth2 != nil && a.OAuth2.Grant == GrantClientCredentials
}

// CanAuthorize reports whether an end user can authorize a by a link: by entering fields, or at the
// provider's page. Connections of other apps can only be imported.
func (a *App) CanAuthorize() bool {
	return a.OAuth2 == nil || a.OAuth2.AuthorizeURL != "" || a.ClientCredentials()
}

// OwnsClient reports whether name is one of the fields that hold a's OAuth client: they go to the token
// endpoint and nowhere else.
func (a *App) OwnsClient(name string) bool {
	return a.ClientCredentials() && (name == ClientID || name == ClientSecret)
}

func (c checker) oauth2() error {
	o := c.OAuth2
	switch {
	case o == nil && c.AuthType == oAuth:
		return errors.New("auth_type o_auth needs oauth2: write at least its token_url")
	case o == nil:
		return nil
	case c.AuthType != oAuth:
		return fmt.Errorf("auth_type %s has no use for oauth2: take it out, or write auth_type o_auth", c.AuthType)
	case o.TokenURL == "":
		return errors.New("oauth2.token_url is missing: write it like https://auth.example.com/token")
	case o.ClientAuth != "" && o.ClientAuth != "body" && o.ClientAuth != "header":
		return fmt.Errorf("oauth2.client_auth %q is unknown: write body or header", o.ClientAuth)
	case o.TokenLifetime < 0:
		return errors.New("oauth2.token_lifetime is negative: write seconds, or leave it out if tokens do not expire")
	}
	for _, e := range [][2]string{
		{"oauth2.authorize_url", o.AuthorizeURL}, {"oauth2.token_url", o.TokenURL}, {"oauth2.revoke_url", o.RevokeURL}, {"oauth2.issuer", o.Issuer},
	} {
		if e[1] == "" {
			continue
		}
		// Nothing fills OAuth URLs: with a slot, the client secret would go to a host of that very name.
		if strings.ContainsAny(e[1], "{}") {
			return fmt.Errorf("%s holds a placeholder, which only upstreams may: write a fixed URL", e[0])
		}
		if _, err := c.endpoint(e[0], e[1]); err != nil {
			return err
		}
	}
	if err := c.grant(o); err != nil {
		return err
	}
	return o.check()
}

// grant checks what each grant needs. A property of the other would be ignored in silence, so that it is
// an error.
func (c checker) grant(o *OAuth2) error {
	switch {
	case o.Grant == "":
		return nil
	case o.Grant != GrantClientCredentials:
		return fmt.Errorf("oauth2.grant %q is unknown: write client_credentials, or leave it out for the authorization code", o.Grant)
	case o.AuthorizeURL != "":
		return errors.New("oauth2.authorize_url: grant client_credentials never asks the provider's page: take it out")
	case len(o.AuthorizeParams) > 0 || o.NoPKCE || o.Issuer != "":
		return errors.New("oauth2: authorize_params, no_pkce and issuer belong to the authorization code: take them out, or take out grant")
	}
	for _, name := range []string{ClientID, ClientSecret} {
		if _, ok := c.field(name); !ok {
			return fmt.Errorf("oauth2.grant client_credentials takes the client from the end user: declare the field %s", name)
		}
	}
	if f, _ := c.field(ClientSecret); !f.Secret {
		return errors.New("field client_secret is the OAuth client's: write it secret")
	}
	return nil
}

// check checks the parameters of the authorization request.
func (o *OAuth2) check() error {
	// RFC 8414, section 2: an issuer is compared as text, and has no query.
	if strings.Contains(o.Issuer, "?") {
		return errors.New("oauth2.issuer has a query, which no issuer has: write it like https://auth.example.com")
	}
	separator := o.ScopeSeparator
	if separator == "" {
		separator = " "
	}
	if strings.ContainsFunc(separator, isControl) {
		return errors.New("oauth2.scope_separator holds a control character: write a comma, or leave it out for a space")
	}
	for _, scope := range o.Scopes {
		if scope == "" || strings.Contains(scope, separator) || strings.ContainsFunc(scope, isControl) {
			return fmt.Errorf("oauth2.scopes: %q is not one scope: write each as a string of its own", scope)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.AuthorizeParams)) {
		if name == "" || slices.Contains(flowParams, name) {
			return fmt.Errorf("oauth2.authorize_params: %q is set by the flow itself: take it out", name)
		}
	}
	return nil
}
