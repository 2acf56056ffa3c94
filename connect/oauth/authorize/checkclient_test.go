package authorize

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func TestCheckClient(t *testing.T) {
	parts := &catalog.App{
		Slug: "parts", AuthType: "o_auth", Upstream: "https://{site}.api.example.com",
		Fields: []catalog.Field{
			{Name: "site"}, {Name: "label", From: catalog.FromClient}, {Name: "realm", From: catalog.FromClient},
			{Name: "key", From: catalog.FromClient, Secret: true},
			{Name: "account", From: catalog.FromGrant},
		},
		Placement: &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {access_token}",
			"X-Key": "{key}/{account}"}},
		OAuth2: &catalog.OAuth2{TokenURL: "https://login.example.com/token",
			RevokeURL: "https://{label}.example.com/{realm}/revoke"},
	}
	whole := []string{"label", "acme", "realm", "a b", "key", "k"}
	for name, c := range map[string]struct {
		app    *catalog.App
		fields []string
		says   string
	}{
		"host":          {hosted("oauth2"), []string{"host", "git.example.com:8443", "developer", "d"}, ""},
		"host, OAuth 1": {hosted("oauth1"), []string{"host", "git.example.com", "developer", "d"}, ""},
		"an address": {hosted("oauth2"), []string{"host", "https://canary.example.com/", "developer", "d"},
			"field host of the oauth client for git is invalid where"},
		"an address, OAuth 1": {hosted("oauth1"), []string{"host", "https://canary.example.com/", "developer", "d"},
			"field host of the oauth client for git is invalid where"},
		"an IP address":     {hosted("oauth2"), []string{"host", "127.0.0.1:80", "developer", "d"}, "field host of"},
		"inside":            {inside(false), []string{"host", "gitea:3000", "developer", "d"}, ""},
		"an address inside": {inside(false), []string{"host", "[fd00::7]:3000", "developer", "d"}, ""},
		"below a path":      {inside(true), []string{"host", "10.0.0.7:3000/git", "developer", "d"}, ""},
		"no path there": {inside(false), []string{"host", "gitea:3000/git", "developer", "d"},
			"write a host like git.example.com, gitea, 10.0.0.7 or [fd00::7], with its port if it has one, without a scheme " +
				"or path"},
		"a number inside": {inside(true), []string{"host", "2130706433", "developer", "d"},
			"write a host like git.example.com, gitea, 10.0.0.7 or [fd00::7], with its port and the path of the site"},
		"not inside": {hosted("oauth2"), []string{"host", "gitea:3000", "developer", "d"},
			"write a public host name like git.example.com"},
		"one missing": {hosted("oauth2"), []string{"host", "git.example.com"},
			"field developer of the oauth client for git is missing"},
		"unknown": {hosted("oauth2"), []string{"host", "git.example.com", "developer", "d", "canary", "x"},
			"field canary of the oauth client for git is not one that the app takes"},
		"parts": {parts, whole, ""},
		"two labels": {parts, append([]string{"label", "canary.evil"}, whole[2:]...),
			"field label of the oauth client for parts is invalid where"},
		"a dot segment": {parts, []string{"label", "acme", "realm", "..", "key", "k"},
			"field realm of the oauth client for parts is invalid where"},
	} {
		client := connect.OAuthClient{ID: "id", Secret: vending.NewSecret("canary-secret")}
		for _, f := range fields(c.fields...) {
			client.Fields = append(client.Fields, connect.ClientField{Name: f.Name, Value: vending.NewSecret(f.Value)})
		}
		err := CheckClient(c.app, client)
		if (err == nil) != (c.says == "") || err != nil &&
			(!strings.Contains(err.Error(), c.says) || name != "unknown" && strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// inside is the app of a Git server in the operator's own network.
func inside(sitePath bool) *catalog.App {
	app := hosted("oauth2")
	app.AllowPrivate, app.Fields[0].SitePath = []string{"10.0.0.0/8"}, sitePath
	return app
}

// TestInsideIsTheOperators: what an end user enters stays a public name, whatever the operator
// allows.
func TestInsideIsTheOperators(t *testing.T) {
	app := &catalog.App{
		Slug: "shop", AuthType: "api_key", Upstream: "https://{host}/api", AllowPrivate: []string{"10.0.0.0/8"},
		Fields:    []catalog.Field{{Name: "host", Kind: catalog.KindHost, SitePath: true}, {Name: "key", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{key}"}},
	}
	for _, host := range []string{"gitea", "gitea:3000", "localhost", "10.0.0.7", "10.0.0.7:3000/git", "[fd00::7]",
		"http://gitea:3000/git"} {
		if err := CheckFields(app, fields("host", host, "key", "k")); err == nil {
			t.Errorf("%s was taken from an end user", host)
		}
		if err := CheckImported(app, connect.GrantValues{Fields: fields("host", host, "key", "k")}); err == nil {
			t.Errorf("%s was imported", host)
		}
	}
	if err := CheckFields(app, fields("host", "shop.example.com/blog", "key", "k")); err != nil {
		t.Error(err)
	}
}

// TestRawClientID: where nothing is encoded, the id ends at its first colon.
func TestRawClientID(t *testing.T) {
	app := &catalog.App{
		Slug: "games", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{TokenURL: "https://login.example.com/token", ClientAuth: catalog.ClientInHeaderRaw},
	}
	client := connect.OAuthClient{ID: "canary:id", Secret: vending.NewSecret("a:b")}
	err := CheckClient(app, client)
	if err == nil || !strings.Contains(err.Error(), "write client_auth header") ||
		strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	if client.ID = "id"; CheckClient(app, client) != nil {
		t.Error("a secret with a colon is refused")
	}
	client.ID, app.OAuth2.ClientAuth = "client:id", catalog.ClientInHeader
	if err := CheckClient(app, client); err != nil {
		t.Error(err)
	}
}
