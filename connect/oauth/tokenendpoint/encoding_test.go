package tokenendpoint

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// TestJSONRequests: some providers read JSON alone, with the client in the object
// (https://developers.podio.com/authentication/server_side) or in the header
// (https://developers.notion.com/reference/create-a-token).
func TestJSONRequests(t *testing.T) {
	const client = `"client_id":"client:id","client_secret":"canary client+secret",`
	for way, want := range map[string]string{
		"code": `{CLIENT"code":"canary-code","code_verifier":"canary-verifier","grant_type":"authorization_code",` +
			`"redirect_uri":"https://gate.example.com/cb","zone":"a\"b"}`,
		"refresh":            `{CLIENT"grant_type":"refresh_token","refresh_token":"canary-refresh-0","zone":"a\"b"}`,
		"client credentials": `{CLIENT"grant_type":"client_credentials","zone":"a\"b"}`,
		"revocation":         `{CLIENT"token":"canary-token","token_type_hint":"access_token"}`,
	} {
		for auth, members := range map[string]string{catalog.ClientInBody: client, catalog.ClientInHeader: "",
			catalog.ClientInHeaderRaw: ""} {
			rec := &recorder{answer: answer{200, `{"access_token":"n"}`, nil}}
			e := start(t, rec, func(o *catalog.OAuth2) {
				o.TokenEncoding, o.ClientAuth, o.TokenParams = catalog.EncodingJSON, auth, map[string]string{"zone": `a"b`}
			})
			var err error
			if way == "revocation" {
				err = e.Revoke(t.Context(), vending.NewSecret("canary-token"), AccessToken)
			} else {
				_, err = ways[way](t, e)
			}
			if err != nil || len(rec.calls) != 1 {
				t.Fatalf("%s, client in %s: %d calls, error %v", way, auth, len(rec.calls), err)
			}
			got := rec.calls[0]
			if got.body != strings.Replace(want, "CLIENT", members, 1) || got.contentType != "application/json" {
				t.Errorf("%s, client in %s: the provider got %s\n%s\nwant\n%s", way, auth, got.contentType, got.body, want)
			}
			if (got.authorization == "") != (auth == catalog.ClientInBody) {
				t.Errorf("%s, client in %s: Authorization %q", way, auth, got.authorization)
			}
		}
	}
}
