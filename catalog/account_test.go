package catalog

import "testing"

func TestTokenAccount(t *testing.T) {
	signed := func() App {
		app := keyed("acme")
		app.AuthType, app.Fields, app.Placement, app.Verify = "o_auth", nil, nil, nil
		app.OAuth2 = &OAuth2{AuthorizeURL: "https://auth.example.com/authorize", TokenURL: "https://auth.example.com/token"}
		return app
	}
	of := func(account string) func(*App) { return func(a *App) { a.OAuth2.Account = account } }
	app := signed()
	of("team.0.name")(&app)
	if err := app.Check(); err != nil {
		t.Error(err)
	}
	const form = `app acme: oauth2.account: write the member that names the account, like workspace_name or team.name`
	const token = `app acme: oauth2.account: a token names no account, and must not be shown: write another member`
	refuse(t, func(string) App { return signed() }, map[string]refusal{
		"pointer": {of("/name"), form}, "filter": {of("a[b=c].d"), form}, "line break": {of("a\n"), form},
		"token": {of("access_token"), token}, "token inside": {of("authed_user.id_token"), token},
	})
}
