package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Exchange trades one token for another, as the APIs of Meta want it. It is a GET request with
// `grant_type` and the token in its query; the gateway adds the client's `client_id` and
// `client_secret`. The response has the form of a token endpoint's.
type Exchange struct {
	// URL is the endpoint that trades tokens.
	URL string `json:"url"`
	// GrantType is sent as `grant_type`.
	GrantType string `json:"grant_type"`
	// Param is the parameter with the token.
	Param string `json:"param"`
}

// flowParams are the parameters of the authorization request that the flow itself sets (RFC 6749,
// section 4.1.1; RFC 7636, section 4.3). An app that set one could undo the state's protection.
var flowParams = []string{
	"client_id", "client_secret", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope",
	"state",
}

// tokenFlowParams are those of the token request (RFC 6749, sections 4.1.3, 4.4.2 and 6).
var tokenFlowParams = []string{
	"client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri", "refresh_token", "scope",
}

// refreshFlowParams are those that the flow sets in the refresh request, or that belong to the code
// alone.
var refreshFlowParams = []string{"client_id", "client_secret", "code", "code_verifier", "grant_type", "refresh_token"}

// GrantClientCredentials is the OAuth2.Grant of RFC 6749, section 4.4.
const GrantClientCredentials = "client_credentials"

// The values of OAuth2.ClientAuth; empty is ClientInBody.
const (
	ClientInBody      = "body"
	ClientInHeader    = "header"
	ClientInHeaderRaw = "header_raw"
)

// EncodingJSON is the OAuth2.TokenEncoding of providers that read no form.
const EncodingJSON = "json"

// ClientInHeader reports whether the client authenticates by HTTP Basic, in either spelling.
func (o *OAuth2) ClientInHeader() bool {
	return o.ClientAuth == ClientInHeader || o.ClientAuth == ClientInHeaderRaw
}

// The fields that hold the OAuth client of a client-credentials app.
const (
	ClientID     = "client_id"
	ClientSecret = "client_secret"
)

// ClientCredentials reports whether an end user authorizes a by entering an OAuth client of their
// own.
func (a *App) ClientCredentials() bool {
	return a.OAuth2 != nil && a.OAuth2.Grant == GrantClientCredentials
}

// CanAuthorize reports whether an end user can authorize a by a link: by entering fields, or at the
// provider's page. Connections of other apps can only be imported.
func (a *App) CanAuthorize() bool {
	return a.OAuth2 == nil || a.OAuth2.AuthorizeURL != "" || a.ClientCredentials()
}

// Asked are the fields that an end user enters.
func (a *App) Asked() []Field { return a.fieldsFrom("") }

// ClientFields are the fields that come with the OAuth client, besides its secret.
func (a *App) ClientFields() []Field { return a.fieldsFrom(FromClient) }

// addresses are the URLs of the upstream and of the OAuth endpoints; those that there are not are
// empty.
func (a *App) addresses() []string {
	urls := []string{a.Upstream}
	if o := a.OAuth2; o != nil {
		urls = append(urls, o.AuthorizeURL, o.TokenURL, o.RefreshURL, o.RevokeURL)
	}
	if o := a.OAuth1; o != nil {
		urls = append(urls, o.RequestTokenURL, o.AuthorizeURL, o.AccessTokenURL)
	}
	return urls
}

// AddressFields names those of ClientFields that stand in the address of the upstream or of an
// OAuth endpoint.
func (a *App) AddressFields() (names []string) {
	addresses := strings.Join(a.addresses(), "")
	for _, f := range a.ClientFields() {
		if strings.Contains(addresses, "{"+f.Name+"}") {
			names = append(names, f.Name)
		}
	}
	return names
}

// OnlyInHosts reports whether the field called name occurs in no path of these addresses: in a
// host, upper case does not matter.
func (a *App) OnlyInHosts(name string) bool {
	return !slices.ContainsFunc(a.addresses(), func(u string) bool {
		_, path := splitURL(u)
		return strings.Contains(path, "{"+name+"}")
	})
}

func (a *App) fieldsFrom(origin string) (found []Field) {
	for _, f := range a.Fields {
		if f.From == origin {
			found = append(found, f)
		}
	}
	return found
}

// OwnsClient reports whether name is one of the fields that hold a's OAuth client: they go to the
// token endpoint and nowhere else.
func (a *App) OwnsClient(name string) bool {
	return a.ClientCredentials() && (name == ClientID || name == ClientSecret)
}

