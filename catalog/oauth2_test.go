package catalog

import "testing"

func oauth2(edit func(*OAuth2)) change { return func(a *App) { edit(a.OAuth2) } }

var badGrants = map[string]refusal{
	"no oauth2": {func(a *App) {
		a.OAuth2 = nil
	}, `app acme: auth_type o_auth needs oauth2: write at least its token_url`},
	"no token URL": {oauth2(func(o *OAuth2) {
		o.TokenURL = ""
	}), `app acme: oauth2.token_url is missing: write it like https://auth.example.com/token`},
	"plain token URL": {oauth2(func(o *OAuth2) {
		o.TokenURL = "http://auth.example.com"
	}), `app acme: oauth2.token_url is plain http: write https, or set allow_http`},
	"plain authorize": {oauth2(func(o *OAuth2) {
		o.AuthorizeURL = "http://auth.example.com"
	}), `app acme: oauth2.authorize_url is plain http: write https, or set allow_http`},
	"relative revoke": {oauth2(func(o *OAuth2) {
		o.RevokeURL = "/revoke"
	}), `app acme: oauth2.revoke_url is not an absolute https URL` + writeURL},
	"token URL with key": {oauth2(func(o *OAuth2) {
		o.TokenURL = "https://id:canary@auth.example.com"
	}), `app acme: oauth2.token_url has user info: take it out, and say in the placement where the credential goes`},
	"private token URL": {oauth2(func(o *OAuth2) {
		o.TokenURL = "https://localhost/token"
	}),
		`app acme: oauth2.token_url: the host is not public: write a public host name, or set allow_private or allow_http`},
	"slot in token URL": {oauth2(func(o *OAuth2) {
		o.TokenURL = "https://{a}.example.com/token"
	}), `app acme: oauth2.token_url: {a} is not a declared field: add it to fields`},
	"client auth": {oauth2(func(o *OAuth2) {
		o.ClientAuth = "basic"
	}), `app acme: oauth2.client_auth "basic" is unknown: write body, header or header_raw`},
	"negative lifetime": {oauth2(func(o *OAuth2) {
		o.TokenLifetime = -1
	}), `app acme: oauth2.token_lifetime is negative: write seconds, or leave it out if tokens do not expire`},
	"two scopes in one": {oauth2(func(o *OAuth2) {
		o.Scopes = []string{"a b"}
	}), `app acme: oauth2.scopes: "a b" is not one scope: write each as a string of its own`},
	"separator": {oauth2(func(o *OAuth2) {
		o.ScopeSeparator = "\n"
	}), `app acme: oauth2.scope_separator holds a control character: write a comma, or leave it out for a space`},
	"state as parameter": {oauth2(func(o *OAuth2) {
		o.AuthorizeParams = map[string]string{"state": "x"}
	}), `app acme: oauth2.authorize_params: "state" is set by the flow itself: take it out`},
	"refresh of a token": {refreshParam("refresh_token"), refreshTaken("refresh_token")},
	"refresh of a grant": {refreshParam("grant_type"), refreshTaken("grant_type")},
	"refresh of a code":  {refreshParam("code"), refreshTaken("code")},
	"refresh of an id":   {refreshParam("client_id"), refreshTaken("client_id")},
	"refresh of nothing": {refreshParam(""), refreshTaken("")},
	"token as field": {func(a *App) {
		a.Fields = []Field{{Name: "access_token"}}
	}, `app acme: field access_token: an o_auth app has it without declaring it: take it out of fields`},
	"token as slot": {upstream("https://{access_token}.example.com"),
		`app acme: upstream: {access_token} cannot be a slot: put the token into the placement`},
	"plain issuer": {oauth2(func(o *OAuth2) {
		o.Issuer = "http://auth.example.com"
	}), `app acme: oauth2.issuer is plain http: write https, or set allow_http`},
	"issuer with query": {oauth2(func(o *OAuth2) {
		o.Issuer = "https://auth.example.com/?a"
	}), `app acme: oauth2.issuer has a query, which no issuer has: write it like https://auth.example.com`},
	"issuer with slot": {oauth2(func(o *OAuth2) {
		o.Issuer = "https://auth.example.com/{t}"
	}), `app acme: oauth2.issuer holds a placeholder, which only endpoints may: write a fixed URL`},
	"undeclared": {headers("X-Token", "{token}"),
		`app acme: placement.header X-Token: {token} is not a declared field: add it to fields, or write {access_token} or ` +
			`{token_type}`},
}

func refreshParam(name string) change {
	return oauth2(func(o *OAuth2) { o.RefreshParams = map[string]string{name: "x"} })
}

func refreshTaken(name string) string {
	return `app acme: oauth2.refresh_params: "` + name + `" is set by the flow itself: take it out`
}

