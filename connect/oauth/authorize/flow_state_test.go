package authorize

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestSealedFlowState: what seal returns is JSON, which unseal reads, and where there is nothing to
// know it is nothing.
func TestSealedFlowState(t *testing.T) {
	for name, c := range map[string]struct {
		state flowState
		flow  string
		want  string
	}{
		"pkce": {flowState{CodeVerifier: "canary-v"}, "", `{"code_verifier":"canary-v"}`},
		"pkce at the client's server": {flowState{CodeVerifier: "canary-v"}, "oauth2",
			`{"code_verifier":"canary-v","client_address":{"host":"a.example.com"}}`},
		"the client's server": {flowState{}, "no pkce", `{"client_address":{"host":"a.example.com"}}`},
		"oauth 1": {flowState{Token: "canary+t", TokenSecret: "canary=s"}, "",
			`{"oauth_token":"canary+t","oauth_token_secret":"canary=s"}`},
		"nothing": {flowState{}, "", ""},
	} {
		s := newServers(t, c.flow)
		client, err := s.o.Clients(t.Context(), tenant, "git")
		if err != nil {
			t.Fatal(err)
		}
		app := s.consents()
		if c.flow != "" {
			app = hosted(c.flow)
			c.state.ClientAddress = nil
		}
		sealed := c.state.seal(app, client)
		if sealed.Reveal() != c.want || sealed.IsZero() != (c.want == "") {
			t.Errorf("%s: another text than JSON", name)
		}
		if c.flow != "" {
			c.state.ClientAddress = map[string]string{"host": "a.example.com"}
		}
		if got := unseal(sealed); !reflect.DeepEqual(got, c.state) {
			t.Errorf("%s: another state than was sealed", name)
		}
	}
}

// TestOldFlowState: a flow that began before an upgrade finishes after it, at the server where it
// began and at no other. What is damaged is no state at all.
func TestOldFlowState(t *testing.T) {
	address := map[string]string{"host": "a.example.com"}
	for old, want := range map[string]flowState{
		"canary-v":                              {CodeVerifier: "canary-v"},
		"at_host=a.example.com":                 {ClientAddress: address},
		"at_host=a.example.com&code_verifier=v": {CodeVerifier: "v", ClientAddress: address},
		"at_host=a.example.com&oauth_token=t%2B&oauth_token_secret=s": {Token: "t+", TokenSecret: "s",
			ClientAddress: address},
		"":                    {},
		"{":                   {},
		`{"code_verifier":1}`: {},
		"a=%":                 {},
	} {
		if got := unseal(vending.NewSecret(old)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, want %+v", old, got, want)
		}
	}
	for flow, query := range map[string]url.Values{"oauth2": {"code": {"canary-code"}},
		"no pkce": {"code": {"canary-code"}}, "oauth1": callbackQuery()} {
		old := map[string]string{"oauth2": "code_verifier=canary-v", "no pkce": "",
			"oauth1": "oauth_token=temp%2Bt&oauth_token_secret=canary-temp"}[flow]
		state := vending.NewSecret(strings.TrimSuffix("at_host=a.example.com&"+old, "&"))
		s, app := newServers(t, flow), hosted(flow)
		s.at = "b.example.com"
		_, err := s.Finish(t.Context(), tenant, app, redirectURI, state, query, nil)
		s.mustBe(t, err, WrongIssuer)
		s.at = "a.example.com"
		if _, err := s.Finish(t.Context(), tenant, app, redirectURI, state, query, nil); err != nil {
			t.Errorf("%s: %v", flow, err)
		}
	}
}
