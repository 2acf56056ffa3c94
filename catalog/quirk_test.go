package catalog

import "testing"

// with adds fields to an app, and lets edit change the rest.
func with(edit change, fields ...Field) change {
	return func(a *App) {
		a.Fields = append(a.Fields, fields...)
		if edit != nil {
			edit(a)
		}
	}
}

func at(url string, fields ...Field) change {
	return with(func(a *App) { a.Upstream = url }, fields...)
}

func TestCheckRefusesFields(t *testing.T) {
	refuse(t, granted, map[string]refusal{
		"unknown origin": {with(nil, Field{Name: "a", From: "moon"}),
			`app acme: field a: from "moon" is unknown: write client or grant, or leave it out for what the end user enters`},
		"unknown kind": {with(nil, Field{Name: "a", Kind: "url"}),
			`app acme: field a: kind "url" is unknown: write host or labels, or leave it out`},
		"placed secret": {with(nil, Field{Name: "client_secret", From: "client", Secret: true}),
			`app acme: field client_secret: the client's secret is for the token endpoint alone: take the field out`},
		"secret options": {with(nil, Field{Name: "a", Secret: true, Options: []string{"x"}}),
			`app acme: field a: options are only for values that are entered, not for hosts or secrets: take them out`},
		"empty option": {with(nil, Field{Name: "a", Options: []string{""}}),
			`app acme: field a: an option is empty: take it out`},
		"host from grant": {with(nil, Field{Name: "a", Kind: "host", From: "grant"}),
			`app acme: field a: a host from a response could be anyone's: capture the part that varies`},
		"secret labels": {with(nil, Field{Name: "a", Kind: "labels", Secret: true}),
			`app acme: field a: host names are not secret: take secret out`},
		"labels at the end": {at("https://api.{a}", Field{Name: "a", Kind: "labels"}), badSlot},
		"labels of a name":  {at("https://{a}.com", Field{Name: "a", Kind: "labels"}), badSlot},
		"labels to choose": {with(nil, Field{Name: "a", Kind: "labels", Options: []string{"x"}}),
			`app acme: field a: options are only for values that are entered, not for hosts or secrets: take them out`},
		"secret host": {with(nil, Field{Name: "a", Kind: "host", Secret: true}),
			`app acme: field a: host names are not secret: take secret out`},
		"part of a host": {at("https://api.{a}", Field{Name: "a", Kind: "host"}),
			`app acme: upstream: field a is a whole host: write https://{a}`},
		"option no host":   {at("https://api.{a}", Field{Name: "a", Options: []string{"example.com", "-"}}), badHost},
		"option too short": {at("https://{b}.{a}", Field{Name: "a", Options: []string{"com"}}, Field{Name: "b"}), badSlot},
		"never captured": {with(nil, Field{Name: "a", From: "grant"}),
			`app acme: field a is from the grant, and no oauth2.capture finds it: declare one`},
		"host takes secret": {with(func(a *App) {
			a.OAuth2.TokenURL = "https://{a}/token"
		}, Field{Name: "a", Kind: "host"}),
			`app acme: oauth2.token_url: field a would let end users choose who gets the client's secret: ` +
				`declare it from client`},
		"unknown yet": {with(func(a *App) {
			a.OAuth2.TokenURL = "https://{a}.example.com/token"
		}, Field{Name: "a", From: "grant"}),
			`app acme: oauth2.token_url: field a is not known before the grant: write a fixed URL`},
		"host takes values": {with(func(a *App) {
			a.Upstream = "https://{a}"
			a.Placement = &Placement{Header: map[string]string{"Authorization": "Bearer {access_token}", "X-Dev": "{dev}"}}
		}, Field{Name: "a", Kind: "host"}, Field{Name: "dev", From: "client", Secret: true}),
			`app acme: upstream: field a would let end users choose who gets the client's secret values: ` +
				`declare it from client`},
		"secret address": {with(func(a *App) {
			a.OAuth2.TokenURL = "https://example.com/{a}"
		}, Field{Name: "a", Secret: true}), `app acme: oauth2.token_url: field a is secret, and addresses are not`},
	})
	refuse(t, keyed, map[string]refusal{
		"no grant": {with(nil, Field{Name: "a", From: "grant"}),
			`app acme: field a: only an o_auth app has values from a client or a grant: leave from out`},
	})
}

func capture(c Capture, others ...Field) change {
	return with(func(a *App) {
		a.OAuth2.AuthorizeURL = "https://auth.example.com/authorize"
		a.OAuth2.Capture = append(a.OAuth2.Capture, c)
	}, append([]Field{{Name: "site", From: "grant"}}, others...)...)
}

// choice captures what the end user chooses by a field.
func choice(name string, others ...Field) change {
	return capture(Capture{Field: "site", From: "token", Path: "list[name={" + name + "}].id"}, others...)
}