// TestRefreshParams: what only the first request must not set is free in the refresh.
func TestRefreshParams(t *testing.T) {
	app := granted("acme")
	app.OAuth2.RefreshParams = map[string]string{"scope": "api://books/.default offline_access",
		"redirect_uri": "https://gate.example.com/cb"}
	if err := app.Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesOAuth2(t *testing.T) { refuse(t, granted, badGrants) }

// ownClient makes an app of the client-credentials grant, before edit.
func ownClient(edit change) change {
	return func(a *App) {
		a.OAuth2.Grant = "client_credentials"
		a.Fields = []Field{{Name: "client_id"}, {Name: "client_secret", Secret: true}}
		edit(a)
	}
}

const neverPlaced = ` is the OAuth client's, for the token endpoint alone: write {access_token}`

func TestCheckRefusesClientCredentials(t *testing.T) {
	const codeOnly = `app acme: oauth2: authorize_params, no_pkce and issuer belong to the authorization code: take ` +
		`them out, or take out grant`
	refuse(t, granted, map[string]refusal{
		"unknown grant": {ownClient(oauth2(func(o *OAuth2) {
			o.Grant = "password"
		})),
			`app acme: oauth2.grant "password" is unknown: write client_credentials, or leave it out for the ` +
				`authorization code`},
		"authorize URL": {ownClient(oauth2(func(o *OAuth2) {
			o.AuthorizeURL = "https://auth.example.com"
		})), `app acme: oauth2.authorize_url: grant client_credentials never asks the provider's page: take it out`},
		"authorize params": {ownClient(oauth2(func(o *OAuth2) {
			o.AuthorizeParams = map[string]string{"a": "b"}
		})), codeOnly},
		"no PKCE": {ownClient(oauth2(func(o *OAuth2) { o.NoPKCE = true })), codeOnly},
		"refresh params": {ownClient(refreshParam("a")),
			`app acme: oauth2.refresh_params: grant client_credentials has no refresh token: write token_params instead`},
		"issuer": {ownClient(oauth2(func(o *OAuth2) { o.Issuer = "https://auth.example.com" })), codeOnly},
		"no client id": {ownClient(func(a *App) {
			a.Fields = a.Fields[1:]
		}), `app acme: oauth2.grant client_credentials takes the client from the end user: declare the field client_id`},
		"no client secret": {ownClient(func(a *App) {
			a.Fields = a.Fields[:1]
		}), `app acme: oauth2.grant client_credentials takes the client from the end user: declare the field client_secret`},
		"open secret": {open(ownClient(nothing)),
			`app acme: field client_secret is the OAuth client's: write it secret`},
		"secret placed": {ownClient(headers("X-Key", "{client_secret}")),
			`app acme: placement.header X-Key: {client_secret}` + neverPlaced},
		"id placed": {ownClient(func(a *App) {
			a.Placement = &Placement{Query: map[string]string{"id": "{client_id}"}}
		}), `app acme: placement.query id: {client_id}` + neverPlaced},
		"id as slot": {ownClient(upstream("https://{client_id}.api.example.com")),
			`app acme: upstream: {client_id}` + neverPlaced},
		"secret signs": {ownClient(hmac(func(a *App) {
			a.Sign.Key = "{client_secret}"
		})), `app acme: sign.key: {client_secret}` + neverPlaced},
		"id in verify": {ownClient(verify(Verify{Path: "/{client_id}"})),
			`app acme: verify.path: {client_id}` + neverPlaced},
		"undeclared": {ownClient(headers("X-Token", "{token}")),
			`app acme: placement.header X-Token: {token} is not a declared field: add it to fields, or write ` +
				`{access_token} or {token_type}`},
	})
}

// TestCanAuthorize also says which fields are the client's own.
func TestCanAuthorize(t *testing.T) {
	for name, c := range map[string]struct {
		base        func(string) App
		edit        change
		want, owned bool
	}{
		"key": {keyed, func(a *App) {
			a.Fields = append(a.Fields, Field{Name: "client_secret"})
		}, true, false},
		"token alone":        {granted, nothing, false, false},
		"provider's page":    {granted, oauth2(func(o *OAuth2) { o.AuthorizeURL = "https://auth.example.com" }), true, false},
		"client credentials": {granted, ownClient(nothing), true, true},
		"client credentials with an open slot": {granted, ownClient(func(a *App) {
			a.Upstream, a.Fields = "https://{site}.example.com", append(a.Fields, Field{Name: "site"})
		}), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			app := c.base("acme")
			c.edit(&app)
			if err := app.Check(); err != nil {
				t.Fatal(err)
			}
			if app.CanAuthorize() != c.want || app.ClientCredentials() != c.owned ||
				app.OwnsClient("client_secret") != c.owned || app.OwnsClient("site") {
				t.Errorf("can authorize %v, want %v; or its fields are judged wrongly", app.CanAuthorize(), c.want)
			}
		})
	}
}
