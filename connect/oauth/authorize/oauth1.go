package authorize

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/dghubble/oauth1"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errNoAnswer   = errors.New("the response has no usable token, or does not confirm the callback")
	errOtherToken = errors.New("the callback is for another token than the one that was requested")
	errUnverified = errors.New("the callback has no verifier")
)

// beginOAuth1 obtains temporary credentials (RFC 5849, section 2.1), which go into the request's
// FlowState. As the protocol has no state, ours is a part of the callback's address.
func (a *Authorizer) beginOAuth1(ctx context.Context, tenant string, app *catalog.App, redirectURI string,
	fields []vending.Field) (Request, error) {
	client, err := a.client(ctx, tenant, app)
	if err != nil {
		return Request{}, err
	}
	if fields, err = cleanFields(app, fields); err != nil {
		return Request{}, err
	}
	r := Request{State: newState()}
	separator := "?"
	if strings.ContainsRune(redirectURI, '?') {
		separator = "&"
	}
	config, err := oauth1Config(app, client, fields)
	if err != nil {
		return Request{}, err
	}
	config.CallbackURL = redirectURI + separator + "state=" + r.State
	token, secret, problem, err := a.callOAuth1(ctx, app, config, func() (string, string, error) {
		return config.RequestToken()
	})
	switch {
	case err != nil:
		return Request{}, err
	case problem != nil:
		if problem.Kind == ProviderError { // nothing of the end user's was in the request
			problem.Kind = NotConfigured
		}
		return Request{}, a.oauth1Error(tenant, app, *problem)
	}
	target, err := config.AuthorizationURL(token)
	if err != nil {
		return Request{}, fmt.Errorf("reading the authorize_url of %s: %w", app.Slug, err)
	}
	q := target.Query()
	for name, value := range app.OAuth1.AuthorizeParams {
		q.Set(name, value)
	}
	target.RawQuery = q.Encode()
	r.URL = target.String()
	r.FlowState = flowState{Token: token, TokenSecret: secret}.seal(app, client)
	return r, nil
}

// finishOAuth1 exchanges temporary credentials, as beginOAuth1 left them, for a token (section
// 2.3).
func (a *Authorizer) finishOAuth1(ctx context.Context, tenant string, app *catalog.App, state vending.Secret,
	query url.Values, fields []vending.Field) (connect.Grant, error) {
	flow := unseal(state)
	if flow.Token == "" { // the app was one of OAuth 2 when the end user left
		return connect.Grant{}, newError(app, Error{Kind: InvalidCallback, Err: errOtherFlow})
	}
	verifier, problem := readOAuth1Callback(query, flow.Token)
	if problem != nil {
		return connect.Grant{}, a.oauth1Error(tenant, app, *problem)
	}
	fields, client, err := a.resume(ctx, tenant, app, flow, fields)
	if err != nil {
		return connect.Grant{}, err
	}
	config, err := oauth1Config(app, client, fields)
	if err != nil {
		return connect.Grant{}, err
	}
	granted, secret, problem, err := a.callOAuth1(ctx, app, config, func() (string, string, error) {
		return config.AccessToken(flow.Token, flow.TokenSecret, verifier)
	})
	switch {
	case err != nil:
		return connect.Grant{}, err
	case problem != nil:
		return connect.Grant{}, a.oauth1Error(tenant, app, *problem)
	}
	fields = append(fields, vending.Field{Name: catalog.OAuthTokenSecret, Value: secret})
	return newGrant(app, connect.GrantValues{AccessToken: granted, Fields: fields}, client)
}

// userRefused are the values of `oauth_problem` by which providers say that the end user declined;
// it is an extension of the protocol (https://wiki.oauth.net/w/page/12238543/ProblemReporting).
var userRefused = map[string]bool{"user_refused": true, "permission_denied": true}

// readOAuth1Callback returns the verifier. Without one, the end user declined: Twitter sends
// `denied`, others `oauth_problem`.
func readOAuth1Callback(query url.Values, token string) (string, *Error) {
	for _, values := range query {
		if len(values) > 1 { // which of two counts is for an attacker to choose
			return "", &Error{Kind: InvalidCallback, Err: errDuplicate}
		}
	}
	verifier := query.Get("oauth_verifier")
	fault := query.Get("oauth_problem")
	switch {
	case query.Has("denied") || userRefused[fault]:
		return "", &Error{Kind: Declined, Err: errCallback}
	case fault != "":
		return "",
			&Error{Kind: ProviderError, Code: cleanCode(fault), Description: plainText(query.Get("oauth_problem_advice")),
				Err: errCallback}
	case query.Get(catalog.OAuthToken) != token:
		return "", &Error{Kind: InvalidCallback, Err: errOtherToken}
	case verifier == "":
		return "", &Error{Kind: Declined, Err: errUnverified}
	case len(verifier) > maxAuthorizationCode:
		return "", &Error{Kind: InvalidCallback, Err: errUnverified}
	}
	return verifier, nil
}

// oauth1Config is the library's view of client at app, whose endpoints may depend on fields.
func oauth1Config(app *catalog.App, client connect.OAuthClient, fields []vending.Field) (*oauth1.Config, error) {
	config := oauth1.NewConfig(client.ID, client.Secret.Reveal())
	config.Noncer = nonces{}
	field := valueIn(append(client.FieldsOf(app), fields...))
	var err error
	for _, e := range []struct {
		into *string
		raw  string
	}{
		{&config.Endpoint.RequestTokenURL, app.OAuth1.RequestTokenURL},
		{&config.Endpoint.AuthorizeURL, app.OAuth1.AuthorizeURL},
		{&config.Endpoint.AccessTokenURL, app.OAuth1.AccessTokenURL},
	} {
		if *e.into, err = inject.Endpoint(app, e.raw, field); err != nil {
			return nil, placementError(app, err)
		}
	}
	return config, nil
}

// oauth1Error completes p with app, and logs what an operator may have to fix.
func (a *Authorizer) oauth1Error(tenant string, app *catalog.App, p Error) *Error {
	if p.Kind == NotConfigured || p.Kind == ProviderError {
		a.o.Logger.Error("oauth 1 provider refused us", "app", app.Slug, "tenant", tenant, "status", p.Status,
			"provider_code", p.Code, "error", p.Err)
	}
	return newError(app, p)
}