func (c checker) oauth2() error {
	o := c.OAuth2
	switch {
	case o == nil && c.AuthType == oAuth && c.OAuth1 == nil:
		return errors.New("auth_type o_auth needs oauth2: write at least its token_url")
	case o == nil:
		return nil
	case c.AuthType != oAuth:
		return fmt.Errorf("auth_type %s does not use oauth2: take it out, or write auth_type o_auth", c.AuthType)
	case o.TokenURL == "":
		return errors.New("oauth2.token_url is missing: write it like https://auth.example.com/token")
	case o.ClientAuth != "" && o.ClientAuth != ClientInBody && !o.ClientInHeader():
		return fmt.Errorf("oauth2.client_auth %q is unknown: write body, header or header_raw", o.ClientAuth)
	case o.ClientInHeader() && o.ClientIDParam != "":
		return fmt.Errorf("oauth2.client_id_param names a parameter, and client_auth %s sends none: take one of them out",
			o.ClientAuth)
	case o.TokenEncoding != "" && o.TokenEncoding != EncodingJSON:
		return fmt.Errorf("oauth2.token_encoding %q is unknown: write json, or leave it out for a form", o.TokenEncoding)
	case o.TokenLifetime < 0:
		return errors.New("oauth2.token_lifetime is negative: write seconds, or leave it out if tokens do not expire")
	}
	for _, e := range [][2]string{
		{"oauth2.authorize_url", o.AuthorizeURL}, {"oauth2.token_url", o.TokenURL}, {"oauth2.revoke_url", o.RevokeURL},
		{"oauth2.refresh_url", o.RefreshURL},
	} {
		if err := c.slotted(e[0], e[1]); err != nil {
			return err
		}
	}
	if strings.ContainsAny(o.Issuer, "{}") {
		return errors.New("oauth2.issuer holds a placeholder, which only endpoints may: write a fixed URL")
	}
	if o.Issuer != "" {
		if _, err := c.endpoint("oauth2.issuer", o.Issuer); err != nil {
			return err
		}
	}
	if err := c.grant(o); err != nil {
		return err
	}
	if err := c.exchange("oauth2.exchange", o, o.Exchange); err != nil {
		return err
	}
	if err := c.exchange("oauth2.renew", o, o.Renew); err != nil {
		return err
	}
	return o.check()
}

// exchange checks where a token goes in a query.
func (c checker) exchange(where string, o *OAuth2, x *Exchange) error {
	if x == nil {
		return nil
	}
	if o.AuthorizeURL == "" || x.GrantType == "" || x.Param == "" || slices.Contains(flowParams, x.Param) ||
		x.Param == "grant_type" {
		return fmt.Errorf("%s needs an authorize_url, a grant_type and a param of its own: write them like "+
			"th_exchange_token and access_token", where)
	}
	u, err := c.endpoint(where+".url", x.URL)
	if err == nil && u.RawQuery != "" {
		err = fmt.Errorf("%s.url has a query: take it out", where)
	}
	return err
}

// slotted checks the URL of an endpoint that a client's secret may go to; empty means that there is
// none. With a host that an end user enters, that user would choose who gets the secret.
func (c checker) slotted(where, raw string) error {
	if raw == "" {
		return nil
	}
	authority, path := splitURL(raw)
	for _, name := range fieldNames(authority + path) {
		f, ok := c.field(name)
		switch {
		case !ok:
			return fmt.Errorf("%s: {%s} is not a declared field: add it to fields", where, name)
		case f.Secret:
			return fmt.Errorf("%s: field %s is secret, and addresses are not", where, name)
		case f.From == FromGrant:
			return fmt.Errorf("%s: field %s is not known before the grant: write a fixed URL", where, name)
		case f.Kind == KindHost && f.From != FromClient && !c.ClientCredentials():
			return fmt.Errorf("%s: field %s would let end users choose who gets the client's secret: declare it from client",
				where, name)
		}
	}
	return c.slottedURL(where, raw)
}

// grant checks what each grant needs. A property of the other would be ignored in silence, so that
// it is an error.
func (c checker) grant(o *OAuth2) error {
	switch {
	case o.Grant == "":
		return nil
	case o.Grant != GrantClientCredentials:
		return fmt.Errorf("oauth2.grant %q is unknown: write client_credentials, or leave it out for the authorization code",
			o.Grant)
	case o.AuthorizeURL != "":
		return errors.New("oauth2.authorize_url: grant client_credentials never asks the provider's page: take it out")
	case len(o.AuthorizeParams) > 0 || o.NoPKCE || o.Issuer != "":
		return errors.New("oauth2: authorize_params, no_pkce and issuer belong to the authorization code: take them out, " +
			"or take out grant")
	case len(o.RefreshParams) > 0:
		return errors.New("oauth2.refresh_params: grant client_credentials has no refresh token: write token_params instead")
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
	for _, p := range []struct {
		where  string
		params map[string]string
		taken  []string
	}{
		{"authorize_params", o.AuthorizeParams, flowParams}, {"token_params", o.TokenParams, tokenFlowParams},
		{"refresh_params", o.RefreshParams, refreshFlowParams},
	} {
		for _, name := range slices.Sorted(maps.Keys(p.params)) {
			if name == "" || name == o.ClientIDParam || slices.Contains(p.taken, name) {
				return fmt.Errorf("oauth2.%s: %q is set by the flow itself: take it out", p.where, name)
			}
		}
	}
	for _, text := range o.Ended {
		if strings.TrimSpace(text) != text || text == "" || len(text) > maxRefusedText ||
			strings.ContainsFunc(text, isControl) {
			return fmt.Errorf("oauth2.ended: %q: write an error code or a part of a description, of 1 to %d bytes, "+
				"like refresh_token_expired", text, maxRefusedText)
		}
	}
	if slices.Contains(flowParams, o.ClientIDParam) || slices.Contains(tokenFlowParams, o.ClientIDParam) {
		return fmt.Errorf("oauth2.client_id_param %q has a meaning of its own: write what the provider calls client_id, "+
			"or leave it out", o.ClientIDParam)
	}
	if o.Answer != "" && !consistsOf(strings.ToLower(o.Answer), '_') {
		return fmt.Errorf("oauth2.answer %q: write the name of one member, like authed_user", o.Answer)
	}
	return nil
}
