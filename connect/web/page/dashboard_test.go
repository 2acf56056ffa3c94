package page

import (
	"strings"
	"testing"
)

func TestDashboardWords(t *testing.T) {
	v := people["plain"].views()
	tests := []struct {
		page        string
		has, hasNot []string
	}{
		{"connections",
			[]string{"This connection link expired on 30 July 2026, 07:30 UTC. Click Refresh credentials " +
				"to generate a new link.",
				"Existing credentials still work.", "Page 2 of 62", "1234 connections", "Previous", "Next"},
			[]string{"No connection"}},
		{"connections-filter", []string{"The connection was deleted.", "Stripe did not accept", "1 connection found",
			"Clear"}, []string{"Page 1 of"}},
		{"connections-none", []string{"No connections yet."}, []string{"No connection matches"}},
		{"connections-nothing", []string{"No connection matches."}, []string{"No connections yet"}},
		{"new-link-problem", []string{"End user: Must be one bare address", "App: There is no such app",
			"Connection name: At most 200 bytes of text"}, nil},
		{"new-link", []string{"Generate link"}, []string{"could not be made"}},
		{"link-made", []string{"Share this link", "alice@example.com", "existing credentials"}, nil},
		{"link-made-lost", []string{
			"Gmail no longer accepts the existing credentials: calls fail until new ones are submitted.",
		}, []string{"stay in use"}},
		{"delete-pending", []string{"It holds no credentials. Its link stops working."}, []string{"erased"}},
		{"delete-rejected", []string{"It holds no credentials."}, []string{"erased", "stops working"}},
		{"delete", []string{"Delete this connection?", "revoked at Gmail", "Delete connection"},
			[]string{"held by", "stays valid"}},
		{"delete-stays", []string{"Delete this connection?", "stays valid at Gmail until it is revoked there",
			"Delete connection"}, []string{"held by", "revoked at"}},
		{"delete-held", []string{"This connection is in use", "invoice-sync", "Work Gmail", "and 3 more"},
			[]string{"Delete connection", "erased"}},
		{"keys", []string{"0123456789ab", "This session", "Rotate", "There is no MCP URL yet"},
			[]string{"Promote the", "Your new tenant key"}},
		{"keys-rotated", []string{"Your new tenant key", "Retires on promotion", "this session ends",
			"Promote and retire the old key", "Replace the MCP URL"}, []string{"Rotate: make"}},
		{"keys-mcp", []string{"shown only this once"}, []string{"There is no MCP URL"}},
		{"audit", []string{"Link created", "to refresh the credentials", "api key 0123456789ab", "5c9f1f0a", "Page 1 of 3"},
			nil},
		{"audit-none", []string{"No events."}, nil},
		{"budgets", []string{"431 of 600 left", "116 used", "81 refusals in the last hour", "No limit",
			"Gmail Calls to this app", "12 of 60 left", "30 a minute each", "conn_4Yx0mQ2bT7cVn9RkWd1sLe3 of 30 left"}, nil},
	}
	for _, test := range tests {
		t.Run(test.page, func(t *testing.T) {
			got := mainText(t, v[test.page])
			for _, want := range test.has {
				if !strings.Contains(got, want) {
					t.Errorf("the page does not say %q:\n%s", want, got)
				}
			}
			for _, not := range test.hasNot {
				if strings.Contains(got, not) {
					t.Errorf("the page says %q:\n%s", not, got)
				}
			}
		})
	}
}

func TestSecretsShownOnceStandInFields(t *testing.T) {
	v := people["plain"].views()
	for name, want := range map[string]string{
		"link-made":    `readonly value="https://connect.example.com/connect/` + testToken + `"`,
		"keys-rotated": `readonly value="pk_live_canaryKey0123456789abcdefghijklmnopqrstuvw"`,
		"keys-mcp":     `readonly value="https://connect.example.com/platform/v1/mcp/` + testToken + `"`,
	} {
		if _, source := document(t, v[name]); strings.Count(source, "canary") != 1 || !strings.Contains(source, want) {
			t.Errorf("%s does not show its secret once, in a field:\n%s", name, source)
		}
	}
	if _, source := document(t, v["keys"]); strings.Contains(source, "canary") {
		t.Error("keys shows a secret that was not just made")
	}
}

