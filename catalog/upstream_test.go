package catalog

import (
	"strings"
	"testing"
)

func upstream(url string) change { return func(a *App) { a.Upstream = url } }

func loopback(url string) change {
	return func(a *App) { a.Upstream, a.AllowHTTP, a.AllowPrivate = url, true, []string{"127.0.0.0/8", "::1/128"} }
}

// slotted sets an upstream that may use {tenant}.
func slotted(url string) change {
	return func(a *App) { a.Upstream, a.Fields = url, append(a.Fields, Field{Name: "tenant"}) }
}

const (
	writeURL  = ": write it like https://api.example.com"
	notPublic = `app acme: upstream: the host is not public: write a public host name, or set allow_private or allow_http`
	isIP      = `app acme: upstream: the host is an IP address: write a host name, or set allow_private or allow_http`
	badPath   = `app acme: upstream: the path must hold no dot segment, empty segment or backslash: write it like ` +
		`https://api.example.com/v1`
	badHost = `app acme: upstream: the host name is invalid: write lower-case letters, digits, - and dots (an ` +
		`international name as xn--…)`
	badIP   = `app acme: upstream: the host ends in a number: write a host name, or an address in its usual form`
	badSlot = `app acme: upstream: two literal labels must follow the last slot: write it like ` +
		`https://{subdomain}.example.com`
)

var badUpstreams = map[string]refusal{
	"no upstream": {upstream(""), `app acme: upstream is not an absolute https URL` + writeURL},
	"no scheme":   {upstream("api.example.com"), `app acme: upstream is not an absolute https URL` + writeURL},
	"other scheme": {upstream("ftp://api.example.com"),
		`app acme: upstream is not an absolute https URL` + writeURL},
	"plain http": {upstream("http://api.example.com"),
		`app acme: upstream is plain http: write https, or set allow_http`},
	"http for privates only": {func(a *App) {
		a.Upstream, a.AllowPrivate = "http://10.0.0.1", []string{"10.0.0.0/8"}
	}, `app acme: upstream is plain http: write https, or set allow_http`},
	"no host": {upstream("https:///v1"), `app acme: upstream is not an absolute https URL` + writeURL},
	"user info": {upstream("https://canary:canary@api.example.com"),
		`app acme: upstream has user info: take it out, and say in the placement where the credential goes`},
	"query": {upstream("https://api.example.com/?key=canary"),
		`app acme: upstream has a query: put it into placement.query`},
	"empty query": {upstream("https://api.example.com?"),
		`app acme: upstream has a query: put it into placement.query`},
	"fragment": {upstream("https://api.example.com/#canary"),
		`app acme: upstream has a fragment, which is never sent: take it out`},
	"empty fragment": {upstream("https://api.example.com#"),
		`app acme: upstream has a fragment, which is never sent: take it out`},
	"bad URL": {upstream("https://api.example.com/canary%zz"),
		`app acme: upstream is not a valid URL` + writeURL + `: invalid URL escape "%zz"`},
	"port zero": {upstream("https://api.example.com:0"),
		`app acme: upstream: the port must be 1 to 65535: write it like :8443, or leave it out`},
	"port without a number": {upstream("https://api.example.com:"),
		`app acme: upstream: the port must be 1 to 65535: write it like :8443, or leave it out`},
	"port too large": {upstream("https://api.example.com:65536"),
		`app acme: upstream: the port must be 1 to 65535: write it like :8443, or leave it out`},
	"dot segment":           {upstream("https://api.example.com/v1/../v2"), badPath},
	"encoded dot segment":   {upstream("https://api.example.com/%2e%2e/v2"), badPath},
	"empty segment":         {upstream("https://api.example.com//v1"), badPath},
	"backslash in the path": {upstream(`https://api.example.com/v1\x`), badPath},
	"encoded line feed":     {upstream("https://api.example.com/%0a"), badPath},

	"IPv4":                    {upstream("https://93.184.216.34"), isIP},
	"IPv6":                    {upstream("https://[2001:db8::1]"), isIP},
	"IPv6 with a zone":        {loopback("http://[fe80::1%25eth0]"), isIP},
	"decimal IP":              {upstream("https://2130706433"), badIP},
	"decimal IP, even inside": {loopback("http://2130706433"), badIP},
	"hex IP":                  {loopback("http://0x7f.0x1"), badIP},
	"short IP":                {loopback("http://127.1"), badIP},
	"single label":            {upstream("https://backend"), notPublic},
	"localhost":               {upstream("https://localhost:8443"), notPublic},
	"under localhost":         {upstream("https://api.localhost"), notPublic},
	"local":                   {upstream("https://printer.local"), notPublic},
	"internal":                {upstream("https://metadata.google.internal"), notPublic},
	"upper-case host":         {upstream("https://API.example.com"), badHost},
	"trailing dot":            {upstream("https://api.example.com."), badHost},
	"underscore":              {upstream("https://my_api.example.com"), badHost},
	"hyphen at the end":       {upstream("https://api-.example.com"), badHost},
	"international name":      {upstream("https://bücher.example.com"), badHost},
	"long label":              {upstream("https://" + strings.Repeat("a", 64) + ".example.com"), badHost},
	"long host":               {upstream("https://" + strings.Repeat("a.", 122) + "example.com"), badHost},

	"undeclared slot": {upstream("https://{tenant}.example.com"),
		`app acme: upstream: {tenant} is not a declared field: add it to fields, or write {api_key}`},
	"secret slot": {upstream("https://{api_key}.example.com"),
		`app acme: upstream: field api_key is secret, and host names are not: put it into the placement`},
	"slot as domain":         {slotted("https://api.{tenant}"), badSlot},
	"slot before one label":  {slotted("https://{tenant}.com"), badSlot},
	"slot in the last label": {slotted("https://a.b.c{tenant}"), badSlot},
	"last of two slots":      {slotted("https://{tenant}.a.{tenant}.com"), badSlot},
	"slot in the path": {slotted("https://api.example.com/{tenant}"),
		`app acme: upstream: placeholders are allowed in the host only: move this one to placement.path_prefix`},
	"slot as port": {slotted("https://api.example.com:{tenant}"),
		`app acme: upstream: two literal labels must follow the last slot: write it like https://{subdomain}.example.com`},
	"open brace": {slotted("https://{tenant.example.com"),
		`app acme: upstream: a { without }: write {name}, or {{ for a brace`},
	"single closing brace": {slotted("https://tenant}.example.com"),
		`app acme: upstream: a single }: write }} for a brace`},
}