func TestCheckRefusesCaptures(t *testing.T) {
	const badPath = `app acme: oauth2.capture site: path must be names joined by dots, like ` +
		`accounts[is_default=true].base_uri, or for callback one name`
	refuse(t, granted, map[string]refusal{
		"no such field": {capture(Capture{Field: "b", From: "token", Path: "a"}),
			`app acme: oauth2.capture b: no field of that name is from the grant: declare it with from grant`},
		"unknown place": {capture(Capture{Field: "site", From: "moon", Path: "a"}),
			`app acme: oauth2.capture site: from "moon" is unknown: write token, callback or call`},
		"no path":       {capture(Capture{Field: "site", From: "token"}), badPath},
		"path":          {capture(Capture{Field: "site", From: "token", Path: "a..b"}), badPath},
		"deep callback": {capture(Capture{Field: "site", From: "callback", Path: "a.b"}), badPath},
		"pattern": {capture(Capture{Field: "site", From: "token", Path: "a", Pattern: "("}),
			`app acme: oauth2.capture site: pattern must be a regular expression with one group: write it like ` +
				`^https://([a-z]+)\.example\.com$`},
		"two groups": {capture(Capture{Field: "site", From: "token", Path: "a", Pattern: "(.)(.)"}),
			`app acme: oauth2.capture site: pattern must be a regular expression with one group: write it like ` +
				`^https://([a-z]+)\.example\.com$`},
		"url for nothing": {capture(Capture{Field: "site", From: "token", Path: "a", URL: "https://api.example.com"}),
			`app acme: oauth2.capture site: url is for from call alone: take it out`},
		"stranger's host": {
			capture(Capture{Field: "site", From: "call", Path: "a", URL: "https://canary.example.net/"}),
			`app acme: oauth2.capture site: url has a host that the app does not have: add it to extra_hosts`},
		"no url": {capture(Capture{Field: "site", From: "call", Path: "a"}),
			`app acme: oauth2.capture site: url is not an absolute https URL` + writeURL},
		"no field to choose by": {choice("org"),
			`app acme: oauth2.capture site: path: {org} is not a declared field: add it to fields`},
		"chosen by a grant": {choice("site"),
			`app acme: oauth2.capture site: path: field site is from the grant, and only what the end user enters can ` +
				`choose: take its from out`},
		"chosen by a client": {choice("org", Field{Name: "org", From: "client"}),
			`app acme: oauth2.capture site: path: field org is from the client, and only what the end user enters can ` +
				`choose: take its from out`},
		"chosen by a secret": {choice("org", Field{Name: "org", Secret: true}),
			`app acme: oauth2.capture site: path: field org is secret, and what is compared with an answer is not: take ` +
				`secret out`},
		"chosen by no name": {choice("", Field{Name: "org"}),
			`app acme: oauth2.capture site: path: {} is not a declared field: add it to fields`},
		"a brace": {capture(Capture{Field: "site", From: "token", Path: "a[b={c].d"}),
			`app acme: oauth2.capture site: path: a { without }: write {name}, or {{ for a brace`},
		"an address of any owner": {capture(Capture{Field: "site", From: "token", Path: "[b=https://{org}].d"},
			Field{Name: "org"}),
			`app acme: oauth2.capture site: path: two literal labels must follow the last slot: write it like ` +
				`https://{subdomain}.example.com`},
		"two filters at once":    {capture(Capture{Field: "site", From: "token", Path: "[a=b][c=d].e"}), badPath},
		"a filter inside a path": {capture(Capture{Field: "site", From: "token", Path: "a.[b=c].d"}), badPath},
		"declared twice": {func(a *App) {
			capture(Capture{Field: "site", From: "token", Path: "a"})(a)
			a.OAuth2.Capture = append(a.OAuth2.Capture, a.OAuth2.Capture[0])
		}, `app acme: oauth2.capture site is a duplicate: keep one of them`},
		"no authorization": {func(a *App) {
			capture(Capture{Field: "site", From: "token", Path: "a"})(a)
			a.OAuth2.AuthorizeURL = ""
		}, `app acme: oauth2.capture site: the app has no authorization that could provide it: write an authorize_url`},
	})
}

