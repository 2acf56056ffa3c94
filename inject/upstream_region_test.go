package inject

import (
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestRegions: a connection from before there was a choice goes where it went, and a host that the
// provider calls otherwise is called so
// (https://www.zoho.com/accounts/protocol/oauth/multi-dc.html).
func TestRegions(t *testing.T) {
	app := keyApp("https://desk.acme.{region}/v1", headers("X-Key", "{api_key}"))
	app.Fields = append(app.Fields,
		catalog.Field{Name: "region", Options: []string{"com", "ca", "com.au"}, Default: "com"})
	app.HostRenames = map[string]string{"desk.acme.ca": "desk.acmecloud.ca", "accounts.acme.ca": "accounts.acmecloud.ca"}
	for value, want := range map[string]string{
		"": "desk.acme.com", "com": "desk.acme.com", "com.au": "desk.acme.com.au", "ca": "desk.acmecloud.ca",
		"cloud.ca": "", "CA": "", "evil.example": "", "acmecloud.ca": "",
	} {
		cred := testCredential("api_key", "secret", "region", value)
		inj, err := NewInjection(mustPlace(t, app), cred, "/x", "", false, nil)
		if (err == nil) != (want != "") || err == nil && inj.host != want {
			t.Errorf("region %q: host %q, error %v; want %q", value, inj.host, err, want)
		}
	}
	inj, err := NewInjection(mustPlace(t, app), testCredential("api_key", "secret"), "/x", "", false, nil)
	if err != nil || inj.host != "desk.acme.com" {
		t.Errorf("a connection without the field: host %q, error %v", inj.host, err)
	}
	for value, want := range map[string]string{"": "https://accounts.acme.com/token",
		"ca": "https://accounts.acmecloud.ca/token"} {
		got, err := Endpoint(app, "https://accounts.acme.{region}/token", func(string) (string, bool) {
			return value, value != ""
		})
		if err != nil || got != want {
			t.Errorf("region %q: token endpoint %s, error %v", value, got, err)
		}
	}
}
