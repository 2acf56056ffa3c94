package manager

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

func TestWithheld(t *testing.T) {
	signed := catalog.App{Slug: "signed", AuthType: "o_auth", Upstream: "https://api.example.com", OAuth1: &catalog.OAuth1{
		RequestTokenURL: "https://a.example.com/r", AuthorizeURL: "https://a.example.com/p", AccessTokenURL: "https://a.example.com/a",
	}}
	granted := catalog.App{
		Slug: "granted", AuthType: "o_auth", Upstream: "https://api.example.com", OAuth2: &catalog.OAuth2{TokenURL: "https://a.example.com/t"},
		Fields: []catalog.Field{{Name: "client_id", From: "client"}, {Name: "subscription_key", From: "client", Secret: true}},
	}
	m := open(t, signed, granted, key("plain", "Plain"))
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		app    string
		client connect.OAuthClient
		err    error
		want   []string
		fails  bool
	}{
		"signed, of all":     {app: "signed", client: connect.OAuthClient{Shared: true}, want: []string{"consumer_secret"}},
		"signed, its own":    {app: "signed"},
		"field, of all":      {app: "granted", client: connect.OAuthClient{Shared: true}, want: []string{"subscription_key"}},
		"field, its own":     {app: "granted"},
		"nothing to keep":    {app: "plain", err: broken},
		"no client":          {app: "signed", err: connect.ErrNoOAuthClient},
		"no app":             {app: "none", err: broken},
		"client unreachable": {app: "signed", err: broken, fails: true},
	} {
		m.o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) { return c.client, c.err }
		got, err := m.Withheld(t.Context(), "acme", c.app)
		if !slices.Equal(got, c.want) || (err != nil) != c.fails {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
