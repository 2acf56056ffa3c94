package catalog

import (
	"strings"
	"testing"
)

// A change turns the app of keyed or granted into the one of a case.
type change = func(*App)

// refusal is a change that breaks one rule, with the whole text of the error.
type refusal struct {
	edit change
	want string
}

// of sets the auth type and the fields, all secret, with the default placement.
func of(authType string, names ...string) change {
	return func(a *App) {
		a.AuthType, a.Placement, a.Fields = authType, nil, nil
		for _, name := range names {
			a.Fields = append(a.Fields, Field{Name: name, Secret: true})
		}
	}
}

// open declares every field as no secret, after edit.
func open(edit change) change {
	return func(a *App) {
		edit(a)
		for i := range a.Fields {
			a.Fields[i].Secret = false
		}
	}
}

// beside declares another field, first of all.
func beside(f Field, edit change) change {
	return func(a *App) {
		edit(a)
		a.Fields = append([]Field{f}, a.Fields...)
	}
}

const notSecret = `app acme: no field that authenticates is secret, so that the configuration could hold a key in ` +
	`plain text: write field api_key secret`

func nothing(*App) {}

func verify(v Verify) change { return func(a *App) { a.Verify = &v } }

var goodKeyed = map[string]change{
	"as it is":               nothing,
	"base path":              upstream("https://api.example.com/v1"),
	"base path with a slash": upstream("https://api.example.com/v1/"),
	"port":                   upstream("https://api.example.com:8443"),
	"loopback address":       loopback("http://127.0.0.1:9000"),
	"loopback address, IPv6": loopback("http://[::1]:9000"),
	"single label inside":    loopback("http://backend:9000/api"),
	"underscore inside":      loopback("http://my_backend:9000/api"),
	"localhost inside":       loopback("http://localhost:9000/api"),
	"IPv6, port and path":    loopback("https://[::1]:9000/git/api/v1"),
	"https to a private name": func(a *App) {
		a.Upstream, a.AllowPrivate = "https://crm.internal", []string{"10.0.0.0/8"}
	},
	"plain http": func(a *App) { a.Upstream, a.AllowHTTP = "http://api.example.com", true },
	"slot": func(a *App) {
		a.Upstream = "https://{tenant}.example.com"
		a.Fields = append(a.Fields, Field{Name: "tenant"})
	},
	"slot in part of a label": func(a *App) {
		a.Upstream = "https://api-{dc}.example.com"
		a.Fields = append(a.Fields, Field{Name: "dc"})
	},
	"braces as text":              headers("X-Api-Key", `{{"key":"{api_key}"}}`),
	"query":                       func(a *App) { a.Placement = &Placement{Query: map[string]string{"key": "{api_key}"}} },
	"basic":                       basicOf("api", "{api_key}"),
	"basic, user name is the key": basicOf("{api_key}", ""),
	"path prefix":                 prefix("/v1/bot{api_key}"),
	"header and query":            func(a *App) { a.Placement.Query = map[string]string{"v": "2"} },
	"default of basic":            of("basic", "username", "password"),
	"default of header":           of("header", "X-Api-Key", "X-Api-Secret"),
	"aws":                         aws(nothing),
	"hmac":                        hmac(nothing),
	"hmac without a timestamp":    hmac(func(a *App) { a.Sign.Message, a.Sign.TimestampHeader = "{body}", "" }),
	"one of two is secret":        beside(Field{Name: "id"}, headers("X-Id", "{id}", "X-Key", "{api_key}")),
	"sign beside an open header":  beside(Field{Name: "id"}, hmac(headers("X-Id", "{id}"))),
	"verify": verify(Verify{Method: "POST", Path: "/me?key={api_key}",
		Headers: map[string]string{"X-V": "1"}, Body: `{{"k":"{api_key}"}}`}),
	"passthrough":          func(a *App) { a.Errors = "passthrough" },
	"errors in XML":        func(a *App) { a.ErrorForm = AWSXML },
	"errors as Telegram's": func(a *App) { a.ErrorForm = TelegramForm },
	"errors with a text":   func(a *App) { a.ErrorForm = ErrorText },
	"longest slug":         func(a *App) { a.Slug = strings.Repeat("a", 64) },
}

