package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func withFields(c connect.OAuthClient, pairs ...string) connect.OAuthClient {
	for i := 0; i < len(pairs); i += 2 {
		c.Fields = append(c.Fields, connect.ClientField{Name: pairs[i], Value: vending.NewSecret(pairs[i+1])})
	}
	return c
}

// TestClientFields stores clients with fields, with a secret and without, and reads them back under
// a later key too.
func TestClientFields(t *testing.T) { storetest.EachAtOnce(t, testClientFields) }

func testClientFields(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	sent := map[string]connect.OAuthClient{
		"ads": withFields(client("id", "canary-secret"), "developer_token", "canary-developer", "api_host",
			"eu.example.com"),
		"public": withFields(connect.OAuthClient{ID: "id"}, "subscription_key", "canary é"),
	}
	wanted := func(s *Store) {
		t.Helper()
		for app, want := range sent {
			got := must[connect.OAuthClient](t)(s.OAuthClient(t.Context(), "acme", app))
			if got.ID != want.ID || got.Secret.Reveal() != want.Secret.Reveal() || len(got.Fields) != len(want.Fields) {
				t.Fatalf("%s: another client, of %d fields", app, len(got.Fields))
			}
			for i, f := range want.Fields {
				if got.Fields[i].Name != f.Name || got.Fields[i].Value.Reveal() != f.Value.Reveal() {
					t.Errorf("%s: field %s is another", app, f.Name)
				}
			}
			for name, text := range printed(got) {
				if strings.Contains(text, "canary") {
					t.Errorf("%s prints a field", name)
				}
			}
		}
	}
	for app, c := range sent {
		setClient(t, s, "acme", app, c)
	}
	wanted(s)
	if resealed, err := s.RotateKeyset(t.Context()); err != nil || resealed != 2 {
		t.Fatalf("%d re-sealed, %v", resealed, err)
	}
	newest := s.vault.Primary()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dropOldKeys(t, dir, newest)
	s = openStore(t, dir)
	wanted(s)
	list := must[[]connect.StoredOAuthClient](t)(s.OAuthClients(t.Context(), ""))
	if len(list) != 2 || !reflect.DeepEqual(list[0].Fields, []string{"developer_token", "api_host"}) || list[0].Public ||
		!reflect.DeepEqual(list[1].Fields, []string{"subscription_key"}) || !list[1].Public {
		t.Errorf("the list has %+v", list)
	}
	execSQL(t, s, `UPDATE oauth_clients SET tenant = 'evil'`)
	if list := must[[]connect.StoredOAuthClient](t)(s.OAuthClients(t.Context(), "")); len(list) != 2 ||
		list[0].Fields != nil ||
		list[0].Public {
		t.Errorf("of what does not open, the list has %+v", list)
	}
}

func TestClientFieldsRefused(t *testing.T) { storetest.EachAtOnce(t, testClientFieldsRefused) }

