package api_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/vending"
)

// events are what the audit trail has of a connection, the oldest first.
func (s *stage) events(id string) (events []connect.Event) {
	s.Helper()
	rows, _, err := s.store.Audit(s.Context(), connect.AuditFilter{Connection: id})
	if err != nil {
		s.Fatal(err)
	}
	for _, r := range slices.Backward(rows) {
		events = append(events, r.Event)
	}
	return events
}

// TestDelete: the connection is gone whatever the provider says, and what it says is in the audit
// trail.
func TestDelete(t *testing.T) {
	const form = "POST /revoke client_id=client&client_secret=client-secret&token="
	const asked = "; Mail did not confirm that it has revoked the grant: if it must end, withdraw it there"
	stays := func(app string) string {
		return "; what was granted stays valid at " + app + " until it is withdrawn there"
	}
	accessOnly := connect.GrantValues{AccessToken: "ya29.one"}
	for name, c := range map[string]struct {
		app      string
		grant    connect.GrantValues
		provider int // its status; 0 means that it is down
		asked    []string
		event    connect.Event
		left     string
		says     string
	}{
		"revoked": {"mail", token, 200, []string{form + "1%2F%2Fone&token_type_hint=refresh_token"},
			connect.GrantRevoked, "revoked", ""},
		"revoked by the access token": {"mail", accessOnly, 200, []string{form + "ya29.one&token_type_hint=access_token"},
			connect.GrantRevoked, "revoked", ""},
		"provider refuses": {"mail", token, 400, []string{form + "1%2F%2Fone&token_type_hint=refresh_token"},
			connect.RevocationFailed, "unconfirmed", asked},
		"provider is down":              {"mail", token, 0, nil, connect.RevocationFailed, "unconfirmed", asked},
		"without a revocation endpoint": {"gmail", token, 200, nil, "", "stays", stays("Gmail")},
		"a key":                         {"key", keys, 200, nil, "", "stays", stays("Key")},
		"an app that left the catalog":  {"left", token, 200, nil, "", "stays", stays("left")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			if s.provider.status = c.provider; c.provider == 0 {
				s.provider.server.Close()
			}
			authType := vending.OAuth
			if c.app == "key" {
				authType = vending.APIKey
			}
			id := s.imported(c.app, authType, c.grant)
			got := s.call("acme", alice, http.MethodDelete, "/connections/"+id, nil)
			if want := `{"status":"success","message":"connection deleted` + c.says + `","data":{"deleted":true,"grant":"` +
				c.left + `"}}`; got.status != 200 || got.body != want {
				t.Errorf("%d %s", got.status, got.body)
			}
			if asked := s.provider.got(); !slices.Equal(asked, c.asked) {
				t.Errorf("the provider got %q, want %q", asked, c.asked)
			}
			want := []connect.Event{connect.ConnectionImported, connect.ConnectionDeleted}
			if c.event != "" {
				want = append(want, c.event)
			}
			if events := s.events(id); !slices.Equal(events, want) {
				t.Errorf("audited %v, want %v", events, want)
			}
			for _, again := range []string{"GET", "DELETE"} {
				if got := s.call("acme", alice, again, "/connections/"+id, nil); got.body != gone {
					t.Errorf("%s afterwards: %s", again, got.body)
				}
			}
		})
	}
}