var goodGranted = map[string]change{
	"as it is":      nothing,
	"token placed":  headers("X-Token", "{token_type} {access_token}"),
	"token signs":   hmac(func(a *App) { a.Sign.Key = "{access_token}" }),
	"secret placed": beside(Field{Name: "key", Secret: true}, headers("X-Key", "{key}")),
	"everything": func(a *App) {
		a.OAuth2 = &OAuth2{
			AuthorizeURL: "https://auth.example.com/authorize?tenant=common", TokenURL: "https://auth.example.com/token",
			RevokeURL: "https://auth.example.com/revoke",
			Scopes:    []string{"read", "https://example.com/write"}, ScopeSeparator: ",", ClientAuth: "header",
			AuthorizeParams: map[string]string{"prompt": "consent"}, TokenLifetime: 3600,
			Issuer: "https://auth.example.com/tenant",
		}
	},
	"plain http": func(a *App) { a.OAuth2.TokenURL, a.AllowHTTP = "http://127.0.0.1:9000/token", true },
	"slot": func(a *App) {
		a.Upstream, a.Fields = "https://{instance}.my.example.com", []Field{{Name: "instance"}}
	},
}

func TestCheckAccepts(t *testing.T) {
	for _, group := range []struct {
		name  string
		base  func(string) App
		cases map[string]change
	}{{"api_key", keyed, goodKeyed}, {"o_auth", granted, goodGranted}} {
		for name, edit := range group.cases {
			t.Run(group.name+"/"+name, func(t *testing.T) {
				app := group.base("acme")
				edit(&app)
				if err := app.Check(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

var badKeyed = map[string]refusal{
	"no slug": {func(a *App) {
		a.Slug = ""
	}, `app "": slug must be 1 to 64 of a-z, 0-9 and -: write it like my-app`},
	"upper-case slug": {func(a *App) {
		a.Slug = "Acme"
	}, `app "Acme": slug must be 1 to 64 of a-z, 0-9 and -: write it like my-app`},
	"slug with underscore": {func(a *App) {
		a.Slug = "my_app"
	}, `app "my_app": slug must be 1 to 64 of a-z, 0-9 and -: write it like my-app`},
	"long slug": {func(a *App) {
		a.Slug = strings.Repeat("a", 65)
	}, `app "` + strings.Repeat("a", 65) + `": slug must be 1 to 64 of a-z, 0-9 and -: write it like my-app`},
	"auth type": {func(a *App) {
		a.AuthType = "oauth2"
	}, `app acme: auth_type "oauth2" is unknown: write o_auth, api_key, basic or header`},
	"category": {func(a *App) {
		a.Categories = []string{"crm", "E Mail"}
	}, `app acme: category "E Mail": write lower-case words like project-management`},
	"error form": {func(a *App) {
		a.ErrorForm = "xml"
	},
		`app acme: error_form "xml" is unknown: write aws_xml or telegram or error_text, or leave it out for the usual JSON`},
	"errors": {func(a *App) {
		a.Errors = "raw"
	}, `app acme: errors "raw" is unknown: write passthrough, or leave it out to have errors mapped`},
	"no CIDR": {func(a *App) {
		a.AllowPrivate = []string{"10.0.0.1"}
	}, `app acme: allow_private "10.0.0.1" is not a CIDR: write it like 10.0.0.0/8`},
	"CIDR with host bits": {func(a *App) {
		a.AllowPrivate = []string{"10.1.2.3/8"}
	},
		`app acme: allow_private "10.1.2.3/8" has bits set beyond its length: write 10.0.0.0/8, or 10.1.2.3/32 for the ` +
			`one address`},

	"field name": {func(a *App) {
		a.Fields[0].Name = "Api-Key"
	}, `app acme: field "Api-Key": a name must be of a-z, 0-9 and _: write it like api_key`},
	"empty field name": {func(a *App) {
		a.Fields[0].Name = ""
	}, `app acme: field "": a name must be of a-z, 0-9 and _: write it like api_key`},
	"field twice": {func(a *App) {
		a.Fields = append(a.Fields, a.Fields[0])
	}, `app acme: field api_key is a duplicate: keep one of them`},
	"header field twice": {of("header", "X-Key", "x-key"), `app acme: field x-key is a duplicate: keep one of them`},
	"header field no token": {of("header", "X Key"),
		`app acme: fields: the header name that begins with "X" is invalid: write the name alone, like X-Api-Key`},
	"header field reserved": {of("header", "host"),
		`app acme: fields: the header host belongs to the connection and not to the app: write another one, like ` +
			`Authorization`},

	"verify path": {verify(Verify{Path: "me"}),
		`app acme: verify.path must begin with one /: write what follows the upstream, like /users/me`},
	"verify path to a host": {verify(Verify{Path: "//evil.example.com"}),
		`app acme: verify.path must begin with one /: write what follows the upstream, like /users/me`},
	"verify path with fragment": {verify(Verify{Path: "/me#x"}),
		`app acme: verify.path holds #, a backslash or a space: write them percent-encoded`},
	"verify method": {verify(Verify{Method: "DELETE", Path: "/me"}),
		`app acme: verify.method "DELETE": write GET, HEAD or POST: a verify request must change nothing`},
	"undeclared in verify path": {verify(Verify{Path: "/{id}"}),
		`app acme: verify.path: {id} is not a declared field: add it to fields, or write {api_key}`},
	"undeclared in verify header": {verify(Verify{Path: "/", Headers: map[string]string{"X-V": "{v}"}}),
		`app acme: verify.headers X-V: {v} is not a declared field: add it to fields, or write {api_key}`},
	"undeclared in verify body": {verify(Verify{Path: "/", Body: `{{"a":"{b}"}}`}),
		`app acme: verify.body: {b} is not a declared field: add it to fields, or write {api_key}`},
	"JSON as verify body": {verify(Verify{Path: "/", Body: `{"a":"canary"}`}),
		`app acme: verify.body: the text between { and } is not a name: write {name}, or {{ and }} for braces`},
	"verify header name": {verify(Verify{Path: "/", Headers: map[string]string{"Host": "x"}}),
		`app acme: verify.headers: the header Host belongs to the connection and not to the app: write another one, like ` +
			`Authorization`},
	"oauth2 of a keyed app": {func(a *App) {
		a.OAuth2 = &OAuth2{TokenURL: "https://auth.example.com"}
	}, `app acme: auth_type api_key does not use oauth2: take it out, or write auth_type o_auth`},
}

// badSecrecy are apps whose credential nothing would keep secret.
var badSecrecy = map[string]refusal{
	"header": {open(nothing), notSecret},
	"query": {open(func(a *App) {
		a.Placement = &Placement{Query: map[string]string{"key": "{api_key}"}}
	}), notSecret},
	"basic":              {open(basicOf("{api_key}", "")), notSecret},
	"path prefix":        {open(prefix("/bot{api_key}")), notSecret},
	"secret, not placed": {beside(Field{Name: "other", Secret: true}, open(nothing)), notSecret},
	"key of a sign": {beside(Field{Name: "other", Secret: true}, open(hmac(headers("X-Other", "{other}")))),
		notSecret},
	"aws": {open(aws(nothing)),
		`app acme: no field that authenticates is secret, so that the configuration could hold a key in plain text: write ` +
			`field ` +
			`secret_access_key secret`},
	"default of basic": {beside(Field{Name: "username", Secret: true}, open(of("basic", "password"))),
		`app acme: no field that authenticates is secret, so that the configuration could hold a key in plain text: write ` +
			`field ` +
			`password secret`},
	"default of header": {open(of("header", "X-Api-Key", "X-Id")),
		`app acme: no field that authenticates is secret, so that the configuration could hold a key in plain text: write ` +
			`field ` +
			`X-Api-Key secret`},
	"password comes first": {beside(Field{Name: "id"}, open(basicOf("{id}", "{api_key}"))), notSecret},
}

func TestCheckRefusesSecrecy(t *testing.T) {
	refuse(t, keyed, badSecrecy)
	refuse(t, granted, map[string]refusal{
		"token not placed": {headers("X-Type", "{token_type}"),
			`app acme: nothing that authenticates is secret: place {access_token}, or write field NAME secret and place that`},
	})
}

func TestCheckRefuses(t *testing.T) { refuse(t, keyed, badKeyed) }

func refuse(t *testing.T, base func(slug string) App, cases map[string]refusal) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			app := base("acme")
			c.edit(&app)
			err := app.Check()
			if err == nil || err.Error() != c.want {
				t.Fatalf("error\n got %v\nwant %s", err, c.want)
			}
			// What an operator put into the wrong place may be a key.
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error spills a value: %v", err)
			}
		})
	}
}