func TestCheckRefusesUpstream(t *testing.T) { refuse(t, keyed, badUpstreams) }

// TestCheckRefusesClientValues: who enters the host must not be sent what is the client's, by the
// verify request neither.
func TestCheckRefusesClientValues(t *testing.T) {
	const want = `app acme: upstream: field a would let end users choose who gets the client's secret values: declare ` +
		`it from client`
	sending := func(v Verify) change {
		return with(func(a *App) {
			a.Upstream, a.Verify = "https://{a}", &v
		}, Field{Name: "a", Kind: "host"}, Field{Name: "dev", From: "client", Secret: true})
	}
	refuse(t, granted, map[string]refusal{
		"path":    {sending(Verify{Path: "/me/{dev}"}), want},
		"body":    {sending(Verify{Method: "POST", Path: "/me", Body: `{{"dev":"{dev}"}}`}), want},
		"headers": {sending(Verify{Path: "/me", Headers: map[string]string{"X-Dev": "{dev}"}}), want},
	})
}

func TestCheckRefusesSlotsInQueries(t *testing.T) {
	const want = ` has a placeholder in its query, where a value could add parameters: put it into host or path`
	org := func(edit func(*OAuth2)) change { return with(oauth2(edit), Field{Name: "org"}) }
	refuse(t, granted, map[string]refusal{
		"token": {org(func(o *OAuth2) {
			o.TokenURL = "https://auth.example.com/{org}/token?org={org}"
		}), `app acme: oauth2.token_url` + want},
		"no path": {org(func(o *OAuth2) {
			o.AuthorizeURL = "https://auth.example.com?a=b&org={org}"
		}), `app acme: oauth2.authorize_url` + want},
		"slot first": {org(func(o *OAuth2) {
			o.RevokeURL = "https://{org}.auth.example.com/?{org}"
		}), `app acme: oauth2.revoke_url` + want},
		"OAuth 1": {with(func(a *App) {
			a.OAuth2, a.OAuth1 = nil, &OAuth1{RequestTokenURL: "https://api.example.com/request",
				AuthorizeURL: "https://example.com/authorize?org={org}", AccessTokenURL: "https://api.example.com/access"}
		}, Field{Name: "org"}), `app acme: oauth1.authorize_url` + want},
	})
	app := granted("acme")
	org(func(o *OAuth2) { o.TokenURL = "https://{org}.auth.example.com/{org}/token?a={{b}}" })(&app)
	if err := app.Check(); err != nil {
		t.Errorf("fixed parameters: %v", err)
	}
}
