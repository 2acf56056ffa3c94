package authorize

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errDuplicate  = errors.New("the callback has a duplicate parameter")
	errNoCode     = errors.New("the callback has neither a code nor an error, or its code is too long")
	errIssuer     = errors.New("the callback's iss is not the app's issuer")
	errOtherFlow  = errors.New("the app now has another version of OAuth than when the end user was sent to the provider")
	errLargeGrant = errors.New("the grant is too large to be stored")
)

const (
	// maxAuthorizationCode bounds a code, in bytes. The longest known, of Microsoft, have about 2 KiB.
	maxAuthorizationCode = 16 << 10
	// maxGrant bounds tokens and fields together, in bytes; it leaves room for their encoding in the
	// store's 64 KiB.
	maxGrant = 60 << 10
)

// Finish exchanges the code of a callback for a grant. query is the callback's, whose state the
// caller has matched with the browser; redirectURI and state, its FlowState, are those of Begin,
// fields what the app needs besides the token.
func (a *Authorizer) Finish(ctx context.Context, tenant string, app *catalog.App, redirectURI string,
	state vending.Secret, query url.Values, fields []vending.Field) (connect.Grant, error) {
	if app.OAuth1 != nil {
		return a.finishOAuth1(ctx, tenant, app, state, query, fields)
	}
	if app.OAuth2 == nil || app.OAuth2.AuthorizeURL == "" {
		return connect.Grant{}, fmt.Errorf("finishing an authorization of %s: %w", app.Slug, errNoConsent)
	}
	flow := unseal(state)
	if flow.Token != "" { // the app was one of OAuth 1 when the end user left
		return connect.Grant{}, newError(app, Error{Kind: InvalidCallback, Err: errOtherFlow})
	}
	fields, client, err := a.resume(ctx, tenant, app, flow, fields)
	if err != nil {
		return connect.Grant{}, err
	}
	o, err := a.expandURLs(app, client, fields, tokenendpoint.AuthorizeURL, tokenendpoint.TokenURL)
	if err != nil {
		return connect.Grant{}, err
	}
	code, problem := readCallback(app, o, query)
	if problem != nil {
		a.logCallbackError(ctx, app, tenant, problem)
		return connect.Grant{}, problem
	}
	if err := a.checkCallback(app, query); err != nil {
		return connect.Grant{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	endpoint := a.endpoint(app, o, client)
	values, whole, err := endpoint.Redeem(bounded, code, redirectURI, flow.verifier())
	if err == nil && o.Exchange != nil {
		values, err = endpoint.Exchange(bounded, values)
	}
	if err != nil {
		return connect.Grant{}, a.tokenError(ctx, tenant, app, err)
	}
	values.Fields = fields
	// Tokens that cannot be kept are not revoked: many providers keep one grant for a user and a
	// client, and ending this one would end that of a connection that works.
	if values.Fields, err = a.capture(ctx, app, client, authorized{values, whole, query}); err != nil {
		return connect.Grant{}, err
	}
	values.SiteNames = a.siteNames(ctx, app, credential(app, values, client.FieldsOf(app)))
	grant, err := newGrant(app, values, client)
	return grant.OfAccount(accountIn(app, app.OAuth2.Account, whole.Reveal(), values)), err
}

// resume returns the fields, checked, and the client with which flow is finished. That must be at
// the address that it had when the end user was sent to the provider.
func (a *Authorizer) resume(ctx context.Context, tenant string, app *catalog.App, flow flowState,
	entered []vending.Field) (fields []vending.Field, client connect.OAuthClient, err error) {
	if fields, err = cleanFields(app, entered); err != nil {
		return nil, client, err
	}
	if client, err = a.client(ctx, tenant, app); err != nil {
		return nil, client, err
	}
	return fields, client, flow.checkAddress(app, client)
}

// readCallback returns the code. What could come from another than the app's provider is refused
// before anything it says is believed (RFC 9207, section 2.4).
func readCallback(app *catalog.App, o *catalog.OAuth2, query url.Values) (string, *Error) {
	for _, values := range query {
		if len(values) > 1 { // RFC 6749, section 3.1; which of two counts is for an attacker to choose
			return "", newError(app, Error{Kind: InvalidCallback, Err: errDuplicate})
		}
	}
	if issuer, sent := query["iss"]; sent && !isIssuer(o, issuer[0]) {
		return "", newError(app, Error{Kind: WrongIssuer, Err: errIssuer})
	}
	code := query.Get("code")
	if isErrorCallback(query) {
		return "", newError(app, callbackError(query))
	}
	if code == "" || len(code) > maxAuthorizationCode {
		return "", newError(app, Error{Kind: InvalidCallback, Err: errNoCode})
	}
	return code, nil
}

// isIssuer compares as RFC 9207, section 2.4, says: as text. Where the app declares no issuer, it
// must at least be the authorization endpoint's site.
func isIssuer(o *catalog.OAuth2, issuer string) bool {
	if o.Issuer != "" {
		return issuer == o.Issuer
	}
	own, err := url.Parse(o.AuthorizeURL)
	if err != nil {
		return false
	}
	sent, err := url.Parse(issuer)
	return err == nil && sent.User == nil && sent.Host != "" && sent.Scheme == own.Scheme &&
		strings.EqualFold(sent.Host, own.Host)
}

// newGrant makes a grant of what a token endpoint granted, which is thereby verified. A token that
// no request can carry, or that no store takes, is malformed. Calls place what comes with the
// client, too; of that, the grant keeps what says where it was obtained.
func newGrant(app *catalog.App, v connect.GrantValues, client connect.OAuthClient) (connect.Grant, error) {
	size := len(v.AccessToken) + len(v.RefreshToken) + len(v.TokenType) + len(v.Scope)
	for _, f := range v.Fields {
		size += len(f.Name) + len(f.Value)
	}
	if size > maxGrant {
		return connect.Grant{}, newError(app, Error{Kind: Malformed, Err: errLargeGrant})
	}
	if err := checkPlaced(app, v, client.FieldsOf(app)); err != nil {
		return connect.Grant{}, err
	}
	if !app.ClientCredentials() {
		v.Fields = append(slices.Clone(v.Fields), client.AddressFields(app)...)
	}
	return connect.NewGrant(v).Verify(), nil
}
