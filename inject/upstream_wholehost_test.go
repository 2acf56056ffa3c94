package inject

import (
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestWholeHost: a value that names one of the declared hosts is called there, links included, and
// any other fills its slot.
func TestWholeHost(t *testing.T) {
	app := keyApp("https://{org}.my.example.com/v1", headers("X-Key", "{api_key}"))
	app.Fields = append(app.Fields,
		catalog.Field{Name: "org", Kind: catalog.KindLabels, Hosts: []string{"*.my.example.mil", "api.example.org"}})
	for value, want := range map[string]string{
		"acme": "acme.my.example.com", "acme.demo": "acme.demo.my.example.com",
		"acme.my.example.mil": "acme.my.example.mil", "ACME.demo.My.example.MIL": "acme.demo.my.example.mil",
		"api.example.org":                  "api.example.org",
		"acme.my.example.mil.evil.example": "acme.my.example.mil.evil.example.my.example.com",
		"evil.example":                     "evil.example.my.example.com",
		"evil.example/.my.example.mil":     "", "evil.example#.my.example.mil": "", "a@b.my.example.mil": "",
		"acme.my.example.mil:8443": "", "": "",
	} {
		cred := testCredential("api_key", "k", "org", value)
		host, base, err := mustPlace(t, app).upstream.resolve(cred)
		if host != want || err == nil && base != "/v1" || (err == nil) != (want != "") {
			t.Errorf("%q: %q with base %q, %v; want %q", value, host, base, err, want)
		}
		if want == "" {
			continue
		}
		inj := injectionWith(t, app, cred)
		if got := inj.rewriteURL("https://"+want+"/v1/y", testGateway); got != "https://gw.example/proxy/c/app/y" {
			t.Errorf("%q: its own link became %s", value, got)
		}
	}
}