func TestCheckRefusesExchanges(t *testing.T) {
	const incomplete = `app acme: oauth2.exchange needs an authorize_url, a grant_type and a param of its own: write ` +
		`them like th_exchange_token and access_token`
	exchange := func(x Exchange) change {
		return func(a *App) { a.OAuth2.AuthorizeURL, a.OAuth2.Exchange = "https://auth.example.com/authorize", &x }
	}
	renew := func(x Exchange) change {
		return func(a *App) { a.OAuth2.AuthorizeURL, a.OAuth2.Renew = "https://auth.example.com/authorize", &x }
	}
	refuse(t, granted, map[string]refusal{
		"no grant type": {exchange(Exchange{URL: "https://auth.example.com/x", Param: "access_token"}), incomplete},
		"no param":      {exchange(Exchange{URL: "https://auth.example.com/x", GrantType: "x"}), incomplete},
		"secret's param": {exchange(Exchange{URL: "https://auth.example.com/x", GrantType: "x", Param: "client_secret"}),
			incomplete},
		"no url": {exchange(Exchange{GrantType: "x", Param: "access_token"}),
			`app acme: oauth2.exchange.url is not an absolute https URL` + writeURL},
		"query": {exchange(Exchange{URL: "https://auth.example.com/x?a=canary", GrantType: "x",
			Param: "access_token"}), `app acme: oauth2.exchange.url has a query: take it out`},
		"no authorization": {func(a *App) {
			a.OAuth2.Exchange = &Exchange{URL: "https://auth.example.com/x", GrantType: "x", Param: "access_token"}
		}, incomplete},
		"renewal": {renew(Exchange{URL: "https://auth.example.com/x", GrantType: "x", Param: "grant_type"}),
			`app acme: oauth2.renew needs an authorize_url, a grant_type and a param of its own: write them like ` +
				`th_exchange_token and access_token`},
		"renewal, http": {renew(Exchange{URL: "http://auth.example.com/x", GrantType: "x", Param: "access_token"}),
			`app acme: oauth2.renew.url is plain http: write https, or set allow_http`},
		"renewal, within": {renew(Exchange{URL: "https://127.0.0.1/x", GrantType: "x", Param: "access_token"}),
			`app acme: oauth2.renew.url: the host is an IP address: write a host name, or set allow_private or allow_http`},
		"renewal, query": {renew(Exchange{URL: "https://auth.example.com/x?a=canary", GrantType: "x",
			Param: "access_token"}), `app acme: oauth2.renew.url has a query: take it out`},
		"refresh": {oauth2(func(o *OAuth2) {
			o.RefreshURL = "http://auth.example.com"
		}), `app acme: oauth2.refresh_url is plain http: write https, or set allow_http`},
	})
}

func TestCheckRefusesExtras(t *testing.T) {
	extra := func(hosts ...string) change { return func(a *App) { a.ExtraHosts = hosts } }
	header := func(name, value string) change { return func(a *App) { a.Headers = map[string]string{name: value} } }
	limit := func(r RateLimit) change { return func(a *App) { a.RateLimit = &r } }
	refuse(t, keyed, map[string]refusal{
		"own host": {extra("api.example.com"),
			`app acme: extra_hosts: api.example.com is the upstream's host: take it out`},
		"twice": {extra("a.example.com", "a.example.com"),
			`app acme: extra_hosts: a.example.com is a duplicate: keep one`},
		"slot": {extra("{api_key}.example.com"),
			`app acme: extra_hosts: "{api_key}.example.com" holds a placeholder: write a fixed host`},
		"with path": {extra("a.example.com/v1"),
			`app acme: extra_hosts: "a.example.com/v1" is not a host: write it like upload.example.com`},
		"private": {extra("localhost"),
			`app acme: extra_hosts: the host is not public: write a public host name, or set allow_private or allow_http`},
		"beside prefix": {func(a *App) {
			prefix("/bot{api_key}")(a)
			a.ExtraHosts = []string{"a.example.com"}
		}, `app acme: extra_hosts: a path prefix is the upstream's alone: declare another app for these hosts`},
		"verified where": {func(a *App) {
			a.Verify = &Verify{Host: "a.example.com", Path: "/me"}
		}, `app acme: verify.host a.example.com is not one of extra_hosts: add it there, or leave it out for the upstream`},

		"empty header": {header("X-Version", ""),
			`app acme: headers X-Version: must be text without a line break or spaces around it`},
		"two lines": {header("X-Version", "1\r\nA: canary"),
			`app acme: headers X-Version: must be text without a line break or spaces around it`},
		"credential": {header("authorization", "canary"),
			`app acme: headers: authorization is for credentials: write a placement`},
		"placed already": {header("x-api-key", "canary"),
			`app acme: headers: the placement sets x-api-key: keep one of them`},
		"connection level": {header("Host", "canary"),
			`app acme: headers: the header Host belongs to the connection and not to the app: write another one, like ` +
				`Authorization`},

		"two spellings": {func(a *App) {
			a.Headers = map[string]string{"X-A": "1", "x_a": "2"}
		}, `app acme: headers: x_a is set twice: keep one spelling`},
		"end user's": {header("X-User-Email", "canary"),
			`app acme: headers: X-User-Email is checked or removed by the gateway: take it out`},
		"another method": {header("X-HTTP-Method-Override", "DELETE"),
			`app acme: headers: X-HTTP-Method-Override is checked or removed by the gateway: take it out`},

		"limit of nothing": {limit(RateLimit{}),
			`app acme: rate_limit is empty: write statuses or retry_after, or leave it out`},
		"usual status": {limit(RateLimit{Statuses: []int{429}}),
			`app acme: rate_limit.statuses: 429: write statuses other than 429, such as 403`},
		"no format": {limit(RateLimit{RetryAfter: "X-Reset"}),
			`app acme: rate_limit.format "" is unknown: write seconds, ms, unix or unix_ms`},
		"format of nothing": {limit(RateLimit{Statuses: []int{403}, Format: "unix"}),
			`app acme: rate_limit.format is the format of retry_after, which is missing: write it, or take format out`},
		"when of nothing": {limit(RateLimit{RetryAfter: "X-Reset", Format: "unix", When: map[string]string{"X": "0"}}),
			`app acme: rate_limit.when narrows statuses, which are missing: write some, or take when out`},
		"header name": {limit(RateLimit{RetryAfter: "X Reset", Format: "unix"}),
			`app acme: rate_limit: "X Reset" is not a header name: write it like X-RateLimit-Reset`},
	})
}

