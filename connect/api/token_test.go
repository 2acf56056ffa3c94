package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

type sourceFunc func(vending.Request) (vending.Credential, error)

func (f sourceFunc) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	return f(r)
}

// TestTokenShapes: what a source vends, as it is answered, byte for byte.
func TestTokenShapes(t *testing.T) {
	for name, c := range map[string]struct {
		cred   vending.Credential
		err    error
		status int
		body   string
	}{
		"oauth": {cred: vending.NewOAuth("mail", "ya29.x", "", epoch.Add(3599*time.Second+900*time.Millisecond),
			vending.Field{Name: "site", Value: "s"}), status: 200,
			body: `{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.x","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth","fields":{"site":"s"}}}`},
		"captured, and the client's": {cred: vending.NewOAuth("ads", "ya29.x", "bot", time.Time{},
			vending.Field{Name: "realm", Value: "9130"}, vending.Field{Name: "developer", Value: "d"}), status: 200,
			body: `{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.x","token_type":"bot","expires_in":null,"auth_type":"o_auth","fields":{"developer":"d","realm":"9130"}}}`},
		"unknown expiry": {cred: vending.NewOAuth("mail", "ya29.x", "mac", time.Time{}), status: 200,
			body: `{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.x","token_type":"mac","expires_in":null,"auth_type":"o_auth"}}`},
		"just expired": {cred: vending.NewOAuth("mail", "ya29.x", "", epoch.Add(-time.Minute)), status: 200,
			body: `{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.x","token_type":"Bearer","expires_in":0,"auth_type":"o_auth"}}`},
		"basic": {cred: vending.NewFields("basic", vending.Basic,
			[]vending.Field{{Name: "username", Value: "u"}, {Name: "password", Value: "p"}}), status: 200,
			body: `{"status":"success","message":"credential ` +
				`vended","data":{"auth_type":"basic","fields":{"password":"p","username":"u"},"expires_in":null}}`},
		"refused": {err: vending.Errorf(vending.ConnectionNotActive, nil), status: 409,
			body: `{"status":"error","message":"the connection is not active yet, or was rejected, or its link has ` +
				`expired","data":{"code":"connection_not_active","origin":"vending"},"error":{"code":"connection_not_active","type":"vendgate_error","message":"the connection is not active yet, or was rejected, or its link has expired"}}`},
		"unavailable": {err: vending.Errorf(vending.UpstreamUnavailable, errors.New("for the log")), status: 503,
			body: `{"status":"error","message":"the source or the provider cannot be reached right now; retry with ` +
				`backoff","data":{"code":"upstream_unavailable","origin":"vending"},"error":{"code":"upstream_unavailable","type":"vendgate_error","message":"the source or the provider cannot be reached right now; retry with backoff"}}`},
		"provider limits": {err: &vending.Error{Code: vending.RateLimited, Origin: vending.FromVending,
			RetryAfter: 90 * time.Second}, status: 429,
			body: `{"status":"error","message":"too many requests; wait as long as Retry-After ` +
				`says","data":{"code":"rate_limited","origin":"vending"},"error":{"code":"rate_limited","type":"vendgate_error","message":"too many requests; wait as long as Retry-After says"}}`},
		"defect": {err: errors.New("disk on fire"), status: 500,
			body: `{"status":"error","message":"something went wrong in the gateway; its log has the ` +
				`details","data":{"code":"internal_error","origin":"vending"},"error":{"code":"internal_error","type":"vendgate_error","message":"something went wrong in the gateway; its log has the details"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, sourceFunc(func(r vending.Request) (vending.Credential, error) {
				if r.Tenant != "acme" || r.User != alice || r.Connection != "conn_1" || r.App != "" || r.Force {
					t.Errorf("asked for %+v", r)
				}
				return c.cred, c.err
			}))
			if got := s.post("/connections/conn_1/token", ""); got.status != c.status || got.body != c.body {
				t.Errorf("%d %s\nwant %d %s", got.status, got.body, c.status, c.body)
			}
		})
	}
}

// TestTokenOfTheStore: through the embedded source, in the states that a connection can be in.
func TestTokenOfTheStore(t *testing.T) {
	s := newStage(t)
	expiring := token
	expiring.Expiry = epoch.Add(time.Hour)
	machine := connect.GrantValues{AccessToken: "ya29.machine",
		Fields: []vending.Field{{Name: "client_id", Value: "id"}, {Name: "client_secret", Value: "canary"}}}
	ended := s.imported("mail", vending.OAuth, token)
	if _, err := s.store.UpdateGrant(t.Context(), ended, 1, connect.NewGrant(connect.GrantValues{RefreshToken: "1//one"}),
		true); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ id, want string }{
		"oauth": {s.imported("mail", vending.OAuth, expiring),
			`{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.one","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth"}}`},
		"key": {s.imported("key", vending.APIKey, keys),
			`{"status":"success","message":"credential ` +
				`vended","data":{"auth_type":"api_key","fields":{"account":"a","api_key":"sk-one"},"expires_in":null}}`},
		"client credentials": {s.imported("machine", vending.OAuth, machine),
			`{"status":"success","message":"credential ` +
				`vended","data":{"access_token":"ya29.machine","token_type":"Bearer","expires_in":null,"auth_type":"o_auth"}}`},
		"pending": {s.linked("mail", "One").ConnectionID,
			`{"status":"error","message":"the connection is not active yet, or was rejected, or its link has ` +
				`expired","data":{"code":"connection_not_active","origin":"vending"},"error":{"code":"connection_not_active","type":"vendgate_error","message":"the connection is not active yet, or was rejected, or its link has expired"}}`},
		"ended": {ended,
			`{"status":"error","message":"the grant was revoked, has expired or is refused by the provider; the end user ` +
				`must connect ` +
				`again","data":{"code":"needs_reconnection","origin":"vending","reason":"grant_ended"},"error":{"code":"needs_reconnection","type":"vendgate_error","message":"the grant was revoked, has expired or is refused by the provider; the end user must connect again"}}`},
		"lost app": {s.imported("left", vending.OAuth, token),
			`{"status":"error","message":"no such ` +
				`app","data":{"code":"unknown_app","origin":"vending"},"error":{"code":"unknown_app","type":"vendgate_error","message":"no such app"}}`},
		"unknown": {"conn_x", gone},
	} {
		if got := s.post("/connections/"+c.id+"/token", ""); got.body != c.want {
			t.Errorf("%s: %s\nwant %s", name, got.body, c.want)
		}
	}
}
