package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
)

type apps struct {
	Apps []struct {
		ID, Name   string
		AuthType   string `json:"auth_type"`
		Categories []string
	}
	Total int
}

type connection struct {
	ID, Name          string
	AppID             string `json:"app_id"`
	AppName           string `json:"app_name"`
	Status            string
	NeedsReconnection bool `json:"needs_reconnection"`
	RefreshPending    bool `json:"refresh_pending"`
	Verified          bool
	ExpiresAt         string `json:"expires_at"`
}

type connections struct {
	Connections []connection
	Total       int
}

type link struct {
	ConnectionID string `json:"connection_id"`
	RequestLink  string `json:"request_link"`
	ExpiresAt    string `json:"expires_at"`
}

// TestTools: four, of which one changes something, and none vends.
func TestTools(t *testing.T) {
	a := newStage(t).agent("acme", alice)
	listed, err := a.session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
		hints := tool.Annotations
		if tool.Title == "" || tool.Description == "" || hints.ReadOnlyHint != (tool.Name != "create_connection_link") ||
			*hints.DestructiveHint || *hints.OpenWorldHint {
			t.Errorf("%s: %+v", tool.Name, hints)
		}
		if text, _ := json.Marshal(tool); strings.Contains(strings.ToLower(string(text)), "token") {
			t.Errorf("%s speaks of tokens: %s", tool.Name, text)
		}
	}
	slices.Sort(names)
	if got := strings.Join(names,
		" "); got != "check_connection_status create_connection_link list_connections search_apps" {
		t.Errorf("tools: %s", got)
	}
	if more, err := a.session.ListResources(t.Context(), nil); err == nil && len(more.Resources) > 0 {
		t.Errorf("resources: %v", more.Resources)
	}
}

// TestConversation: what an agent does, from the app's name to a working connection.
func TestConversation(t *testing.T) {
	s := newStage(t)
	a := s.agent("acme", alice)
	var found apps
	if problem := a.call("search_apps", map[string]any{"query": " GMAIL ", "limit": 1}, &found); problem != "" ||
		found.Total != 1 || found.Apps[0].ID != "gmail" ||
		found.Apps[0].Name != "Gmail" || found.Apps[0].AuthType != "o_auth" || found.Apps[0].Categories[0] != "email" {
		t.Fatalf("%s %+v", problem, found)
	}
	var made link
	if problem := a.call("create_connection_link", map[string]any{"app_id": "gmail", "name": "Work"},
		&made); problem != "" {
		t.Fatal(problem)
	}
	token, ok := strings.CutPrefix(made.RequestLink, origin+"/connect/")
	if !ok || len(token) != 33 || made.ExpiresAt != "2026-03-03T12:00:00Z" {
		t.Errorf("%+v", made)
	}
	want := connection{ID: made.ConnectionID, Name: "Work", AppID: "gmail", AppName: "Gmail", Status: "pending",
		ExpiresAt: "2026-03-03T12:00:00Z"}
	check := func() {
		t.Helper()
		var got connection
		if problem := a.call("check_connection_status", map[string]any{"connection_id": made.ConnectionID},
			&got); problem != "" || got != want {
			t.Errorf("%s %+v, want %+v", problem, got, want)
		}
		var all connections
		if problem := a.call("list_connections", nil, &all); problem != "" || all.Total != 1 || all.Connections[0] != want {
			t.Errorf("%s %+v, want %+v", problem, all, want)
		}
	}
	check()
	grant := connect.NewGrant(connect.GrantValues{AccessToken: canary, RefreshToken: canary}).Verify()
	if _, err := s.store.CompleteLink(t.Context(), connect.DigestOf(token), connect.Digest{1}, "o_auth",
		grant); err != nil {
		t.Fatal(err)
	}
	want.Status, want.ExpiresAt, want.Verified = "active", "", true
	check()
	if _, err := s.store.RenewLink(t.Context(), "acme", alice, made.ConnectionID); err != nil {
		t.Fatal(err)
	}
	want.RefreshPending, want.ExpiresAt = true, "2026-03-03T12:00:00Z"
	check()
	if _, err := s.store.UpdateGrant(t.Context(), made.ConnectionID, 2, grant, true); err != nil {
		t.Fatal(err)
	}
	want.NeedsReconnection = true
	check()
	if came := a.came.String(); strings.Contains(came, canary) || strings.Count(came, token) != 2 {
		t.Errorf("the token came %d times (as text and as data, each within the link): %s", strings.Count(came, token), came)
	}
}

