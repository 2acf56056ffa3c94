package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestVerifyAnswers(t *testing.T) {
	for name, v := range map[string]Verify{
		"member with a value": {Success: "ok=true"}, "member that is there": {Success: "data.me.id"},
		"element": {Success: "items.0.id"},
		"account": {Account: "login"}, "account of a list": {Method: "POST", Account: "data.0.e-mail"},
		"value with =": {Success: "a.b=c=d"}, "with POST": {Method: "POST", Success: "ok=true"},
		"wrong": {Wrong: []int{400, 403, 302, 500}}, "wrong and unsure": {Wrong: []int{400}, Inconclusive: true},
	} {
		app := keyed("acme")
		v.Path = "/me"
		app.Verify = &v
		if err := app.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const success = `app acme: verify.success: write a member and its value like ok=true, or data.me.id for one that ` +
		`is not null`
	wrong := func(status string) string {
		return `app acme: verify.wrong: ` + status +
			` does not mean a wrong credential: write those that do, such as 400 or 403`
	}
	const account = `app acme: verify.account: write the member that names the account, like login or data.email`
	refuse(t, keyed, map[string]refusal{
		"account of a pointer": {verify(Verify{Path: "/", Account: "/login"}), account},
		"account with a value": {verify(Verify{Path: "/", Account: "a=b"}), account},
		"account by a filter":  {verify(Verify{Path: "/", Account: "a[b=c].d"}), account},
		"account in two lines": {verify(Verify{Path: "/", Account: "a\n"}), account},
		"account of HEAD": {verify(Verify{Method: "HEAD", Path: "/", Account: "login"}),
			`app acme: verify.account: an answer to HEAD has no body: write method GET, or take account out`},
		"no name":      {verify(Verify{Path: "/", Success: "=true"}), success},
		"empty value":  {verify(Verify{Path: "/", Success: "ok="}), success},
		"JSON pointer": {verify(Verify{Path: "/", Success: "/ok"}), success},
		"filter":       {verify(Verify{Path: "/", Success: "a[b=c].d"}), success},
		"line break":   {verify(Verify{Path: "/", Success: "ok=canary\n"}), success},
		"HEAD": {verify(Verify{Method: "HEAD", Path: "/", Success: "ok=true"}),
			`app acme: verify.success: an answer to HEAD has no body: write method GET, or take success out`},
		"wrong 401": {verify(Verify{Path: "/", Wrong: []int{401}}),
			`app acme: verify.wrong: 401 means a wrong credential anyway: take it out`},
		"wrong twice": {verify(Verify{Path: "/", Wrong: []int{403, 403}}),
			`app acme: verify.wrong: 403 is a duplicate: keep one of them`},
		"wrong success": {verify(Verify{Path: "/", Wrong: []int{200}}), wrong("200")},
		"wrong 429":     {verify(Verify{Path: "/", Wrong: []int{429}}), wrong("429")},
		"wrong 408":     {verify(Verify{Path: "/", Wrong: []int{408}}), wrong("408")},
		"wrong 503":     {verify(Verify{Path: "/", Wrong: []int{503}}), wrong("503")},
		"no status":     {verify(Verify{Path: "/", Wrong: []int{4000}}), wrong("4000")},
	})
}

func TestVerifySucceeds(t *testing.T) {
	for text, want := range map[string]struct {
		path []string
		text string
	}{"": {}, "ok=true": {[]string{"ok"}, "true"}, "data.me.id": {[]string{"data", "me", "id"}, ""},
		"a.0=b=c": {[]string{"a", "0"}, "b=c"}} {
		path, value := (&Verify{Success: text}).Succeeds()
		if !slices.Equal(path, want.path) || value != want.text {
			t.Errorf("%q: %q %q", text, path, value)
		}
	}
}

func TestNames(t *testing.T) {
	app := keyed("acme")
	for _, c := range []struct{ short, name, want string }{{"", "", "acme"}, {"", "Acme CRM", "Acme CRM"},
		{"Acme", "Acme CRM", "Acme"}} {
		if app.ShortName, app.Name = c.short, c.name; app.CallName() != c.want {
			t.Errorf("%q %q is called %q, want %q", c.short, c.name, app.CallName(), c.want)
		}
	}
	app = keyed("acme")
	app.ShortName, app.HelpURL, app.Fields[0].Help = "Acmé", "https://help.example.com/en?a=b#where",
		"In your profile, below “API”."
	if err := app.Check(); err != nil {
		t.Error(err)
	}
	const short = `app acme: short_name: write at most 40 bytes of text without control characters or spaces around it`
	const help = `app acme: field api_key: help: write at most 200 bytes of text without control characters or spaces ` +
		`around it`
	const link = `app acme: help_url: write an https URL of at most 500 bytes with a public host name, without user info`
	cases := map[string]refusal{
		"long name":   {func(a *App) { a.ShortName = strings.Repeat("a", 41) }, short},
		"turned name": {func(a *App) { a.ShortName = "a\u202Eb" }, short},
		"two lines":   {func(a *App) { a.ShortName = "a\nb" }, short},
		"spaces":      {func(a *App) { a.ShortName = " a" }, short},
		"long help":   {func(a *App) { a.Fields[0].Help = strings.Repeat("a", 201) }, help},
		"help of a captured value": {func(a *App) {
			a.Fields = append(a.Fields, Field{Name: "x", From: FromClient, Help: "x"})
		}, `app acme: field x: help is for what the end user enters: take it out`},
	}
	for _, u := range []string{
		"http://help.example.com", "javascript:alert(1)", "//help.example.com", "https://", "https://localhost/",
		"https://u:p@help.example.com",
		`https://help.example.com/"onclick=`, "https://help.example.com/ x",
		"https://help.example.com/" + strings.Repeat("a", 500),
	} {
		cases["help_url "+u] = refusal{func(a *App) { a.HelpURL = u }, link}
	}
	refuse(t, keyed, cases)
}
