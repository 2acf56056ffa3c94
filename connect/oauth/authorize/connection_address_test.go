package authorize

import (
	"errors"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// TestBinding has the ways in which an address comes to a connection: entered, in whole or in part,
// chosen from a list, and found in an answer.
func TestBinding(t *testing.T) {
	sales := &catalog.App{
		Slug: "sales", AuthType: "o_auth", Upstream: "https://{instance}.sales.example.com",
		OAuth2: &catalog.OAuth2{TokenURL: "https://auth.example.com"},
		Fields: []catalog.Field{{Name: "instance", From: catalog.FromGrant}, {Name: "realm", From: catalog.FromGrant}},
	}
	jira := &catalog.App{
		Slug: "jira", AuthType: "o_auth", Upstream: "https://api.example.com",
		Fields: []catalog.Field{{Name: "site"}, {Name: "id", From: catalog.FromGrant}},
		OAuth2: &catalog.OAuth2{
			Capture: []catalog.Capture{{Field: "id", From: "call", Path: "[url=https://{site}.jira.example.com].id"}}},
	}
	desk := &catalog.App{
		Slug: "desk", AuthType: "api_key", Upstream: "https://desk.example.{region}",
		HostRenames: map[string]string{"desk.example.ca": "desk.cloud.ca"},
		Fields: []catalog.Field{{Name: "region", Options: []string{"com", "ca"}, Default: "com"},
			{Name: "key", Secret: true}},
	}
	for name, c := range map[string]struct {
		app            *catalog.App
		held           []vending.Field
		at             string
		entered        []vending.Field
		refused, moved bool
	}{
		"the same host": {shop(true), fields("host", "a.example/b", "key", "k"), "a.example/b",
			fields("host", "https://A.example/b/wp-admin/", "key", "x"), false, false},
		"another host": {shop(true), fields("host", "a.example/b", "key", "k"), "a.example/b",
			fields("host", "b.example/b", "key", "x"), true, false},
		"another path": {shop(true), fields("host", "a.example/b", "key", "k"), "a.example/b",
			fields("host", "a.example", "key", "x"), true, false},
		"an invalid host": {shop(true), fields("host", "a.example", "key", "k"), "a.example",
			fields("host", "a.example/b;c", "key", "x"), true, false},
		"nothing entered": {shop(true), fields("host", "a.example", "key", "k"), "a.example",
			fields("host", " ", "key", "x"), false, false},
		"imported upper case": {shop(true), fields("host", "A.Example", "key", "k"), "A.Example",
			fields("host", "a.example", "key", "x"), false, false},
		"the same label": {slotted(), fields("site", "acme", "email", "e", "token", "t"), "acme.api.example.com",
			fields("site", "https://Acme.api.example.com/x"), false, false},
		"another label": {slotted(), fields("site", "acme", "email", "e", "token", "t"), "acme.api.example.com",
			fields("site", "evil"), true, false},
		"another user": {slotted(), fields("site", "acme", "email", "e", "token", "t"), "acme.api.example.com",
			fields("site", "acme", "email", "f"), false, false},
		"another choice": {jira, fields("site", "acme", "id", "1"), "acme.jira.example.com", fields("site", "other"),
			true, false},
		"no choice held": {jira, fields("id", "1"), "", fields("site", "other"), false, false},
		"found elsewhere": {sales, fields("instance", "acme", "realm", "1"), "acme.sales.example.com",
			fields("instance", "other", "realm", "1"), false, true},
		"another realm": {sales, fields("instance", "acme", "realm", "1"), "acme.sales.example.com",
			fields("instance", "Acme", "realm", "2"), false, false},
		"older than regions": {desk, fields("key", "k"), "desk.example.com", fields("region", "ca", "key", "k"), true,
			false},
		"its old region": {desk, fields("key", "k"), "desk.example.com", fields("region", "com", "key", "k"), false,
			false},
		"a renamed region": {desk, fields("region", "ca", "key", "k"), "desk.cloud.ca", fields("region", "", "key", "k"),
			false, false},
		"undeclared": {shop(true), fields("host", "a.example", "other", "x"), "a.example", fields("other", "y"),
			false, false},
	} {
		bound := AddressFields(c.app, c.held)
		if got := Address(c.app, bound); got != c.at {
			t.Errorf("%s: at %q, want %q", name, got, c.at)
		}
		err := CheckAddress(c.app, bound, c.entered)
		var p *Error
		if (err != nil) != c.refused || err != nil && (!errors.As(err, &p) || p.Kind != InvalidField) {
			t.Errorf("%s: %v", name, err)
		}
		if from, to, moved := AddressChange(c.app, bound, c.entered); moved != c.moved || moved &&
			(from != "acme" || to != "other") {
			t.Errorf("%s: moved %t, from %q to %q", name, moved, from, to)
		}
	}
}