func testClientFieldsRefused(t *testing.T) {
	s := openStore(t, t.TempDir())
	many := withFields(client("id", "s"))
	for range connect.MaxClientFields + 1 {
		many = withFields(many, "canary", "x")
	}
	for name, c := range map[string]connect.OAuthClient{
		"many":         many,
		"no name":      withFields(client("id", "s"), "", "canary"),
		"name":         withFields(client("id", "s"), "Canary", "canary"),
		"long name":    withFields(client("id", "s"), strings.Repeat("canary", 11), "x"),
		"twice":        withFields(client("id", "s"), "a", "canary", "a", "canary"),
		"no value":     withFields(client("id", "s"), "a", ""),
		"a line break": withFields(client("id", "s"), "a", "canary\n"),
		"no text":      withFields(client("id", "s"), "a", "canary\xff"),
		"long":         withFields(client("id", "s"), "a", strings.Repeat("canary", 400)),
	} {
		err := s.SetOAuthClient(t.Context(), "acme", "gmail", c)
		e := new(vending.Error)
		if !errors.As(err, &e) || e.Code != vending.InvalidRequest || !strings.HasPrefix(e.Text(), "fields:") ||
			strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestClientFits(t *testing.T) {
	app := &catalog.App{Slug: "ads", Fields: []catalog.Field{
		{Name: "client_id", From: catalog.FromClient}, {Name: "developer_token", From: catalog.FromClient, Secret: true},
		{Name: "region", From: catalog.FromClient, Options: []string{"eu", "us"}}, {Name: "account"},
		{Name: "realm", From: catalog.FromGrant},
	}}
	c := client("the-id", "s")
	for name, tc := range map[string]struct {
		client connect.OAuthClient
		says   string
	}{
		"all": {withFields(c, "region", "eu", "developer_token", "canary"), ""},
		"one missing": {withFields(c, "region", "eu"),
			"field developer_token of the oauth client for ads is missing: set it with the client"},
		"no option": {withFields(c, "region", "canary", "developer_token", "canary"),
			"field region of the oauth client for ads must be one of eu, us"},
		"an end user's": {withFields(c, "account", "canary"),
			"field account of the oauth client for ads is not one that the app takes from its client: write one of " +
				"developer_token, region"},
		"spaced id": {withFields(client(" canary", "s"), "region", "eu", "developer_token", "d"),
			"field client_id of the oauth client for ads begins or ends with a space: take it out"},
		"spaced secret": {withFields(client("the-id", "canary "), "region", "eu", "developer_token", "d"),
			"field client_secret of the oauth client for ads begins or ends with a space: take it out"},
		"spaced field": {withFields(c, "region", "eu", "developer_token", "canary "),
			"field developer_token of the oauth client for ads begins or ends with a space: take it out"},
		"inner spaces": {withFields(client("the id", "a secret"), "region", "eu", "developer_token", "d d"), ""},
		"the id": {withFields(c, "client_id", "canary"),
			"field client_id of the oauth client for ads is the client id itself: take the field out"},
	} {
		err := tc.client.FitsExactly(app)
		if (err == nil) != (tc.says == "") || err != nil && err.Error() != tc.says {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
	if err := c.Fits(&catalog.App{Slug: "mail"}); err != nil {
		t.Errorf("an app that declares none: %v", err)
	}
	more := withFields(c, "x", "canary")
	if err := more.FitsExactly(&catalog.App{Slug: "mail"}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a field for an app that declares none: %v", err)
	}
	if err := more.Fits(&catalog.App{Slug: "mail"}); err != nil {
		t.Errorf("a field that the catalog has dropped, at use: %v", err)
	}
	if err := withFields(c, "region", "eu").Fits(app); err == nil ||
		err.Error() != "field developer_token of the oauth client for ads is missing: set it with the client" {
		t.Errorf("a field that is missing, at use: %v", err)
	}
	want := []vending.Field{{Name: "client_id", Value: "the-id"}, {Name: "developer_token", Value: "d"},
		{Name: "region", Value: "eu"}}
	if got := withFields(c, "region", "eu", "developer_token", "d", "account", "x").FieldsOf(app); !reflect.DeepEqual(got,
		want) {
		t.Errorf("fields %v", got)
	}
}

// TestMovedBy: a host is the same in any case, and a path is not.
func TestMovedBy(t *testing.T) {
	app := &catalog.App{
		Slug: "git", Upstream: "https://{host}/api", OAuth2: &catalog.OAuth2{AuthorizeURL: "https://{host}/authorize",
			TokenURL: "https://{site}.example.com/{realm}/token"},
		Fields: []catalog.Field{{Name: "host", From: catalog.FromClient, Kind: catalog.KindHost}, {Name: "realm",
			From: catalog.FromClient}, {Name: "site", From: catalog.FromClient}, {Name: "key", From: catalog.FromClient}},
	}
	c := withFields(client("id", "s"), "host", "Git.example.com", "realm", "Main", "site", "ACME", "key", "k")
	for name, tc := range map[string]struct {
		held []string
		want string
	}{
		"as it is":      {[]string{"Git.example.com", "Main", "ACME"}, ""},
		"in lower case": {[]string{"git.example.com", "Main", "acme"}, ""},
		"another host":  {[]string{"git.example.org", "Main", "acme"}, "host"},
		"another realm": {[]string{"git.example.com", "main", "acme"}, "realm"},
		"another site":  {[]string{"git.example.com", "Main", "acme2"}, "site"},
		"none":          {nil, "host"},
		"a path":        {[]string{"git.example.com/Git", "Main", "acme"}, "host"},
	} {
		var held []vending.Field
		for i, value := range tc.held {
			held = append(held, vending.Field{Name: []string{"host", "realm", "site"}[i], Value: value})
		}
		if got := c.MovedBy(app, held); got != tc.want || c.Moved(app, held) != (tc.want != "") {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestMovedBySite: of a site below a path, upper case matters in the path alone.
func TestMovedBySite(t *testing.T) {
	app := &catalog.App{
		Slug: "git", Upstream: "https://{host}/api", OAuth2: &catalog.OAuth2{TokenURL: "https://{host}/token"},
		Fields: []catalog.Field{{Name: "host", From: catalog.FromClient, Kind: catalog.KindHost, SitePath: true}},
	}
	c := withFields(client("id", "s"), "host", "gitea:3000/Git")
	for value, want := range map[string]string{
		"gitea:3000/Git": "", "Gitea:3000/Git": "", "gitea:3000/git": "host", "gitea:3000": "host",
		"gitea:3000/Git/x": "host", "gitea/Git": "host",
	} {
		if got := c.MovedBy(app, []vending.Field{{Name: "host", Value: value}}); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}
