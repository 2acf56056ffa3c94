package api_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func TestRequestLink(t *testing.T) {
	s := newStage(t)
	got := s.post("/connections/request-link", `{"app_id":"mail","name":"  Work \"Mail\" & <b> ✉  ","x":[{}],"App_ID":1}`)
	var l link
	got.data(t, &l)
	if !regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(l.RequestToken) ||
		!strings.HasPrefix(l.ConnectionID, "conn_") {
		t.Errorf("token of %d, connection %q", len(l.RequestToken), l.ConnectionID)
	}
	want := `{"status":"success","message":"link created","data":{"connection_id":"` + l.ConnectionID +
		`","request_token":"` + l.RequestToken +
		`","request_link":"https://gateway.example.com/connect/` + l.RequestToken +
		`","expires_at":"2026-03-03T12:00:00Z","app":{"id":"mail","slug":"mail","name":"Mail"}}}`
	if got.status != 201 || got.body != want {
		t.Errorf("%d %s\nwant %s", got.status, got.body, want)
	}
	state, err := s.store.OpenLink(t.Context(), connect.DigestOf(l.RequestToken))
	if c := state.Connection; err != nil || c.ID != l.ConnectionID || c.Tenant != "acme" || c.User != alice ||
		c.Name != `Work "Mail" & <b> ✉` {
		t.Errorf("the link leads to %+v, %v", c, err)
	}
	if again := s.linked("mail", "Work"); again.ConnectionID == l.ConnectionID || again.RequestToken == l.RequestToken {
		t.Error("a second link is the first")
	}
}

// TestLinkName: the store trims what it keeps; the bound is that of what is left.
func TestLinkName(t *testing.T) {
	s := newStage(t)
	const bound, plain = "name: must be 1 to 200 bytes of text",
		"name: must be at most 200 bytes of text without control characters"
	for name, c := range map[string]struct{ name, message string }{
		"200 bytes":                 {strings.Repeat("n", 200), ""},
		"201 bytes":                 {strings.Repeat("n", 201), bound},
		"200 bytes in letters":      {strings.Repeat("é", 100), ""},
		"202 bytes in letters":      {strings.Repeat("é", 101), bound},
		"200 bytes and spaces":      {"  " + strings.Repeat("n", 200) + "\t\n", ""},
		"empty":                     {"", bound},
		"only spaces":               {" \t\r\n\u00a0\u3000", bound},
		"a line break":              {"a\nb", plain},
		"NUL":                       {"a\x00", plain},
		"turned around":             {"a\u202eb", plain},
		"a lone surrogate's \ufffd": {"a\ufffd", ""},
	} {
		body, _ := json.Marshal(map[string]string{"app_id": "key", "name": c.name})
		got := s.post("/connections/request-link", string(body))
		if (c.message == "") != (got.status == 201) || got.message() != c.message && c.message != "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// TestUnconnectableApps: a link that nobody could complete is refused at once, to the engineer.
func TestUnconnectableApps(t *testing.T) {
	s := newStage(t)
	for app, want := range map[string]struct {
		code    vending.Code
		message string
	}{
		"big-mail": {"invalid_request",
			"app_id: field developer of the oauth client for big-mail is missing: set it with the client"},
		"unregistered": {"invalid_request",
			"app_id: unregistered needs an OAuth client first: ask the operator of the gateway to register one with the " +
				"provider and to store it"},
		"imported": {"invalid_request",
			"app_id: end users cannot authorize imported by a link; its connections are imported"},
		"nothing":               {"unknown_app", "no such app"},
		strings.Repeat("a", 64): {"unknown_app", "no such app"},
		strings.Repeat("a", 65): {"invalid_request", "app_id: must be 1 to 64 bytes of text"},
		"":                      {"invalid_request", "app_id: must be 1 to 64 bytes of text"},
	} {
		got := s.post("/connections/request-link", `{"app_id":"`+app+`","name":"One"}`)
		if got.code != want.code || got.message() != want.message {
			t.Errorf("%q: %s", app, got.body)
		}
	}
	if got := s.get("/connections"); !strings.Contains(got.body, `"total":0`) {
		t.Errorf("a refused link left %s", got.body)
	}
	for _, app := range []string{"machine", "key", "basic"} { // they need no client of the tenant's
		if got := s.post("/connections/request-link", `{"app_id":"`+app+`","name":"One"}`); got.status != 201 {
			t.Errorf("%s: %d %s", app, got.status, got.body)
		}
	}
}

// TestLinkOfAnotherSource: nothing would vend what a customer of such a tenant connects here.
func TestLinkOfAnotherSource(t *testing.T) {
	s := newStage(t)
	got := s.call("away", alice, "POST", "/connections/request-link", strings.NewReader(`{"app_id":"key","name":"One"}`))
	if got.code != "invalid_request" ||
		got.message() != "source elsewhere vends for this tenant, so that no call through the gateway would find what is "+
			"connected here: connect the account there" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.call("away", alice, "GET", "/connections", nil); !strings.Contains(got.body, `"total":0`) {
		t.Errorf("it left %s", got.body)
	}
}

// TestRefreshLink: a new link ends the one before, whatever the connection's state, and an active
// one goes on vending.
func TestRefreshLink(t *testing.T) {
	s := newStage(t)
	first := s.linked("key", "One")
	again := func() (l link) {
		got := s.post("/connections/"+first.ConnectionID+"/request-link", `not "read"`)
		got.data(t, &l)
		if got.status != 201 || l.ConnectionID != first.ConnectionID || l.RequestLink != origin+"/connect/"+l.RequestToken {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return l
	}
	s.passed.Store(int64(time.Hour))
	second := again()
	if want := epoch.Add(time.Hour + connect.LinkLifetime).Truncate(time.Second); !second.ExpiresAt.Equal(want) {
		t.Errorf("ends at %v, want %v", second.ExpiresAt, want)
	}
	if _, err := s.store.OpenLink(t.Context(), connect.DigestOf(first.RequestToken)); err == nil {
		t.Error("the first link still opens")
	}
	s.complete(second, vending.APIKey, keys)
	third := again()
	vended := func(want string) {
		t.Helper()
		if got := s.post("/connections/"+first.ConnectionID+"/token", ""); !strings.Contains(got.body, want) {
			t.Errorf("vended %s", got.body)
		}
	}
	vended("sk-one")
	s.complete(third, vending.APIKey, connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "sk-two"}}})
	vended("sk-two")
	s.passed.Store(int64(100 * time.Hour))
	again()
	vended("sk-two")
}

// TestRefreshLinkOfALostApp: the connection is there, but nobody could complete the link.
func TestRefreshLinkOfALostApp(t *testing.T) {
	s := newStage(t)
	if got := s.post("/connections/"+s.imported("left", vending.OAuth, token)+"/request-link",
		""); got.code != "unknown_app" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.post("/connections/"+s.imported("unregistered", vending.OAuth, token)+"/request-link",
		""); got.code != "invalid_request" {
		t.Errorf("%d %s", got.status, got.body)
	}
	id := s.imported("mail", vending.OAuth, token)
	s.tenants["acme"].Apps = []string{"key"}
	if got := s.post("/connections/"+id+"/request-link", ""); got.code != "policy_denied" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
