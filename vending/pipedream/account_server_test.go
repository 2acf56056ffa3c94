package pipedream_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// servers are an app at a fixed host with an extra one, one whose host is a field, and those of the
// catalog that have a part of a host in other forms.
func servers(t *testing.T) *catalog.Catalog {
	t.Helper()
	oauth := func(capture ...catalog.Capture) *catalog.OAuth2 {
		return &catalog.OAuth2{AuthorizeURL: "https://a.example/authorize", TokenURL: "https://a.example/token",
			Capture: capture}
	}
	c, err := catalog.New(
		catalog.App{Slug: "gitlab", AuthType: "o_auth", Upstream: "https://gitlab.com/api/v4",
			ExtraHosts: []string{"upload.gitlab.com"}, OAuth2: oauth()},
		catalog.App{
			Slug: "own-gitlab", AuthType: "o_auth", Upstream: "https://{host}/api/v4", OAuth2: oauth(),
			Fields: []catalog.Field{{Name: "host", Kind: catalog.KindHost}},
		},
		catalog.App{
			Slug: "git", AuthType: "o_auth", Upstream: "https://api.git.example", OAuth2: oauth(),
			Beside: &catalog.Beside{Host: "files.git.example", Paths: []string{"/*/*.git/info/refs"}},
		},
		catalog.App{
			Slug: "wordpress", AuthType: "basic", Upstream: "https://{host}/wp-json", Fields: []catalog.Field{
				{Name: "host", Kind: catalog.KindHost, SitePath: true}, {Name: "username"}, {Name: "password", Secret: true},
			},
		},
		catalog.App{
			Slug: "own-key", AuthType: "api_key", Upstream: "https://{host}",
			Fields:    []catalog.Field{{Name: "host", Kind: catalog.KindHost}, {Name: "api_key", Secret: true}},
			Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{api_key}"}},
		},
		catalog.App{
			Slug: "salesforce", AuthType: "o_auth", Upstream: "https://{instance}.my.salesforce.com",
			OAuth2: oauth(catalog.Capture{Field: "instance", From: "token", Path: "instance_url",
				Pattern: `^https://([a-z0-9-]+(?:\.[a-z0-9-]+)*)\.my\.salesforce\.com/?$`}),
			Fields: []catalog.Field{{Name: "instance", From: catalog.FromGrant, Kind: catalog.KindLabels,
				Hosts: []string{"*.my.salesforce.mil"}}},
		},
		catalog.App{
			Slug: "zoho-crm", AuthType: "o_auth", Upstream: "https://www.zohoapis.{region}/crm", OAuth2: oauth(),
			Fields: []catalog.Field{{Name: "region", Options: []string{"com", "eu", "com.au"}}},
		},
		catalog.App{Slug: "zendesk", AuthType: "o_auth", Upstream: "https://{subdomain}.zendesk.com", OAuth2: oauth(),
			Fields: []catalog.Field{{Name: "subdomain"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// vendFrom vends alice's account of slug, with credentials beside a token, and lines of the source.
func vendFrom(t *testing.T, slug, credentials string, fields map[string]string) (vending.Credential, error) {
	t.Helper()
	source := newSource(t, serve(t, nil, says(200, accountOf("theirs", credentials)), nil), func(o *pipedream.Options) {
		o.Catalog = servers(t)
		o.Apps = map[string]pipedream.App{slug: {NameSlug: "theirs", Fields: fields}}
	})
	r := request()
	r.App = slug
	return vend(source, r)
}

// TestOtherServer: the token of an account that names a server goes to no other, in whatever form
// and under whatever name the account says so.
func TestOtherServer(t *testing.T) {
	names := []string{
		"base_api_url", "base_url", "baseUrl", "instance_url", "domain", "host", "hostname", "api_url", "endpoint",
		"base_uri", "server", "API-Host", "region", "site_name",
	}
	values := []string{
		"gitlab.acme.example", "https://gitlab.acme.example", "http://gitlab.acme.example/",
		"HTTPS://GitLab.Acme.Example/api/v4", "gitlab.acme.example:8443",
		"gitlab.com:8443", "https://gitlab.com:80", "https://gitlab.com@evil.example", "gitlab.com@evil.example",
		"https://evil.example?gitlab.com", "https://evil.example#@gitlab.com",
		"//evil.example/", `https://evil.example\@gitlab.com`, "https://gitlab.com\u0000.evil.example",
		"https://gitlab.com.evil.example", "notgitlab.com", "www.gitlab.com",
		"10.0.0.1", "[::1]", "https://[::1]:8080/", "localhost", "gitea:3000", "git.münchen.example",
		"https://gitlab.com\n.evil.example", "ftp://gitlab.example",
		" gitlab.acme.example ", "gitlab。example", "https://", "wss://gitlab.acme.example",
	}
	for _, name := range names {
		for _, value := range values {
			text, err := json.Marshal(map[string]string{"oauth_access_token": "canary", name: value})
			if err != nil {
				t.Fatal(err)
			}
			cred, err := vendFrom(t, "gitlab", string(text), nil)
			e := refused(t, cred, err, vending.InternalError)
			if want := fmt.Sprintf("the account's %q names a server other than that of app gitlab",
				name); !strings.Contains(e.Err.Error(), want) || !strings.Contains(e.Err.Error(), name+"=FIELD") {
				t.Errorf("%s %q: cause %v", name, value, e.Err)
			}
		}
	}
	for _, credentials := range []string{
		`"subdomain":"acme"`, `"domain":"acme"`, `"instance":"acme"`, `"host":2130706433`,
		`"endpoint":{"url":"https://x.example"}`, `"hosts":["x.example"]`,
		`"anything":"https://x.example/"`, `"workspace":"http://gitlab.acme.example"`, `"logon_url":"https://x.example"`,
		`"silicon_url":"https://x.example"`,
		`"icontactBaseUrl":"https://x.example"`, `"photon_host":"https://x.example"`,
		`"imagekit_endpoint":"https://x.example"`,
	} {
		cred, err := vendFrom(t, "gitlab", `{"oauth_access_token":"canary",`+credentials+`}`, nil)
		_ = refused(t, cred, err, vending.InternalError)
	}
}

// TestSameServer: what names the app's own server, or none, is no reason to refuse.
func TestSameServer(t *testing.T) {
	for _, credentials := range []string{
		`"base_api_url":"gitlab.com"`, `"base_api_url":"https://GitLab.com/"`, `"base_url":"https://gitlab.com:443/api/v4"`,
		`"host":"gitlab.com."`, `"api_url":"http://gitlab.com"`,
		`"upload_url":"https://upload.gitlab.com/x"`, `"base_url":""`, `"base_url":null`, `"base_url":"  "`,
		`"self_hosted":false`, `"self_hosted":"no"`, `"domain":"gitlab"`,
		`"endpoint":{}`, `"icon":"https://cdn.example/x.png"`, `"LogoURL":"https://cdn.example/x.png"`,
		`"img-photo.url":"https://cdn.example/x.png"`,
		`"redirectUri":"https://app.example/back"`, `"webhookURL2":"https://app.example/hook"`,
		`"profile_images":"https://cdn.example/x.png"`, `"avatar_url":"https://cdn.example/x.png"`,
		`"email":"alice@x.example"`, `"api_key":"SG.abc.def"`, `"server_token":"a.b.c"`,
		`"username":"john.doe"`, `"team":"acme"`, `"version":"v1.2"`, `"region":"eu"`, `"site_name":"My site no. 2"`,
		`"oauth_signer_uri":"https://signer.example"`,
	} {
		cred, err := vendFrom(t, "gitlab", `{"oauth_access_token":"t",`+credentials+`}`, nil)
		if err != nil || cred.IsZero() {
			t.Errorf("%s: %v", credentials, err)
		}
	}
}

// TestDeclaredServer: a line of the source makes a value the app's host, or says that it is none.
func TestDeclaredServer(t *testing.T) {
	for value, host := range map[string]string{
		"gitlab.acme.example": "gitlab.acme.example", "https://GitLab.acme.example/": "gitlab.acme.example",
		"gitlab.acme.example:8443":                "gitlab.acme.example:8443",
		"https://gitlab.acme.example:443/api/v4/": "gitlab.acme.example",
		"https://gitlab.acme.example/api/v4":      "gitlab.acme.example",
	} {
		cred, err := vendFrom(t, "own-gitlab", fmt.Sprintf(`{"oauth_access_token":"t","base_api_url":%q}`, value),
			map[string]string{"base_api_url": "host"})
		vended(t, cred, err, "access_token", "t", "token_type", "Bearer", "host", host)
	}
	cred, err := vendFrom(t, "own-gitlab",
		`{"oauth_access_token":"canary","base_api_url":"a.example","api_url":"https://b.example"}`,
		map[string]string{"base_api_url": "host"})
	_ = refused(t, cred, err, vending.InternalError)
	cred, err = vendFrom(t, "gitlab",
		`{"oauth_access_token":"t","base_api_url":"a.example","api_url":"https://b.example"}`,
		map[string]string{"base_api_url": "-", "api_url": "-"})
	vended(t, cred, err, "access_token", "t", "token_type", "Bearer")
	cred, err = vendFrom(t, "own-key", `{"api_key":"canary","host":"a.example","base_url":"https://b.example"}`, nil)
	_ = refused(t, cred, err, vending.InternalError)
	cred, err = vendFrom(t, "wordpress",
		`{"host":"https://A.example/blog","url":"https://a.example/blog/wp-admin","username":"u","password":"p"}`, nil)
	vended(t, cred, err, "host", "a.example/blog", "username", "u", "password", "p")
	cred, err = vendFrom(t, "own-key", `{"api_key":"k","host":"https://a.example"}`, nil)
	vended(t, cred, err, "host", "a.example", "api_key", "k")
}

// TestForms: Pipedream has whole addresses where the catalog has a part of one.
func TestForms(t *testing.T) {
	for _, c := range []struct{ slug, theirs, value, ours, want string }{
		{"salesforce", "instance_url", "https://acme.my.salesforce.com", "instance", "acme"},
		{"salesforce", "instance_url", "https://Acme-Dev.develop.my.salesforce.com:443/", "instance", "acme-dev.develop"},
		{"salesforce", "instance_url", "acme.my.salesforce.com", "instance", "acme"},
		{"salesforce", "instance", "acme", "instance", "acme"},
		{"salesforce", "instance_url", "https://Acme.my.salesforce.mil/", "instance", "acme.my.salesforce.mil"},
		{"salesforce", "instance_url", "https://acme.my.salesforce.mil.evil.example", "instance",
			"https://acme.my.salesforce.mil.evil.example"},
		{"zendesk", "domain", "https://acme.zendesk.com/", "subdomain", "acme"},
		{"zendesk", "domain", "ACME.zendesk.com", "subdomain", "acme"},
		{"zoho-crm", "api_domain", "https://www.zohoapis.com.au", "region", "com.au"},
		{"zoho-crm", "api_domain", "https://www.zohoapis.eu/crm/", "region", "eu"},
		// What is not of the app's form stays as it is, for the placement to refuse.
		{"salesforce", "instance_url", "https://acme.evil.example", "instance", "https://acme.evil.example"},
		{"salesforce", "instance_url", "https://x@acme.my.salesforce.com", "instance", "https://x@acme.my.salesforce.com"},
		{"salesforce", "instance_url", "http://acme.my.salesforce.com", "instance", "http://acme.my.salesforce.com"},
		{"zendesk", "domain", "https://acme.zendesk.com/blog", "subdomain", "https://acme.zendesk.com/blog"},
		{"zendesk", "domain", "a.b.zendesk.com", "subdomain", "a.b.zendesk.com"},
		{"zendesk", "domain", "acme.zendesk.com:8443", "subdomain", "acme.zendesk.com:8443"},
		{"zoho-crm", "api_domain", "https://www.zohoapis.evil.example", "region", "https://www.zohoapis.evil.example"},
	} {
		cred, err := vendFrom(t, c.slug, fmt.Sprintf(`{"oauth_access_token":"t",%q:%q}`, c.theirs, c.value),
			map[string]string{c.theirs: c.ours})
		vended(t, cred, err, "access_token", "t", "token_type", "Bearer", c.ours, c.want)
		if advice, ok := cred.Advice(c.ours); !ok ||
			advice != fmt.Sprintf("map the account's own field to it in the source, app %s NAME_SLUG THEIR_FIELD=%s", c.slug,
				c.ours) {
			t.Errorf("%s: advice %q", c.slug, advice)
		}
	}
}
