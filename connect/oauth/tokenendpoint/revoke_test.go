package tokenendpoint

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func revokeAccess(t *testing.T, e *Endpoint) error {
	return e.Revoke(t.Context(), vending.NewSecret("canary access"), AccessToken)
}

// TestRevoke looks at the very bytes that the provider gets.
func TestRevoke(t *testing.T) {
	const token = "token=canary+access&token_type_hint=access_token"
	public := connect.OAuthClient{ID: "public"}
	for name, c := range map[string]struct {
		style  string
		client connect.OAuthClient
		want   call
	}{
		"client in the body":   {"", testClient, call{"POST /revoke", "", form, inBody + token}},
		"client in the header": {"header", testClient, call{"POST /revoke", inHeader, form, token}},
		"public client":        {"body", public, call{"POST /revoke", "", form, "client_id=public&" + token}},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: answer{200, `not read`, nil}}
			e := start(t, rec, func(o *catalog.OAuth2) { o.ClientAuth = c.style })
			e.client = c.client
			if err := revokeAccess(t, e); err != nil || !reflect.DeepEqual(rec.calls, []call{c.want}) {
				t.Errorf("%v, the provider got\n%q\nwant\n%q", err, rec.calls, c.want)
			}
		})
	}
}

func TestRevokeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.Handler
		class  Class
		ended  bool
		code   string
	}{
		"204":             {answer{204, ``, nil}, 0, true, ""},
		"unknown already": {answer{400, `{"error":"invalid_token"}`, nil}, 0, true, ""},
		"ended already":   {answer{400, `{"error":"INVALID_GRANT"}`, nil}, 0, true, ""},
		"not of this type": {answer{400, `{"error":"unsupported_token_type"}`, nil}, Rejected, false,
			"unsupported_token_type"},
		"invalid_client":    {answer{401, `{"error":"invalid_client"}`, nil}, Rejected, false, "invalid_client"},
		"401 invalid_token": {answer{401, `{"error":"invalid_token"}`, nil}, Rejected, false, "invalid_token"},
		"503":               {answer{503, `canary-body`, nil}, Unavailable, false, ""},
		"429":               {answer{429, ``, nil}, RateLimited, false, ""},
		"404 in HTML":       {answer{404, `<p>canary-body`, html}, Rejected, false, ""},
		"a code with ours":  {answer{400, `{"error":"no canary access here"}`, nil}, Rejected, false, Withheld},
		"oversized refusal": {answer{400, `{"error":"` + strings.Repeat("x", maxAnswer) + `"}`, nil}, Rejected, false, ""},
		"connection cut": {http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}), Unavailable, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := revokeAccess(t, start(t, c.answer))
			var r *Refusal
			switch {
			case c.ended:
				if err != nil {
					t.Error(err)
				}
			case !errors.As(err, &r) || r.Class != c.class || r.Code != c.code || strings.Contains(err.Error(), "canary"):
				t.Errorf("error %v, want class %v and code %q", err, c.class, c.code)
			case !strings.Contains(err.Error(), "the revocation endpoint"):
				t.Errorf("error %v does not say what was called", err)
			}
		})
	}
}

func TestRevokeWithoutEndpoint(t *testing.T) {
	rec := &recorder{}
	e := start(t, rec, func(o *catalog.OAuth2) { o.RevokeURL = "" })
	if err := revokeAccess(t, e); !errors.Is(err, errNoRevocation) || len(rec.calls) != 0 {
		t.Errorf("%v after %d calls", err, len(rec.calls))
	}
}
