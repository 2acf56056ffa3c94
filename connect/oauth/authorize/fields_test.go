package authorize

import (
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// slotted has a host's slot, a user name and a field that nothing places.
func slotted() *catalog.App {
	return &catalog.App{
		Slug: "desk", Name: "Desk", AuthType: "basic", Upstream: "https://{site}.api.example.com",
		Fields: []catalog.Field{{Name: "site", Label: "Site"}, {Name: "email"},
			{Name: "token", Label: "API token", Secret: true}},
		Placement: &catalog.Placement{Basic: &catalog.Basic{Username: "{email}", Password: "{token}"}},
	}
}

func aws(names ...string) *catalog.App {
	app := &catalog.App{Slug: "s3", AuthType: "api_key", Upstream: "https://s3.example.com",
		Sign: &catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "r"}}
	for _, name := range names {
		app.Fields = append(app.Fields, catalog.Field{Name: name})
	}
	return app
}

func TestCheckFields(t *testing.T) {
	consent := &catalog.App{
		Slug: "sales", AuthType: "o_auth", Upstream: "https://{site}.my.example.com", OAuth2: &catalog.OAuth2{},
		Fields: []catalog.Field{{Name: "site"}},
	}
	own := &catalog.App{
		Slug: "machine", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{Grant: catalog.GrantClientCredentials},
		Fields: []catalog.Field{{Name: "client_id"}, {Name: "client_secret", Secret: true}},
	}
	// The catalog refuses such an app; were there one, its calls would go out without the client all
	// the same.
	placed := *own
	placed.Placement = &catalog.Placement{Header: map[string]string{"X-Key": "{access_token}", "X-Client": "{client_id}"}}
	long := strings.Repeat("x", maxField)
	three := &catalog.App{
		Slug: "three", AuthType: "header", Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "X-A"}, {Name: "X-B"}, {Name: "X-C"}},
	}
	regional := &catalog.App{
		Slug: "regional", AuthType: "api_key", Upstream: "https://api.example.{region}",
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{token}"}},
		Fields: []catalog.Field{{Name: "token", Secret: true},
			{Name: "region", Options: []string{"com", "ca"}, Default: "com"}},
	}
	for name, c := range map[string]struct {
		app    *catalog.App
		fields []vending.Field
		want   Kind // empty for none
		field  string
		says   string
	}{
		"good": {slotted(), fields("token", "t", "site", "acme", "email", "a@b"), "", "", ""},
		"trimmed": {slotted(), fields("token", "\tt\r\n", "site", " acme\u00a0", "email", "a@b "), "", "",
			""},
		"longest": {slotted(), fields("token", long, "site", "acme", "email", "a@b"), "", "", ""},
		"too long": {slotted(), fields("token", long+"x", "site", "acme", "email", "a@b"), InvalidField, "token",
			"API token is invalid: it is longer than 16 KiB."},
		"too long together": {three, fields("X-A", long, "X-B", long, "X-C", long), InvalidField, "X-C",
			"X-C is invalid: it makes all values longer than 40 KiB."},
		"older than regions": {regional, fields("token", "t"), "", "", ""},
		"no region":          {regional, fields("token", "t", "region", " "), "", "", ""},
		"unknown region":     {regional, fields("token", "t", "region", "us"), InvalidField, "region", ""},
		"missing": {slotted(), fields("site", "acme", "email", "a@b"), MissingField, "token",
			"API token is missing; please enter it."},
		"empty": {slotted(), fields("token", "t", "site", "", "email", "a@b"), MissingField, "site",
			"Site is missing; please enter it."},
		"blank": {slotted(), fields("token", "t", "site", "acme", "email", " \r\n"), MissingField, "email",
			"email is missing; please enter it."},
		"twice": {slotted(), fields("token", "t", "site", "acme", "email", "a@b", "token", "canary"),
			InvalidField, "token", "API token is invalid: it was entered twice."},
		"unknown": {slotted(), fields("token", "t", "site", "acme", "email", "a@b", "admin", "canary"),
			UnknownField, "admin", "Desk has no field called admin."},
		"unknown, long and odd": {slotted(), fields("<b>\r\n\x00\u202e"+strings.Repeat("é", 100), "canary"), UnknownField,
			"<b>" + strings.Repeat("é", 30), ""},
		"line break": {slotted(), fields("token", "canary\r\nX-Evil: 1", "site", "acme", "email", "a@b"),
			InvalidField, "token", "API token is invalid: it contains a line break or another control character."},
		"NUL": {slotted(), fields("token", "canary\x00x", "site", "acme", "email", "a@b"), InvalidField,
			"token", ""},
		"C1 control": {slotted(), fields("token", "canary\u0085x", "site", "acme", "email", "a@b"), InvalidField,
			"token", ""},
		"no UTF-8": {slotted(), fields("token", "canary\xffx", "site", "acme", "email", "a@b"), InvalidField,
			"token", "API token is invalid: it is not valid text."},
		"another host": {slotted(), fields("token", "t", "site", "canary.evil.com/", "email", "a@b"), InvalidField,
			"site",
			"Site is invalid: it is not part of an address of this app; write what replaces acme in acme.api.example.com, or " +
				"the whole address."},
		"colon in the user name": {slotted(), fields("token", "t", "site", "acme", "email", "canary:b"), InvalidField,
			"email",
			""},
		"beside consent":           {consent, fields("site", "acme"), "", "", ""},
		"beside consent, bad host": {consent, fields("site", "canary."), InvalidField, "site", ""},
		"client credentials":       {own, fields("client_id", "a", "client_secret", "b"), "", "", ""},
		"client id placed": {&placed, fields("client_id", "canary", "client_secret", "b"), InvalidField, "client_id",
			""},
		"no client secret": {own, fields("client_id", "a"), MissingField, "client_secret", ""},
		"AWS, no session": {aws("access_key_id", "secret_access_key", "session_token"),
			fields("access_key_id", "a", "secret_access_key", "b", "session_token", " "), "", "", ""},
		"AWS, session": {aws("access_key_id", "secret_access_key", "session_token"), fields("access_key_id", "a",
			"secret_access_key", "b", "session_token", "canary\n\tx"), InvalidField, "session_token", ""},
		"AWS, no secret": {aws("access_key_id", "secret_access_key"), fields("access_key_id", "a"), MissingField,
			"secret_access_key", ""},
		"app without fields": {&catalog.App{Slug: "mail", AuthType: "o_auth", Upstream: "https://api.example.com",
			OAuth2: &catalog.OAuth2{}}, nil, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckFields(c.app, c.fields)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var p *Error
			if !errors.As(err, &p) || p.Kind != c.want || p.Field != c.field ||
				strings.Contains(p.Error()+p.Message(), "canary") {
				t.Fatalf("error %v, want %s of %q", err, c.want, c.field)
			}
			if c.says != "" && p.Message() != c.says {
				t.Errorf("it says %q, want %q", p.Message(), c.says)
			}
		})
	}
}

