package local

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// maxAnswer bounds what a token endpoint may answer, in bytes.
const maxAnswer = 256 << 10

var (
	errAnswerTooLarge = errors.New("the answer is larger than 256 KiB")
	errNoTransport    = errors.New("no transport to token endpoints is configured")
	errNotOAuth       = errors.New("the catalog has no token endpoint for the app")
	errNoClient       = errors.New("no OAuth client is configured for the app")
)

// config says where and as whom to refresh.
func (s *Source) config(h holding) (*oauth2.Config, error) {
	if h.app.OAuth2 == nil {
		s.o.Logger.Error("app has no token endpoint", "app", h.App, "connection", h.ID)
		return nil, vending.Errorf(vending.InternalError, errNotOAuth)
	}
	client, ok := s.o.Clients(h.Tenant, h.App)
	if !ok {
		s.o.Logger.Error("app has no oauth client", "app", h.App, "tenant", h.Tenant)
		return nil, vending.Errorf(vending.InternalError, errNoClient)
	}
	return &oauth2.Config{
		ClientID:     client.ID,
		ClientSecret: client.Secret.Reveal(),
		Endpoint:     oauth2.Endpoint{TokenURL: h.app.OAuth2.TokenURL, AuthStyle: authStyle(h.app.OAuth2)},
	}, nil
}

// authStyle is never oauth2's auto-detection: that sends the refresh token a second time after a
// refusal, which a provider that detects reuse takes for theft.
func authStyle(o *catalog.OAuth2) oauth2.AuthStyle {
	if o.ClientAuth == "header" {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// exchange calls the token endpoint once (RFC 6749, section 6).
func (s *Source) exchange(ctx context.Context, config *oauth2.Config, h holding) (connect.GrantValues, *vending.Error) {
	asked := s.o.Now()
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.client)
	token, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: h.values.RefreshToken}).Token()
	if err != nil {
		return connect.GrantValues{}, s.refusal(h, config, err)
	}
	next := h.values
	next.AccessToken = token.AccessToken
	next.Expiry = expiry(token, asked, h.app.OAuth2)
	if token.RefreshToken != "" {
		next.RefreshToken = token.RefreshToken
	}
	if token.TokenType != "" {
		next.TokenType = token.TokenType
	}
	if scope, ok := token.Extra("scope").(string); ok && scope != "" {
		next.Scope = scope
	}
	return next, nil
}

// expiry counts from before the call, so that a slow answer makes no token look younger than it is.
// expires_in that is absent, zero or negative says nothing; the catalog's lifetime stands in, and zero
// means that the token does not expire as far as is known.
func expiry(token *oauth2.Token, asked time.Time, o *catalog.OAuth2) time.Time {
	lifetime := time.Duration(token.ExpiresIn) * time.Second
	if lifetime == 0 && !token.Expiry.IsZero() {
		// A form-encoded answer leaves only the sum with the library's own clock.
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

// newClient follows no redirect: it would carry the refresh token and the client's secret elsewhere.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// noTransport fails closed: the default transport would dial anything.
type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNoTransport }

// bounded ends an answer that grows beyond maxAnswer with an error. Cutting it off silently, as
// golang.org/x/oauth2 does at 1 MiB, could leave half a token.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, maxAnswer}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errAnswerTooLarge
	}
	return n, err
}