// TestDeleteOutlivesItsCaller: the grant is revoked although nobody waits any more to hear of it.
func TestDeleteOutlivesItsCaller(t *testing.T) {
	s := newStage(t)
	s.provider.stall = make(chan struct{})
	id := s.imported("mail", vending.OAuth, token)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, s.url+api.Base+"/connections/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tenant", "acme")
	r.Header.Set("X-User-Email", alice)
	left := make(chan error)
	go func() {
		res, err := s.client.Do(r)
		if err == nil {
			_ = res.Body.Close() // there should be none
		}
		left <- err
	}()
	until := func(what string, f func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	until("the provider was not asked", func() bool { return len(s.provider.got()) == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left with %v", err)
	}
	until("the caller's leaving went unnoticed", func() bool { return s.lost.Load() == 1 })
	close(s.provider.stall)
	until("no revocation was recorded", func() bool {
		return slices.Equal(s.events(id),
			[]connect.Event{connect.ConnectionImported, connect.ConnectionDeleted, connect.GrantRevoked})
	})
}

// TestDeletePending: what was never completed has nothing to revoke, and its link ends.
func TestDeletePending(t *testing.T) {
	s := newStage(t)
	l := s.linked("mail", "One")
	if got := s.call("acme", alice, "DELETE", "/connections/"+l.ConnectionID, nil); got.status != 200 ||
		!strings.Contains(got.body, `"grant":"none"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if _, err := s.store.OpenLink(t.Context(), connect.DigestOf(l.RequestToken)); err == nil {
		t.Error("the link still opens")
	}
	if asked := s.provider.got(); asked != nil {
		t.Errorf("the provider got %q", asked)
	}
}

func TestHolds(t *testing.T) {
	s := newStage(t)
	id := s.imported("mail", vending.OAuth, token)
	hold := func(method, name string) answer {
		t.Helper()
		return s.call("acme", alice, method, "/connections/"+id+"/holds/"+name, nil)
	}
	remove := func() answer { return s.call("acme", alice, "DELETE", "/connections/"+id, nil) }
	if got := hold("PUT",
		"invoice-sync"); got.body != `{"status":"success","message":"hold `+
		`placed","data":{"name":"invoice-sync","created_at":"2026-03-01T12:00:00Z"}}` {
		t.Errorf("placed: %s", got.body)
	}
	s.passed.Store(1e12)
	if got := hold("PUT",
		"invoice-sync"); got.body != `{"status":"success","message":"hold `+
		`placed","data":{"name":"invoice-sync","created_at":"2026-03-01T12:00:00Z"}}` {
		t.Errorf("placed again: %s", got.body)
	}
	if got := remove(); got.status != 409 ||
		got.body != `{"status":"error","message":"the connection is held by invoice-sync; release that `+
			`first","data":{"code":"connection_in_use","origin":"gateway"},"error":{"code":"connection_in_use","type":"vendgate_error","message":"the connection is held by invoice-sync; release that first"}}` {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	for _, name := range []string{"a%2Fb", "b%20c", "d"} {
		if got := hold("PUT", name); got.status != 200 {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	if got := remove(); got.message() != "the connection is held by a/b, b c, d and others; release that first" {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
	for _, name := range []string{"a%2Fb", "b%20c", "d", "invoice-sync"} {
		if got := hold("DELETE",
			name); got.body != `{"status":"success","message":"hold released","data":{"released":true}}` {
			t.Errorf("released: %s", got.body)
		}
	}
	if got := hold("DELETE", "d"); got.body != `{"status":"success","message":"hold released","data":{"released":false}}` {
		t.Errorf("released again: %s", got.body)
	}
	if asked := s.provider.got(); asked != nil {
		t.Errorf("the provider got %q while the connection was held", asked)
	}
	if got := remove(); got.status != 200 {
		t.Errorf("deleted: %d %s", got.status, got.body)
	}
}

func TestHoldNames(t *testing.T) {
	s := newStage(t)
	id := s.imported("mail", vending.OAuth, token)
	for name, ok := range map[string]bool{
		strings.Repeat("h", 100): true, strings.Repeat("h", 101): false, "%C3%A9": true, "%20": true, "%0A": false,
		"%ff": false, "%E2%80%AE": false,
	} {
		for _, method := range []string{"PUT", "DELETE"} {
			got := s.call("acme", alice, method, "/connections/"+id+"/holds/"+name, nil)
			if ok != (got.status == 200) || !ok &&
				got.message() != "name: the name of a hold must be 1 to 100 bytes of text without control characters" {
				t.Errorf("%s %s: %d %s", method, name, got.status, got.body)
			}
		}
	}
}
