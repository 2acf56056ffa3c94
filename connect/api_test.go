package connect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

type sourceFunc func(vending.Request) (vending.Credential, error)

func (f sourceFunc) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	return f(r)
}

func testCatalog(slug string) (*catalog.App, bool) {
	return &catalog.App{Slug: "gmail", Name: "Gmail"}, slug == "gmail"
}

// call asks a real server that knows one tenant and end user.
func call(t *testing.T, serve func(w http.ResponseWriter, r *http.Request)) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	return resp, string(body)
}

func TestServeConnection(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	left := gmail("alice@example.com")
	left.App, left.Name, left.ViaLink, left.Status = "left", "Old one", true, Pending
	leftID, err := s.ImportConnection(t.Context(), left, Grant{})
	if err != nil {
		t.Fatal(err)
	}
	api := NewAPI(APIOptions{Store: s, Catalog: testCatalog})
	const gone = `{"status":"error","message":"no such connection","data":{"code":"connection_deleted","origin":"vending"}}`
	for name, c := range map[string]struct {
		tenant, user, id string
		status           int
		body             string
	}{
		"active": {"acme", "alice@example.com", id, 200, `{"status":"success","message":"connection found","data":{"id":"` + id + `","name":"Work Gmail",` +
			`"app":{"id":"gmail","slug":"gmail","name":"Gmail"},"status":"active","via_link":false,"needs_reconnection":false,"refresh_pending":false,` +
			`"created_at":"2026-03-01T12:00:00Z","updated_at":"2026-03-01T12:00:00Z"}}`},
		"app left the catalog": {"acme", "alice@example.com", leftID, 200, `{"status":"success","message":"connection found","data":{"id":"` + leftID + `","name":"Old one",` +
			`"app":{"id":"left","slug":"left","name":"left"},"status":"pending","via_link":true,"needs_reconnection":false,"refresh_pending":false,` +
			`"created_at":"2026-03-01T12:00:00Z","updated_at":"2026-03-01T12:00:00Z"}}`},
		"unknown":        {"acme", "alice@example.com", "conn_x", 404, gone},
		"other tenant":   {"evil", "alice@example.com", id, 404, gone},
		"other end user": {"acme", "mallory@example.com", id, 404, gone},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := call(t, func(w http.ResponseWriter, r *http.Request) { api.ServeConnection(w, r, c.tenant, c.user, c.id) })
			if resp.StatusCode != c.status || body != c.body {
				t.Errorf("%d %s\nwant %d %s", resp.StatusCode, body, c.status, c.body)
			}
		})
	}
}

func TestServeToken(t *testing.T) {
	var log bytes.Buffer
	for name, c := range map[string]struct {
		cred   vending.Credential
		err    error
		status int
		body   string
		logged bool
	}{
		"oauth": {cred: vending.NewOAuth("gmail", "ya29.x", "", epoch.Add(3599*time.Second+900*time.Millisecond), vending.Field{Name: "site", Value: "s"}), status: 200,
			body: `{"status":"success","message":"credential vended","data":{"access_token":"ya29.x","token_type":"Bearer","expires_in":3599,"auth_type":"o_auth","fields":{"site":"s"}}}`},
		"unknown expiry": {cred: vending.NewOAuth("gmail", "ya29.x", "mac", time.Time{}), status: 200,
			body: `{"status":"success","message":"credential vended","data":{"access_token":"ya29.x","token_type":"mac","expires_in":null,"auth_type":"o_auth"}}`},
		"just expired": {cred: vending.NewOAuth("gmail", "ya29.x", "", epoch.Add(-time.Minute)), status: 200,
			body: `{"status":"success","message":"credential vended","data":{"access_token":"ya29.x","token_type":"Bearer","expires_in":0,"auth_type":"o_auth"}}`},
		"basic": {cred: vending.NewFields("x", vending.Basic, []vending.Field{{Name: "username", Value: "u"}, {Name: "password", Value: "p"}}), status: 200,
			body: `{"status":"success","message":"credential vended","data":{"auth_type":"basic","fields":{"password":"p","username":"u"},"expires_in":null}}`},
		"refused": {err: vending.Errorf(vending.ConnectionNotActive, nil), status: 409,
			body: `{"status":"error","message":"the connection is not active yet, or was rejected, or its link has expired","data":{"code":"connection_not_active","origin":"vending"}}`},
		"defect": {err: errors.New("disk on fire"), status: 500, logged: true,
			body: `{"status":"error","message":"something went wrong in the gateway; its log has the details","data":{"code":"internal_error","origin":"vending"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			log.Reset()
			api := NewAPI(APIOptions{
				Logger: slog.New(slog.NewJSONHandler(&log, nil)), Now: func() time.Time { return epoch },
				Source: sourceFunc(func(r vending.Request) (vending.Credential, error) {
					if r.Tenant != "acme" || r.User != "alice@example.com" || r.Connection != "conn_1" || r.App != "" || r.Force {
						t.Errorf("asked for %+v", r)
					}
					return c.cred, c.err
				}),
			})
			resp, body := call(t, func(w http.ResponseWriter, r *http.Request) {
				api.ServeToken(w, r, "acme", "alice@example.com", "conn_1")
			})
			if resp.StatusCode != c.status || body != c.body {
				t.Errorf("%d %s\nwant %d %s", resp.StatusCode, body, c.status, c.body)
			}
			if got := strings.Contains(log.String(), "disk on fire"); got != c.logged {
				t.Errorf("logged %v, want %v", got, c.logged)
			}
		})
	}
}