// TestPaging: the bounds are the Platform API's.
func TestPaging(t *testing.T) {
	s := newStage(t)
	a := s.agent("acme", alice)
	first, second := s.imported("acme", alice), s.imported("acme", alice)
	seen := make(map[string]bool)
	for page := 1; page <= 3; page++ {
		var got connections
		if problem := a.call("list_connections", map[string]any{"app_id": "gmail", "page": page, "limit": 1},
			&got); problem != "" || got.Total != 2 {
			t.Fatalf("%s %+v", problem, got)
		}
		for _, c := range got.Connections {
			seen[c.ID] = true
		}
	}
	if len(seen) != 2 || !seen[first] || !seen[second] {
		t.Errorf("%v", seen)
	}
	var none connections
	if problem := a.call("list_connections", map[string]any{"app_id": "slack"}, &none); problem != "" ||
		none.Connections == nil || none.Total != 0 {
		t.Errorf("%s %+v", problem, none)
	}
	var all apps
	if problem := a.call("search_apps", nil, &all); problem != "" || len(all.Apps) != 20 || all.Total < 20 {
		t.Errorf("%s: %d of %d", problem, len(all.Apps), all.Total)
	}
}

// TestProblems: what goes wrong in a tool is told by its code.
func TestProblems(t *testing.T) {
	s := newStage(t)
	a := s.agent("acme", alice)
	long := strings.Repeat("x", 201)
	for _, c := range []struct {
		tool    string
		args    map[string]any
		problem string
	}{
		{"check_connection_status", map[string]any{"connection_id": "conn_x"}, "connection_deleted: no such connection"},
		{"check_connection_status", map[string]any{"connection_id": ""}, "connection_deleted: no such connection"},
		{"create_connection_link", map[string]any{"app_id": "nothing", "name": "One"}, "unknown_app: no such app"},
		{"create_connection_link", map[string]any{"app_id": "slack", "name": "One"},
			"invalid_request: app_id: slack needs an OAuth client first"},
		{"create_connection_link", map[string]any{"app_id": "gmail", "name": " "},
			"invalid_request: name: must be 1 to 200 bytes of text"},
		{"create_connection_link", map[string]any{"app_id": "gmail", "name": long},
			"invalid_request: name: must be 1 to 200 bytes of text"},
		{"create_connection_link", map[string]any{"app_id": "gmail", "name": "a\nb"},
			"invalid_request: name: must be at most 200 bytes of text without control characters"},
		{"create_connection_link", map[string]any{"app_id": long, "name": "One"},
			"invalid_request: app_id: must be 1 to 64 bytes of text"},
		{"search_apps", map[string]any{"query": long}, "invalid_request: search: must be 1 to 100 bytes of text"},
		{"search_apps", map[string]any{"page": -1}, "invalid_request: page: must be a whole number from 1 to 2147483647"},
		{"search_apps", map[string]any{"limit": 101}, "invalid_request: limit: must be a whole number from 1 to 100"},
		{"list_connections", map[string]any{"page": -1},
			"invalid_request: page: must be a whole number from 1 to 2147483647"},
		{"list_connections", map[string]any{"limit": -1}, "invalid_request: limit: must be a whole number from 1 to 100"},
		{"list_connections", map[string]any{"app_id": long}, "invalid_request: app_id: must be 1 to 64 bytes of text"},
	} {
		if got := a.call(c.tool, c.args, nil); !strings.HasPrefix(got, c.problem) {
			t.Errorf("%s %v: %q, want %q", c.tool, c.args, got, c.problem)
		}
	}
	for _, args := range []map[string]any{{"connection_id": 7}, {}, {"connection_id": "conn_x", "more": 1}} {
		if got := a.call("check_connection_status", args, nil); got == "" {
			t.Errorf("%v was taken", args)
		}
	}
	if s.log.String() != "" {
		t.Errorf("the caller's mistakes are in the log: %s", s.log.String())
	}
}