func TestBadges(t *testing.T) {
	tests := []struct {
		name string
		row  Row
		want string
	}{
		{"pending", Row{Status: "pending", ViaLink: true}, "Pending/wait/hourglass"},
		{"active by link", Row{Status: "active", ViaLink: true}, "Active/good/check Via Link/link/link"},
		{"imported", Row{Status: "active"}, "Active/good/check"},
		{"refresh", Row{Status: "active", ViaLink: true, RefreshPending: true},
			"Active/good/check Pending/wait/refresh Via Link/link/link"},
		{"revoked", Row{Status: "active", NeedsReconnection: true}, "Needs reconnection/bad/alert"},
		{"revoked, link out", Row{Status: "active", NeedsReconnection: true, RefreshPending: true},
			"Needs reconnection/bad/alert Pending/wait/refresh"},
		{"refresh declined", Row{Status: "active", ViaLink: true, RefreshRejected: true},
			"Active/good/check Refresh declined/bad/close Via Link/link/link"},
		{"refresh declined, another one open", Row{Status: "active", RefreshRejected: true, RefreshPending: true},
			"Active/good/check Pending/wait/refresh"},
		{"rejected", Row{Status: "rejected", ViaLink: true}, "Rejected/bad/close"},
		{"expired", Row{Status: "expired", ViaLink: true}, "Expired/off/clock"},
	}
	for _, test := range tests {
		var got []string
		for _, b := range test.row.Badges() {
			got = append(got, b.Text+"/"+b.Kind+"/"+b.Icon)
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: the badges are %q; want %q", test.name, s, test.want)
		}
	}
}

func TestOnlyWorkingCredentialsAreSaidToWork(t *testing.T) {
	row := Row{ID: "conn_1", Status: "active", RefreshPending: true, ViaLink: true}
	if _, source := document(t, Connections{Rows: []Row{row}}); strings.Count(source,
		"xisting credentials still work") != 2 {
		t.Errorf("the badge and the row do not say that the credentials still work:\n%s", source)
	}
	row.NeedsReconnection = true
	if _, source := document(t, Connections{Rows: []Row{row}}); strings.Contains(source, "still work") {
		t.Errorf("revoked credentials are said to work:\n%s", source)
	}
}

func TestWords(t *testing.T) {
	for event, want := range map[string]string{"": "", "link_created": "Link created", "mcp_url_issued": "MCP URL issued",
		"oauth_client_set": "OAuth client set"} {
		if got := words(event); got != want {
			t.Errorf("%q reads %q; want %q", event, got, want)
		}
	}
}

func TestPaging(t *testing.T) {
	for _, test := range []struct {
		p                     Paging
		pages, previous, next int
	}{
		{Paging{Page: 1, Limit: 20, Total: 0}, 1, 0, 0},
		{Paging{Page: 1, Limit: 20, Total: 20}, 1, 0, 0},
		{Paging{Page: 1, Limit: 20, Total: 21}, 2, 0, 2},
		{Paging{Page: 2, Limit: 20, Total: 60}, 3, 1, 3},
		{Paging{Page: 3, Limit: 20, Total: 60}, 3, 2, 0},
		{Paging{Page: 9, Limit: 20, Total: 60}, 3, 3, 0},
		{Paging{}, 1, 0, 1},
	} {
		if a, b, c := test.p.Pages(), test.p.Previous(), test.p.Next(); a != test.pages || b != test.previous ||
			c != test.next {
			t.Errorf("%+v has %d pages, %d before and %d after; want %d, %d, %d", test.p, a, b, c, test.pages, test.previous,
				test.next)
		}
	}
	beyond := Connections{Search: "a&b", Paging: Paging{Page: 9, Limit: 20, Total: 60}}
	if _, source := document(t, beyond); !strings.Contains(source, `href="?page=1&amp;q=a%26b"`) {
		t.Errorf("a page past the end does not lead to the first:\n%s", source)
	}
}
