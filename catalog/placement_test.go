package catalog

import (
	"slices"
	"testing"
)

func headers(pairs ...string) change {
	return func(a *App) {
		a.Placement = &Placement{Header: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			a.Placement.Header[pairs[i]] = pairs[i+1]
		}
	}
}

func prefix(text string, others ...string) change {
	return func(a *App) { a.Placement = &Placement{PathPrefix: text, OtherPrefixes: others} }
}

func basicOf(username, password string) change {
	return func(a *App) { a.Placement = &Placement{Basic: &Basic{Username: username, Password: password}} }
}

const badPrefix = `app acme: placement.path_prefix must begin with / and not end with it, with plain segments only: ` +
	`write it like /bot{token}`

const badOtherPrefix = `app acme: placement.other_prefixes: each must begin with a segment that is the same for ` +
	`all, and hold a placeholder: write it like /file/bot{token}`

var badPlacements = map[string]refusal{
	"open brace": {headers("X-Key", "{api_key"),
		`app acme: placement.header X-Key: a { without }: write {name}, or {{ for a brace`},
	"no placement": {func(a *App) {
		a.Placement = nil
	}, `app acme: auth_type api_key needs a placement: say with header, query, basic or path_prefix where the key goes`},
	"empty placement": {func(a *App) {
		a.Placement = &Placement{}
	}, `app acme: auth_type api_key needs a placement: say with header, query, basic or path_prefix where the key goes`},
	"empty placement of basic": {func(a *App) {
		a.AuthType, a.Placement = "basic", &Placement{}
	}, `app acme: placement is empty: set header, query, basic or path_prefix, or leave placement out`},
	"no credential in it": {headers("X-Version", "2"),
		`app acme: placement names no field, so that no credential would be sent: write a placeholder like {api_key}`},
	"braces are no credential": {headers("X-Key", "{{api_key}}"),
		`app acme: placement names no field, so that no credential would be sent: write a placeholder like {api_key}`},
	"basic without user name": {of("basic", "user", "password"),
		`app acme: auth_type basic without a placement needs the field username: declare it, or say with placement.basic ` +
			`which fields to use`},
	"basic without password": {of("basic", "username"),
		`app acme: auth_type basic without a placement needs the field password: declare it, or say with placement.basic ` +
			`which fields to use`},
	"header without fields": {of("header"),
		`app acme: auth_type header without a placement needs fields: declare one by the header's name, like X-Api-Key`},
	"undeclared in a header": {headers("X-Key", "{apikey}"),
		`app acme: placement.header X-Key: {apikey} is not a declared field: add it to fields, or write {api_key}`},
	"nothing declared": {func(a *App) {
		a.Fields = nil
	}, `app acme: placement.header X-Api-Key: {api_key} is not a declared field: add it to fields`},
	"token of no o_auth app": {headers("Authorization", "Bearer {access_token}"),
		`app acme: placement.header Authorization: {access_token} is not a declared field: add it to fields, or write ` +
			`{api_key}`},
	"undeclared in a query": {func(a *App) {
		a.Placement = &Placement{Query: map[string]string{"k": "{x}"}}
	}, `app acme: placement.query k: {x} is not a declared field: add it to fields, or write {api_key}`},
	"empty query key": {func(a *App) {
		a.Placement.Query = map[string]string{"": "{api_key}"}
	}, `app acme: placement.query: "" is not a query key: write it like api_key`},
	"undeclared user name": {basicOf("{x}", "{api_key}"),
		`app acme: placement.basic.username: {x} is not a declared field: add it to fields, or write {api_key}`},
	"undeclared password": {basicOf("api", "{x}"),
		`app acme: placement.basic.password: {x} is not a declared field: add it to fields, or write {api_key}`},
	"colon in the user name": {basicOf("a:{api_key}", ""),
		`app acme: placement.basic.username holds a colon, which ends a user name: put what follows it into password`},
	"undeclared in the prefix": {prefix("/bot{x}"),
		`app acme: placement.path_prefix: {x} is not a declared field: add it to fields, or write {api_key}`},
	"prefix without slash":     {prefix("bot{api_key}"), badPrefix},
	"prefix with slash at end": {prefix("/bot{api_key}/"), badPrefix},
	"prefix with dot segment":  {prefix("/../{api_key}"), badPrefix},
	"prefix with query":        {prefix("/bot?{api_key}"), badPrefix},
	"prefix encoded":           {prefix("/%2e%2e/{api_key}"), badPrefix},
	"other prefix alone": {func(a *App) {
		a.Placement = &Placement{Header: a.Placement.Header, OtherPrefixes: []string{"/file/bot{api_key}"}}
	}, `app acme: placement.other_prefixes without a path_prefix: write that of all other paths, like /bot{token}`},
	"other prefix without head": {prefix("/bot{api_key}", "/file{api_key}"), badOtherPrefix},
	"other prefix without slot": {prefix("/bot{api_key}", "/file/bot"), badOtherPrefix},
	"other prefix like a host":  {prefix("/bot{api_key}", "/~file/bot{api_key}"), badOtherPrefix},
	"other prefix without slash": {prefix("/bot{api_key}", "file/bot{api_key}"),
		`app acme: placement.other_prefixes must begin with / and not end with it, with plain segments only: write it ` +
			`like /bot{token}`},
	"undeclared in another": {prefix("/bot{api_key}", "/file/bot{x}"),
		`app acme: placement.other_prefixes: {x} is not a declared field: add it to fields, or write {api_key}`},
	"other prefixes alike": {prefix("/bot{api_key}", "/file/bot{api_key}", "/file/x/{api_key}"),
		`app acme: placement.other_prefixes: two of them begin with /file/x: keep one`},
	"line feed in a header": {headers("X-Key", "{api_key}\r\nX-Evil: 1"),
		`app acme: placement.header X-Key holds a control character: take it out`},
	"whole line as header name": {headers("Authorization: Bearer canary", "{api_key}"),
		`app acme: placement.header: the header name that begins with "Authorization" is invalid: write the name ` +
			`alone, like X-Api-Key`},
	"empty header name": {headers("", "{api_key}"),
		`app acme: placement.header: a header has no name: write it like X-Api-Key`},
	"host header": {headers("HOST", "{api_key}"),
		`app acme: placement.header: the header HOST belongs to the connection and not to the app: write another one, ` +
			`like Authorization`},
	"content length": {headers("content-length", "{api_key}"),
		`app acme: placement.header: the header content-length belongs to the connection and not to the app: write ` +
			`another one, like Authorization`},
	"hop-by-hop header": {headers("te", "{api_key}"),
		`app acme: placement.header: the header te belongs to the connection and not to the app: write another one, like ` +
			`Authorization`},
	"header in two spellings": {headers("X-Key", "{api_key}", "x-key", "{api_key}"),
		`app acme: placement.header: X-Key is set twice: keep one spelling`},
	"basic and authorization": {func(a *App) {
		a.Placement = &Placement{Basic: &Basic{"a", "{api_key}"}, Header: map[string]string{"authorization": "{api_key}"}}
	}, `app acme: placement: basic and the header Authorization are one header: keep one of them`},
}

func TestCheckRefusesPlacement(t *testing.T) { refuse(t, keyed, badPlacements) }

func TestPrefixes(t *testing.T) {
	var none *Placement
	if got := none.Prefixes(); got != nil {
		t.Errorf("without a placement: %v", got)
	}
	p := &Placement{PathPrefix: "/bot{token}", OtherPrefixes: []string{"/file/bot{token}"}}
	want := []Prefix{{"/file", "/file/bot{token}"}, {"", "/bot{token}"}}
	if got := p.Prefixes(); !slices.Equal(got, want) {
		t.Errorf("Prefixes() = %v, want %v", got, want)
	}
}
