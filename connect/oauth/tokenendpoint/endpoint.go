package tokenendpoint

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// maxAnswer bounds what an endpoint may answer, in bytes.
const maxAnswer = 256 << 10

// Endpoint is an app's token endpoint, as one OAuth client sees it. It is immutable and safe for
// parallel use. Each call asks once, within its context's deadline; what the provider or the
// network does not grant is a *[Refusal].
type Endpoint struct {
	oauth     *catalog.OAuth2
	client    connect.OAuthClient
	transport http.RoundTripper
	now       func() time.Time
}

// New returns the endpoint of o for client. transport must guard what it dials; without one every
// call fails. now is the clock of expiries.
func New(o *catalog.OAuth2, client connect.OAuthClient, transport http.RoundTripper, now func() time.Time) *Endpoint {
	return &Endpoint{oauth: o, client: client, transport: httpx.Fresh(transport), now: now}
}

// Scope is what client asks o for: its own scopes or else the app's, as the provider joins them.
func Scope(o *catalog.OAuth2, client connect.OAuthClient) string {
	scopes := client.Scopes
	if len(scopes) == 0 {
		scopes = o.Scopes
	}
	return strings.Join(scopes, cmp.Or(o.ScopeSeparator, " "))
}

// ClientFromFields is the OAuth client that the end user of a client-credentials app entered;
// incomplete where fields lack it.
func ClientFromFields(fields []vending.Field) (c connect.OAuthClient) {
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

// Redeem exchanges an authorization code (RFC 6749, section 4.1.3). verifier is the zero Secret
// where no code challenge was sent. whole is the answer as JSON: what else it says may have its
// use.
func (e *Endpoint) Redeem(ctx context.Context, code, redirectURI string,
	verifier vending.Secret) (v connect.GrantValues, whole vending.Secret, err error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if !verifier.IsZero() {
		form.Set("code_verifier", verifier.Reveal())
	}
	return e.post(ctx, connect.GrantValues{}, e.oauth.TokenURL, form, code, verifier.Reveal())
}

// Refresh obtains a new access token (RFC 6749, section 6). What the answer does not say stays as
// held has it.
func (e *Endpoint) Refresh(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {held.RefreshToken}}
	for name, value := range e.oauth.RefreshParams {
		form.Set(name, value)
	}
	next, _, err := e.post(ctx, held, cmp.Or(e.oauth.RefreshURL, e.oauth.TokenURL), form, held.RefreshToken,
		held.AccessToken)
	return next, err
}

// ClientCredentials obtains an access token for the client itself (RFC 6749, section 4.4). What the
// answer does not say stays as held has it; a refresh token, which none should send, is dropped.
func (e *Endpoint) ClientCredentials(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope := Scope(e.oauth, e.client); scope != "" { // the library would join by a space
		form.Set("scope", scope)
	}
	next, _, err := e.post(ctx, held, e.oauth.TokenURL, form, held.AccessToken)
	next.RefreshToken = ""
	return next, err
}

// Fingerprint identifies what a refresh of held sends, without telling it: the same again would be
// refused again.
func (e *Endpoint) Fingerprint(held connect.GrantValues) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range []string{
		e.oauth.TokenURL, e.oauth.RefreshURL, e.oauth.ClientAuth, e.oauth.TokenEncoding, e.client.ID,
		e.client.Secret.Reveal(),
		held.RefreshToken, held.AccessToken,
	} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// authStyle is never oauth2's auto-detection: that sends the refresh token a second time after a