// TestCapabilities: a tool obeys what its tenant was granted, and which apps it may use.
func TestCapabilities(t *testing.T) {
	s := newStage(t)
	args := map[string]map[string]any{
		"search_apps": nil, "list_connections": nil, "create_connection_link": {"app_id": "gmail", "name": "One"},
		"check_connection_status": {"connection_id": "conn_x"},
	}
	for tenant, may := range map[string][]string{"apps": {"search_apps"},
		"connections": {"list_connections", "create_connection_link", "check_connection_status"}} {
		a := s.agent(tenant, alice)
		for tool := range args {
			problem := a.call(tool, args[tool], new(any))
			if refused := strings.HasPrefix(problem, "capability_disabled: "); refused == slices.Contains(may, tool) {
				t.Errorf("%s calls %s: %q", tenant, tool, problem)
			}
		}
	}
	narrow := s.agent("narrow", alice)
	var found apps
	if problem := narrow.call("search_apps", nil, &found); problem != "" || found.Total != 1 ||
		found.Apps[0].ID != "slack" {
		t.Errorf("%s %+v", problem, found)
	}
	if problem := narrow.call("create_connection_link", args["create_connection_link"], nil); !strings.HasPrefix(problem,
		"policy_denied: ") {
		t.Errorf("%q", problem)
	}
}

// TestNotYours: another tenant's connection and another end user's are as unknown as any.
func TestNotYours(t *testing.T) {
	s := newStage(t)
	id := s.imported("acme", alice)
	for _, other := range [][2]string{{"evil", alice}, {"acme", bob}} {
		a := s.agent(other[0], other[1])
		if problem := a.call("check_connection_status", map[string]any{"connection_id": id},
			nil); problem != "connection_deleted: no such connection" {
			t.Errorf("%v: %q", other, problem)
		}
		var got connections
		if problem := a.call("list_connections", nil, &got); problem != "" || got.Total != 0 || len(got.Connections) != 0 {
			t.Errorf("%v: %s %+v", other, problem, got)
		}
		if came := a.came.String(); strings.Contains(came, id) || strings.Contains(came, canary) {
			t.Errorf("%v: %s", other, came)
		}
	}
}

// TestParallelTenants: one server serves all, and no call ever takes another's caller.
func TestParallelTenants(t *testing.T) {
	s := newStage(t)
	var wg sync.WaitGroup
	for _, who := range [][2]string{{"acme", alice}, {"evil", alice}, {"acme", bob}, {"evil", bob}} {
		a := s.agent(who[0], who[1])
		for i := range 10 {
			wg.Go(func() {
				name := fmt.Sprintf("%s %s %d", who[0], who[1], i)
				var made link
				if problem := a.call("create_connection_link", map[string]any{"app_id": "gmail", "name": name},
					&made); problem != "" {
					t.Error(problem)
				}
				c, err := s.store.Describe(t.Context(), who[0], who[1], made.ConnectionID)
				if err != nil || c.Name != name {
					t.Errorf("%s became %+v, %v", name, c, err)
				}
				var got connections
				if problem := a.call("list_connections", map[string]any{"limit": 100}, &got); problem != "" ||
					len(got.Connections) == 0 {
					t.Errorf("%s %+v", problem, got)
				}
				for _, c := range got.Connections {
					if !strings.HasPrefix(c.Name, who[0]+" "+who[1]) {
						t.Errorf("%v sees %s", who, c.Name)
					}
				}
			})
		}
	}
	wg.Wait()
}

// TestDefect: what only an operator can fix is in the log, and the agent learns no more than the
// code.
func TestDefect(t *testing.T) {
	s := newStage(t)
	a := s.agent("acme", alice)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if problem := a.call("list_connections", nil,
		nil); problem != "internal_error: something went wrong in the gateway; its log has the details" {
		t.Errorf("%q", problem)
	}
	if log := s.log.String(); !strings.Contains(log, `"tool":"list_connections","tenant":"acme"`) ||
		!strings.Contains(log, "the store is closed") {
		t.Errorf("logged %s", log)
	}
}
