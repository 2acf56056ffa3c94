package authorize

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Request is an authorization request, and what its callback is held against.
type Request struct {
	// URL is where the browser goes. It holds State, but for OAuth 1: there the provider knows it
	// already.
	URL string
	// State has 256 random bits.
	State string
	// FlowState is what Finish needs to know of Begin: the PKCE code verifier (RFC 7636) or the
	// temporary credentials of OAuth 1, and the client's address; the zero Secret where the app has
	// none of them. It must be kept sealed.
	FlowState vending.Secret
}

var errNoConsent = errors.New(
	"the catalog has no authorization endpoint for the app; its connections can only be imported")

// Begin makes an authorization request (RFC 6749, section 4.1.1). redirectURI is sent as it is.
// fields are what the end user entered. Finish must be given the same of both.
func (a *Authorizer) Begin(ctx context.Context, tenant string, app *catalog.App, redirectURI string,
	fields []vending.Field) (Request, error) {
	if app.OAuth1 != nil {
		return a.beginOAuth1(ctx, tenant, app, redirectURI, fields)
	}
	if app.OAuth2 == nil || app.OAuth2.AuthorizeURL == "" {
		a.o.Logger.Error("app has no authorization endpoint", "app", app.Slug, "tenant", tenant)
		return Request{}, newError(app, Error{Kind: NotConfigured, Err: errNoConsent})
	}
	client, err := a.client(ctx, tenant, app)
	if err != nil {
		return Request{}, err
	}
	if fields, err = cleanFields(app, fields); err != nil {
		return Request{}, err
	}
	o, err := a.expandURLs(app, client, fields, tokenendpoint.AuthorizeURL)
	if err != nil {
		return Request{}, err
	}
	target, err := url.Parse(o.AuthorizeURL)
	if err != nil {
		return Request{}, fmt.Errorf("reading the authorize_url of %s: %w", app.Slug, err)
	}
	q := target.Query() // the app's own, such as an audience
	for name, value := range o.AuthorizeParams {
		q.Set(name, value)
	}
	r, flow := Request{State: newState()}, flowState{}
	q.Set("response_type", "code")
	q.Set(cmp.Or(o.ClientIDParam, "client_id"), client.ID)
	q.Set("redirect_uri", redirectURI)
	q.Set("state", r.State)
	if scope := tokenendpoint.Scope(o, client); scope != "" {
		q.Set("scope", scope)
	}
	if !o.NoPKCE {
		flow.CodeVerifier = oauth2.GenerateVerifier()
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(flow.CodeVerifier))
		q.Set("code_challenge_method", "S256")
	}
	r.FlowState = flow.seal(app, client)
	target.RawQuery = q.Encode()
	r.URL = target.String()
	return r, nil
}

// newState returns 256 random bits in base64url.
func newState() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