// refusal, which a provider that detects reuse takes for theft.
func authStyle(o *catalog.OAuth2) oauth2.AuthStyle {
	if o.ClientInHeader() {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// authenticate sets the Authorization of a client whose place is the header.
func (e *Endpoint) authenticate(header http.Header) {
	id, secret := e.client.ID, e.client.Secret.Reveal()
	if e.oauth.ClientAuth != catalog.ClientInHeaderRaw {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	(&http.Request{Header: header}).SetBasicAuth(id, secret)
}

// encodingTransport is the transport of requests that the library would authenticate or encode in
// its one way.
func (e *Endpoint) encodingTransport() http.RoundTripper {
	way := e.transport
	if e.oauth.ClientAuth == catalog.ClientInHeaderRaw {
		way = rawBasicAuth{way, e}
	}
	if e.oauth.TokenEncoding == catalog.EncodingJSON {
		way = jsonEncoder{way}
	}
	return way
}

// rawBasicAuth is the transport of requests whose client is not to be encoded, as the library
// would.
type rawBasicAuth struct {
	http.RoundTripper
	endpoint *Endpoint
}

// RoundTrip implements http.RoundTripper.
func (a rawBasicAuth) RoundTrip(r *http.Request) (*http.Response, error) {
	spelled := r.Clone(r.Context())
	a.endpoint.authenticate(spelled.Header)
	return a.RoundTripper.RoundTrip(spelled)
}

// Exchange trades the token of held, which is new, as the catalog's exchange says.
func (e *Endpoint) Exchange(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	client := url.Values{"client_id": {e.client.ID}, "client_secret": {e.client.Secret.Reveal()}}
	return e.exchangeToken(ctx, "exchange", e.oauth.Exchange, client, held)
}

// Renew trades the token of held, which lasts, as the catalog's renew says. What the answer does
// not say stays as held has it.
func (e *Endpoint) Renew(ctx context.Context, held connect.GrantValues) (connect.GrantValues, error) {
	return e.exchangeToken(ctx, "renewal", e.oauth.Renew, url.Values{}, held)
}

// exchangeToken calls x once. query is what x takes besides the grant type and the token.
func (e *Endpoint) exchangeToken(ctx context.Context, name string, x *catalog.Exchange, query url.Values,
	held connect.GrantValues) (connect.GrantValues, error) {
	query.Set("grant_type", x.GrantType)
	query.Set(x.Param, held.AccessToken)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, x.URL+"?"+query.Encode(), nil)
	if err != nil {
		return connect.GrantValues{}, fmt.Errorf("making a request of the %s endpoint: %w", name, httpx.SafeError(err))
	}
	h := e.newCall(held)
	resp, err := h.RoundTrip(r)
	if err != nil {
		return connect.GrantValues{}, h.transportError(name, err)
	}
	_ = resp.Body.Close() // it is read
	ended := h.response.lifetime < 0
	if resp.StatusCode != http.StatusOK || h.response.refused || h.response.accessToken == "" || ended {
		refusal := e.classify(name, resp.StatusCode, resp.Header, h.response,
			[]string{held.AccessToken, e.client.Secret.Reveal()})
		if resp.StatusCode == http.StatusOK && !h.response.refused && refusal.Class != InvalidGrant {
			refusal.Class = Malformed
		}
		return connect.GrantValues{}, refusal
	}
	return h.grant(), nil
}

// post calls the endpoint at tokenURL once. secrets are what was sent, besides the client's own.
//
// The library's client-credentials request is the one that takes a grant type and parameters of all
// kinds.
func (e *Endpoint) post(ctx context.Context, held connect.GrantValues, tokenURL string, form url.Values,
	secrets ...string) (v connect.GrantValues, whole vending.Secret, err error) {
	h := e.newCall(held)
	config := clientcredentials.Config{TokenURL: tokenURL, AuthStyle: authStyle(e.oauth), EndpointParams: form}
	config.ClientID, config.ClientSecret = e.client.ID, e.client.Secret.Reveal()
	if name := e.oauth.ClientIDParam; name != "" {
		form.Set(name, e.client.ID)
		config.ClientID = ""
	}
	for name, value := range e.oauth.TokenParams {
		if !form.Has(name) { // or it is one of the refresh's own
			form.Set(name, value)
		}
	}
	if e.transport != nil {
		h.Transport = e.encodingTransport()
	}
	if _, err = config.Token(context.WithValue(ctx, oauth2.HTTPClient, httpx.Client(&h.Call))); err != nil {
		return connect.GrantValues{}, vending.Secret{}, e.refusal(h, err, append(secrets, e.client.Secret.Reveal()))
	}
	return h.grant(), vending.NewSecret(string(h.response.json)), nil
}

// tokenCall is the transport of one call, and keeps its response.
type tokenCall struct {
	httpx.Call
	endpoint *Endpoint
	held     connect.GrantValues
	sentAt   time.Time
	response *tokenResponse
}

func (e *Endpoint) newCall(held connect.GrantValues) *tokenCall {
	h := &tokenCall{Call: httpx.Call{Transport: e.transport, Limit: maxAnswer}, endpoint: e, held: held, sentAt: e.now()}
	h.Edit = func(header http.Header, body []byte) []byte {
		h.response = parseTokenResponse(header.Get("Content-Type"), body, e.oauth.Answer, held.AccessToken != "" ||
			held.RefreshToken != "",
			h.sentAt)
		header.Set("Content-Type", "application/json")
		return h.response.standardJSON()
	}
	return h
}

// grant is what was granted. What the answer does not say stays as it was held.
func (h *tokenCall) grant() connect.GrantValues {
	v := h.held
	v.AccessToken = h.response.accessToken
	v.Expiry = expiry(h.response, h.sentAt, h.endpoint.oauth)
	v.RefreshToken = cmp.Or(h.response.refreshToken, v.RefreshToken)
	v.TokenType = cmp.Or(h.response.tokenType, v.TokenType)
	v.Scope = cmp.Or(h.response.scope, v.Scope)
	return v
}

// expiry counts from before the call, so that a slow answer makes no token look younger than it is.
// Where the answer says nothing, or nothing that can be read, the catalog's lifetime is used.
// Zero means that the token does not expire as far as is known.
func expiry(answer *tokenResponse, asked time.Time, o *catalog.OAuth2) time.Time {
	lifetime := answer.lifetime
	if lifetime == 0 {
		lifetime = time.Duration(o.TokenLifetime) * time.Second
	}
	if lifetime == 0 && answer.unreadableExpiry {
		lifetime = assumedLifetime
	}
	if lifetime == 0 {
		return time.Time{}
	}
	return asked.Add(lifetime)
}
