package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	// fosite is the library under Ory Hydra: issuing, rotation, reuse detection and revocation are its
	// own.
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	xoauth2 "golang.org/x/oauth2"
)

// controlRedirect is the redirect URI of grants that no browser asked for; the authorization
// endpoint does not take it.
const controlRedirect = "https://control.invalid/callback"

// bcryptCost is the least that bcrypt takes: the secret is random, and every token call pays for
// it.
const bcryptCost = 4

// provider is fosite with its storage and the one client. The lock makes each call to the token
// endpoint one step: fosite reads a refresh token and later rotates it, and its memory store has no
// transactions, so that without the lock two parallel refreshes would both succeed.
type provider struct {
	mu       sync.Mutex
	oauth    fosite.OAuth2Provider
	store    *store
	strategy oauth2.CoreStrategy

	clientID, clientSecret string
}

func newProvider(ctx context.Context, o options) (*provider, error) {
	config := &fosite.Config{
		AccessTokenLifespan: o.accessTTL,
		GlobalSecret:        []byte(rand.Text() + rand.Text()),
		HashCost:            bcryptCost,
		EnforcePKCE:         true,
		ScopeStrategy:       fosite.ExactScopeStrategy,
		// Empty, not nil: every exchange of a code yields a refresh token, whatever its scopes.
		RefreshTokenScopes: []string{},
	}
	p := &provider{
		store:        newStore(),
		strategy:     compose.NewOAuth2HMACStrategy(config),
		clientID:     "client-" + strings.ToLower(rand.Text()),
		clientSecret: rand.Text() + rand.Text(),
	}
	hashed, err := (&fosite.BCrypt{Config: config}).Hash(ctx, []byte(p.clientSecret))
	if err != nil {
		return nil, fmt.Errorf("hashing the client's secret: %w", err)
	}
	p.store.Clients[p.clientID] = &fosite.DefaultClient{
		ID:            p.clientID,
		Secret:        hashed,
		RedirectURIs:  append(slices.Clone(o.redirects), controlRedirect),
		ResponseTypes: []string{"code"},
		GrantTypes:    []string{"authorization_code", "refresh_token", "client_credentials"},
		Scopes:        o.scopes,
	}
	// No refresh grace period: this version leaves rotation to the storage, and ours revokes at once.
	p.oauth = compose.Compose(config, p.store, p.strategy,
		compose.OAuth2AuthorizeExplicitFactory, compose.OAuth2PKCEFactory, compose.OAuth2RefreshTokenGrantFactory,
		compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2TokenRevocationFactory,
		compose.OAuth2TokenIntrospectionFactory)
	return p, nil
}

// consent answers an authorization request for subject with a code. The caller holds the lock.
func (p *provider) consent(ctx context.Context, request fosite.AuthorizeRequester,
	subject string) (fosite.AuthorizeResponder, error) {
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	return p.oauth.NewAuthorizeResponse(ctx, request, &fosite.DefaultSession{Subject: subject, Username: subject})
}

// exchange answers a token request. The caller holds the lock.
func (p *provider) exchange(ctx context.Context, r *http.Request) (fosite.AccessRequester, fosite.AccessResponder,
	error) {
	request, err := p.oauth.NewAccessRequest(ctx, r, &fosite.DefaultSession{})
	if err != nil {
		return request, nil, err
	}
	if request.GetGrantTypes().ExactOne("client_credentials") {
		session, ok := request.GetSession().(*fosite.DefaultSession)
		if ok {
			session.Subject = request.GetClient().GetID()
		}
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
	}
	response, err := p.oauth.NewAccessResponse(ctx, request)
	return request, response, err
}

// mint runs the whole code flow for subject, as a client with PKCE would, and returns the token
// response.
func (p *provider) mint(ctx context.Context, subject, scope string) (map[string]any, error) {
	verifier := xoauth2.GenerateVerifier()
	query := url.Values{
		"response_type": {"code"}, "client_id": {p.clientID}, "redirect_uri": {controlRedirect}, "scope": {scope},
		"state":          {rand.Text()},
		"code_challenge": {xoauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/oauth2/auth?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("making an authorization request: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, err := p.oauth.NewAuthorizeRequest(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("asking for a grant: %w", err)
	}
	granted, err := p.consent(ctx, asked, subject)
	if err != nil {
		return nil, fmt.Errorf("granting: %w", err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {granted.GetCode()}, "redirect_uri": {controlRedirect},
		"code_verifier": {verifier},
	}
	if r, err = http.NewRequestWithContext(ctx, http.MethodPost, "/oauth2/token",
		strings.NewReader(form.Encode())); err != nil {
		return nil, fmt.Errorf("making a token request: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(p.clientID, p.clientSecret)
	_, response, err := p.exchange(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("exchanging the code: %w", err)
	}
	return response.ToMap(), nil
}

// subject returns whom a valid access token stands for.
func (p *provider) subject(ctx context.Context, token string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	use, request, err := p.oauth.IntrospectToken(ctx, token, fosite.AccessToken, &fosite.DefaultSession{})
	if err != nil {
		return "", fmt.Errorf("introspecting: %w", err)
	}
	if use != fosite.AccessToken {
		return "", fmt.Errorf("introspecting: a token of type %s is no access token", use)
	}
	return request.GetSession().GetSubject(), nil
}

// expire ends an access token before its time and leaves its grant alone. It reports whether there
// was one.
func (p *provider) expire(ctx context.Context, token string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	signature := p.strategy.AccessTokenSignature(ctx, token)
	if _, err := p.store.GetAccessTokenSession(ctx, signature, nil); err != nil {
		return false, nil
	}
	if err := p.store.DeleteAccessTokenSession(ctx, signature); err != nil {
		return false, fmt.Errorf("deleting the access token: %w", err)
	}
	return true, nil
}

// reused reports whether token is a refresh token that was rotated away. The caller holds the lock.
func (p *provider) reused(ctx context.Context, token string) bool {
	return p.store.rotated[p.strategy.RefreshTokenSignature(ctx, token)]
}