// TestMeant has what people paste where a part of an address is asked for.
func TestMeant(t *testing.T) {
	desk := &catalog.App{
		Slug: "desk", AuthType: "o_auth", Upstream: "https://{site}.desk.example.com/api", OAuth2: &catalog.OAuth2{
			AuthorizeURL: "https://{site}.desk.example.com/authorize", TokenURL: "https://auth.example.com/token",
		},
		Fields: []catalog.Field{{Name: "site", Label: "Site"}, {Name: "region", Options: []string{"eu.west", "us"}},
			{Name: "note"}, {Name: "realm", From: catalog.FromGrant}},
	}
	host := &catalog.App{
		Slug: "own", AuthType: "api_key", Upstream: "https://{host}",
		Fields: []catalog.Field{{Name: "host", Kind: catalog.KindHost, Cut: []string{"/login"}},
			{Name: "key", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{key}"}},
	}
	long := "https://acme.desk.example.com/agent/dashboard?x=1#y"
	for name, c := range map[string]struct {
		app   *catalog.App
		given []vending.Field
		want  string // of the first field; empty is refused
	}{
		"the label":            {desk, fields("site", "acme", "region", "us", "note", "n"), "acme"},
		"a pasted address":     {desk, fields("site", long, "region", "us", "note", "n"), "acme"},
		"with spaces":          {desk, fields("site", "\t"+long+"\n", "region", "us", "note", "n"), "acme"},
		"the host":             {desk, fields("site", "Acme.Desk.Example.com", "region", "us", "note", "n"), "acme"},
		"the host and a slash": {desk, fields("site", "acme.desk.example.com/", "region", "us", "note", "n"), "acme"},
		"another host": {desk,
			fields("site", "https://acme.desk.example.com.evil.com", "region", "us", "note", "n"), ""},
		"user info": {desk,
			fields("site", "https://acme.desk.example.com@evil.com", "region", "us", "note", "n"), ""},
		"two labels": {desk, fields("site", "https://a.b.desk.example.com", "region", "us", "note", "n"), ""},
		"a port": {desk, fields("site", "https://acme.desk.example.com:8443", "region", "us", "note", "n"),
			""},
		"no choice":              {desk, fields("site", "acme", "region", "mars", "note", "n"), ""},
		"a choice with a dot":    {desk, fields("site", "acme", "region", "eu.west", "note", "n"), "acme"},
		"what the provider says": {desk, fields("site", "acme", "region", "us", "note", "n", "realm", "canary"), ""},
		"a whole host":           {host, fields("host", "crm.example.com", "key", "k"), "crm.example.com"},
		"a whole host, pasted": {host, fields("host", " https://CRM.example.com:8443/login?a ", "key", "k"),
			"crm.example.com:8443"},
		"a whole host, user info":   {host, fields("host", "https://a@crm.example.com", "key", "k"), ""},
		"a whole host, a number":    {host, fields("host", "2130706433", "key", "k"), ""},
		"a whole host, another way": {host, fields("host", "http:crm.example.com", "key", "k"), ""},
		"a secret stays": {host, fields("key", "https://crm.example.com/x", "host", "crm.example.com"),
			"crm.example.com"},
	} {
		got, err := cleanFields(c.app, c.given)
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: %v was taken", name, got)
		case c.want != "" && (err != nil || got[0].Value != c.want):
			t.Errorf("%s: %v, %v", name, got, err)
		case name == "a secret stays" && got[1].Value != "https://crm.example.com/x":
			t.Errorf("the secret is %q", got[1].Value)
		}
	}
}

func TestAround(t *testing.T) {
	for upstream, want := range map[string]string{
		"https://{site}.desk.example.com/api": "acme.desk.example.com",
		"https://api-{site}.example.com":      "api-acme.example.com", "https://{site}.{zone}.example.com": "",
		"https://api.example.com": "",
	} {
		app := &catalog.App{Upstream: upstream}
		if got := Around(app, catalog.Field{Name: "site"}); got != want {
			t.Errorf("%s: %q, want %q", upstream, got, want)
		}
		if got := Around(app, catalog.Field{Name: "site", Options: []string{"eu"}}) + Around(app,
			catalog.Field{Name: "other"}); got != "" {
			t.Errorf("%s: %q for what is chosen, or stands elsewhere", upstream, got)
		}
	}
}
