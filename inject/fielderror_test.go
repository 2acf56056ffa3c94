package inject

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// TestAdvice: a value that cannot be placed is the end user's to correct where connecting again
// brings another, and the operator's where it does not.
func TestAdvice(t *testing.T) {
	advised := func(c vending.Credential) vending.Credential {
		return c.Advised(func(field string) string { return "write the line of " + field })
	}
	app := func() *catalog.App { return keyApp("https://{sub}.example.com", headers("X-Key", "{api_key}")) }
	for name, c := range map[string]struct {
		app   *catalog.App
		cred  vending.Credential
		field string
	}{
		"a host":        {app(), testCredential("api_key", "canary", "sub", "https://canary.example"), "sub"},
		"a missing one": {app(), testCredential("api_key", "canary"), "sub"},
		"a header":      {app(), testCredential("api_key", "canary\r\nX: y", "sub", "a"), "api_key"},
		"a path": {keyApp("https://x.example.com", &catalog.Placement{PathPrefix: "/{api_key}"}),
			testCredential("api_key", ".."), "api_key"},
		"a token": {&catalog.App{Slug: "app", AuthType: "o_auth", Upstream: "https://x.example.com",
			OAuth2: &catalog.OAuth2{TokenURL: "https://x.example.com/t"}}, vending.NewOAuth("app", "canary\n", "", time.Time{}),
			"access_token"},
		"a user name": {keyApp("https://x.example.com",
			&catalog.Placement{Basic: &catalog.Basic{Username: "{sub}", Password: "{api_key}"}}),
			testCredential("sub", "can:ary", "api_key", "canary"), "sub"},
		"an empty one": {app(), testCredential("api_key", "", "sub", "a"), "api_key"},
		"a query parameter": {keyApp("https://x.example.com", &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
			testCredential("api_key", "canary\x00"), "api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, operators := range []bool{false, true} {
				cred, code := c.cred, vending.NeedsReconnection
				if operators {
					cred, code = advised(c.cred), vending.InternalError
				}
				e := vending.AsError(sendOnce(t, c.app, cred))
				if e == nil || e.Code != code || e.Origin != vending.FromGateway ||
					operators != strings.HasSuffix(e.Error(), ": write the line of "+c.field) {
					t.Errorf("operator's %t: %v", operators, e)
				}
				if strings.Contains(e.Error()+e.Text(), "canary") {
					t.Errorf("a value is shown: %v", e)
				}
			}
		})
	}
}

// sendOnce places cred in one request, which must fail.
func sendOnce(t *testing.T, app *catalog.App, cred vending.Credential) error {
	t.Helper()
	inj, err := NewInjection(mustPlace(t, app), cred, "/x", "", false, nil)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(WithInjection(t.Context(), inj), http.MethodGet, "https://app/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&Transport{Base: direct{}}).RoundTrip(r)
	if err == nil {
		_ = res.Body.Close()
		t.Fatal("it was placed")
	}
	return err
}
