package authorize

import (
	"errors"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// TestCheckImported: every app of the catalog takes a grant that could be its own, and none with a
// value that breaks a line.
func TestCheckImported(t *testing.T) {
	cat, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range cat.Apps() {
		var v connect.GrantValues
		for _, f := range app.Fields {
			if f.From != catalog.FromClient {
				value := placeholder(f)
				if f.Secret {
					value = "YWJj" // which is base64, as some apps' keys are
				}
				v.Fields = append(v.Fields, vending.Field{Name: f.Name, Value: value})
			}
		}
		if app.OAuth1 != nil {
			v.Fields = append(v.Fields, vending.Field{Name: catalog.OAuthTokenSecret, Value: "x"})
		}
		if app.AuthType == string(vending.OAuth) {
			v.AccessToken, v.RefreshToken = "canary-access", "canary-refresh"
		}
		if err := CheckImported(app, v); err != nil {
			t.Errorf("%s: %v", app.Slug, err)
		}
		for i, f := range v.Fields {
			v.Fields[i].Value = "canary\r\nX-Evil: 1"
			var p *Error
			if err := CheckImported(app, v); !errors.As(err, &p) || p.Kind != InvalidField || p.Field != f.Name {
				t.Errorf("%s: a broken %s is %v", app.Slug, f.Name, err)
			}
			v.Fields[i].Value = f.Value
		}
	}
}

// TestImportedKeysNamedAsTokens: a key may be called as a part of a token is, and one that lacks is
// missing.
func TestImportedKeysNamedAsTokens(t *testing.T) {
	for _, name := range []string{"access_token", "refresh_token", "token_type"} {
		app := &catalog.App{
			Slug: "keyed", AuthType: string(vending.APIKey), Upstream: "https://api.example.com",
			Fields:    []catalog.Field{{Name: name, Secret: true}},
			Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{" + name + "}"}},
		}
		if err := CheckImported(app, connect.GrantValues{Fields: []vending.Field{{Name: name, Value: "abc"}}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var p *Error
		err := CheckImported(app, connect.GrantValues{Fields: []vending.Field{{Name: name, Value: ""}}})
		if !errors.As(err, &p) || p.Field != name || p.Reason() != "is missing" {
			t.Errorf("%s is empty: %v", name, err)
		}
	}
}
