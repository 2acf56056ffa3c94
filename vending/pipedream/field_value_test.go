package pipedream

import (
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestRenamedForm: Pipedream keeps the host that the provider has, as Zoho's in Canada.
func TestRenamedForm(t *testing.T) {
	app := &catalog.App{
		Slug: "desk", AuthType: "o_auth", Upstream: "https://desk.zoho.{region}/api/v1",
		HostRenames: map[string]string{"desk.zoho.ca": "desk.zohocloud.ca"},
		Fields:      []catalog.Field{{Name: "region", Options: []string{"com", "ca"}}},
	}
	for value, want := range map[string]string{
		"https://desk.zohocloud.ca": "ca", "desk.zohocloud.ca/api/v1": "ca", "desk.zoho.com": "com", "com": "com",
		"https://desk.zoho.eu": "https://desk.zoho.eu",
	} {
		if got := inForm(app, app.Fields[0], value); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

// TestCapturedForm: a whole address fills two slots by the patterns that the connection manager
// captures them with, as Deputy's entry has them; one that they do not match stays as it is.
func TestCapturedForm(t *testing.T) {
	app := &catalog.App{
		Slug: "deputy", AuthType: "oauth2", Upstream: "https://{subdomain}.{region}.deputy.com",
		Fields: []catalog.Field{{Name: "subdomain"}, {Name: "region"}},
		OAuth2: &catalog.OAuth2{Capture: []catalog.Capture{
			{Field: "subdomain", Pattern: `^(?:https://)?([a-z0-9-]+)\.[a-z]+\.deputy\.com/?$`},
			{Field: "region", Pattern: `^(?:https://)?[a-z0-9-]+\.([a-z]+)\.deputy\.com/?$`},
		}},
	}
	for _, v := range []struct {
		field       catalog.Field
		value, want string
	}{
		{app.Fields[0], "https://Acme.eu.deputy.com/", "acme"},
		{app.Fields[1], "acme.eu.deputy.com", "eu"},
		{app.Fields[1], "https://acme.eu.deputy.com.evil.example", "https://acme.eu.deputy.com.evil.example"},
	} {
		if got := inForm(app, v.field, v.value); got != v.want {
			t.Errorf("%s of %s: %q, want %q", v.field.Name, v.value, got, v.want)
		}
	}
}