func TestCheckRefusesOAuth1(t *testing.T) {
	signed := func(slug string) App {
		app := granted(slug)
		app.OAuth2 = nil
		app.OAuth1 = &OAuth1{RequestTokenURL: "https://api.example.com/request",
			AuthorizeURL: "https://example.com/authorize", AccessTokenURL: "https://api.example.com/access"}
		return app
	}
	if app := signed("acme"); app.Check() != nil {
		t.Fatal(app.Check())
	}
	refuse(t, signed, map[string]refusal{
		"both": {func(a *App) {
			a.OAuth2 = &OAuth2{TokenURL: "https://a.example.com"}
		}, `app acme: oauth1 needs auth_type o_auth and takes the place of oauth2: keep one of them`},
		"no token": {func(a *App) {
			a.OAuth1.AccessTokenURL = ""
		}, `app acme: oauth1.access_token_url is missing: write it like https://api.example.com/oauth/token`},
		"its own header": {headers("Authorization", "{access_token}"),
			`app acme: oauth1 puts its signature into Authorization: take the sign or the placement out`},
		"its own field": {with(nil, Field{Name: "oauth_token"}),
			`app acme: field oauth_token: an o_auth app has it without declaring it: take it out of fields`},
		"flow's own": {func(a *App) {
			a.OAuth1.AuthorizeParams = map[string]string{"oauth_callback": "canary"}
		}, `app acme: oauth1.authorize_params: "oauth_callback" is set by the flow itself: take it out`},
	})
}

// What the checks above forbid in part must be had in the right form.
func TestCheckAcceptsQuirks(t *testing.T) {
	for name, edit := range map[string]change{
		"region": at("https://www.api.{region}", Field{Name: "region", Options: []string{"example.com", "example.eu"}}),
		"slot, region": at("https://{org}.api.{region}", Field{Name: "org"},
			Field{Name: "region", Options: []string{"example.com", "us.example.com"}}),
		"whole host": at("https://{host}/api", Field{Name: "host", Kind: KindHost}),
		"client's host": with(func(a *App) {
			a.Upstream, a.OAuth2.AuthorizeURL, a.OAuth2.TokenURL = "https://{host}", "https://{host}/authorize",
				"https://{host}/{realm}/token"
		}, Field{Name: "host", Kind: KindHost, From: FromClient}, Field{Name: "realm"}),
		"chosen": choice("org", Field{Name: "org"}),
		"chosen by URL": capture(Capture{Field: "site", From: "token", Path: "[url=https://{org}.example.com].id"},
			Field{Name: "org"}),
		"literal braces": capture(Capture{Field: "site", From: "token", Path: "list[name={{org}}].id"}),
		"captured": capture(Capture{Field: "site", From: "call", URL: "https://auth.example.com/me",
			Path: "list[main=true].0.url", Pattern: `^https://([a-z]+)\.example\.com$`}),
	} {
		app := granted("acme")
		edit(&app)
		if err := app.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyChooses: what is placed as well is needed by every call.
func TestOnlyChooses(t *testing.T) {
	app := granted("acme")
	choice("org", Field{Name: "org"}, Field{Name: "other"})(&app)
	for name, want := range map[string]bool{"org": true, "other": false, "site": false} {
		if got := app.OnlyChooses(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	app.Upstream = "https://{org}.api.example.com"
	if keyed := keyed("keyed"); app.OnlyChooses("org") || keyed.OnlyChooses("api_key") {
		t.Error("a field that stands in the upstream's address is not needed")
	}
}
