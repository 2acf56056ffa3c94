package vending_test

import (
	"slices"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

func pairs(c vending.Credential) []string {
	var out []string
	for name, value := range c.Fields() {
		out = append(out, name, value)
	}
	return out
}

func TestNewOAuth(t *testing.T) {
	expiry := time.Unix(1_800_000_000, 0)
	for tokenType, want := range map[string]string{
		"": "Bearer", "bearer": "Bearer", "BEARER": "Bearer", "Bearer": "Bearer", "Zoho-oauthtoken": "Zoho-oauthtoken",
	} {
		c := vending.NewOAuth("gmail", "t", tokenType, expiry, vending.Field{Name: "instance", Value: "eu"})
		if got := pairs(c); !slices.Equal(got, []string{"access_token", "t", "token_type", want, "instance", "eu"}) {
			t.Errorf("type %q: fields = %q", tokenType, got)
		}
		if c.App != "gmail" || c.AuthType != vending.OAuth || !c.Expiry.Equal(expiry) || c.IsZero() {
			t.Errorf("type %q: %s %s %v", tokenType, c.App, c.AuthType, c.Expiry)
		}
	}
}

func TestFields(t *testing.T) {
	c := vending.NewFields("x", vending.Basic,
		[]vending.Field{{Name: "username", Value: "u"}, {Name: "password", Value: ""}, {Name: "username", Value: "second"}})
	for name, want := range map[string]struct {
		value string
		ok    bool
	}{"username": {"u", true}, "password": {"", true}, "Username": {"", false}, "": {"", false}} {
		if value, ok := c.Field(name); value != want.value || ok != want.ok {
			t.Errorf("Field(%q) = %q, %t", name, value, ok)
		}
	}
	if got := pairs(c); !slices.Equal(got, []string{"username", "u", "password", "", "username", "second"}) {
		t.Errorf("fields = %q", got)
	}
	for name := range c.Fields() {
		if name != "username" {
			t.Error("the iteration went on after its end")
		}
		break
	}
}

func TestIsZero(t *testing.T) {
	var zero vending.Credential
	if _, ok := zero.Field("a"); ok || pairs(zero) != nil || !zero.IsZero() {
		t.Error("the zero credential holds something")
	}
	if !vending.NewFields("x", vending.APIKey, nil).IsZero() {
		t.Error("a credential without fields is none")
	}
}

func TestEqual(t *testing.T) {
	fields := func(pairs ...string) vending.Credential {
		var fs []vending.Field
		for i := 0; i < len(pairs); i += 2 {
			fs = append(fs, vending.Field{Name: pairs[i], Value: pairs[i+1]})
		}
		return vending.NewFields("x", vending.APIKey, fs)
	}
	tests := map[string]struct {
		a, b vending.Credential
		want bool
	}{
		"same":                  {fields("a", "1"), fields("a", "1"), true},
		"zero":                  {vending.Credential{}, vending.Credential{}, true},
		"zero and some":         {vending.Credential{}, fields("a", "1"), false},
		"other value":           {fields("a", "1"), fields("a", "2"), false},
		"other name":            {fields("a", "1"), fields("b", "1"), false},
		"one more":              {fields("a", "1"), fields("a", "1", "b", "2"), false},
		"border moved":          {fields("ab", "c"), fields("a", "bc"), false},
		"border between fields": {fields("a", "b1:c1:d"), fields("a", "b", "c", "d"), false},
		"other expiry": {vending.NewOAuth("x", "t", "", time.Time{}),
			vending.NewOAuth("x", "t", "bearer", time.Unix(1, 0)), true},
		"other token": {vending.NewOAuth("x", "t", "", time.Time{}), vending.NewOAuth("x", "u", "", time.Time{}),
			false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.a.Equal(tt.b) != tt.want || tt.b.Equal(tt.a) != tt.want {
				t.Errorf("Equal = %t, want %t", !tt.want, tt.want)
			}
		})
	}
}

func TestAuthTypes(t *testing.T) {
	for text, want := range map[vending.AuthType]bool{
		"o_auth": true, "api_key": true, "basic": true, "header": true, "": false, "oauth": false, "O_AUTH": false,
		"o_auth_": false,
	} {
		if text.Valid() != want {
			t.Errorf("%q: Valid = %t", text, text.Valid())
		}
	}
	if vending.OAuth != "o_auth" || vending.APIKey != "api_key" || vending.Basic != "basic" || vending.Header != "header" {
		t.Error("an auth type changed its name")
	}
}
