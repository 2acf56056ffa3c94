package catalog

import "testing"

func oauth2(edit func(*OAuth2)) change { return func(a *App) { edit(a.OAuth2) } }

var badGrants = map[string]refusal{
	"no oauth2":          {func(a *App) { a.OAuth2 = nil }, `app acme: auth_type o_auth needs oauth2: write at least its token_url`},
	"no token URL":       {oauth2(func(o *OAuth2) { o.TokenURL = "" }), `app acme: oauth2.token_url is missing: write it like https://auth.example.com/token`},
	"plain token URL":    {oauth2(func(o *OAuth2) { o.TokenURL = "http://auth.example.com" }), `app acme: oauth2.token_url is plain http: write https, or set allow_http`},
	"plain authorize":    {oauth2(func(o *OAuth2) { o.AuthorizeURL = "http://auth.example.com" }), `app acme: oauth2.authorize_url is plain http: write https, or set allow_http`},
	"relative revoke":    {oauth2(func(o *OAuth2) { o.RevokeURL = "/revoke" }), `app acme: oauth2.revoke_url is no absolute https URL` + writeURL},
	"token URL with key": {oauth2(func(o *OAuth2) { o.TokenURL = "https://id:canary@auth.example.com" }), `app acme: oauth2.token_url has user info: take it out, and say in the placement where the credential goes`},
	"private token URL":  {oauth2(func(o *OAuth2) { o.TokenURL = "https://localhost/token" }), `app acme: oauth2.token_url: the host is not public: write a public host name, or set allow_private or allow_http`},
	"slot in token URL":  {oauth2(func(o *OAuth2) { o.TokenURL = "https://{a}.example.com/token" }), `app acme: oauth2.token_url holds a placeholder, which only upstreams may: write a fixed URL`},
	"client auth":        {oauth2(func(o *OAuth2) { o.ClientAuth = "basic" }), `app acme: oauth2.client_auth "basic" is unknown: write body or header`},
	"negative lifetime":  {oauth2(func(o *OAuth2) { o.TokenLifetime = -1 }), `app acme: oauth2.token_lifetime is negative: write seconds, or leave it out if tokens do not expire`},
	"two scopes in one":  {oauth2(func(o *OAuth2) { o.Scopes = []string{"a b"} }), `app acme: oauth2.scopes: "a b" is not one scope: write each as a string of its own`},
	"separator":          {oauth2(func(o *OAuth2) { o.ScopeSeparator = "\n" }), `app acme: oauth2.scope_separator holds a control character: write a comma, or leave it out for a space`},
	"state as parameter": {oauth2(func(o *OAuth2) { o.AuthorizeParams = map[string]string{"state": "x"} }), `app acme: oauth2.authorize_params: "state" is set by the flow itself: take it out`},
	"token as field":     {func(a *App) { a.Fields = []Field{{Name: "access_token"}} }, `app acme: field access_token: an o_auth app has it without declaring it: take it out of fields`},
	"token as slot":      {upstream("https://{access_token}.example.com"), `app acme: upstream: {access_token} cannot be a slot: put the token into the placement`},
	"undeclared":         {headers("X-Token", "{token}"), `app acme: placement.header X-Token: {token} is no declared field: add it to fields, or write {access_token} or {token_type}`},
}

func TestCheckRefusesOAuth2(t *testing.T) { refuse(t, granted, badGrants) }
