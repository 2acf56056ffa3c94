package store

import (
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// names joins the names of the connections that a filter finds, newest first.
func names(t *testing.T, s *Store, f connect.Filter) (found string, total int) {
	t.Helper()
	page, total, err := s.Connections(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range page {
		list = append(list, c.Name)
	}
	return strings.Join(list, "|"), total
}

// TestSearch looks for what SQL or LIKE would read as something else.
func TestSearch(t *testing.T) { storetest.EachAtOnce(t, testSearch) }

func testSearch(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	var last string
	for _, c := range []connect.Connection{
		{User: "alice@example.com", App: "gmail", Name: `100% sure`},
		{User: "alice@example.com", App: "gmail", Name: `100 sure`},
		{User: "bob_b@example.com", App: "slack", Name: `under_score`},
		{User: "bobxb@example.com", App: "slack", Name: `underXscore`},
		{User: "carol@example.com", App: "slack", Name: `back\slash`},
		{User: "carol@example.com", App: "slack", Name: `O'Neil's "best"`},
		{User: "carol@example.com", App: "google-docs", Name: `ZAŻÓŁĆ [a-z]*`},
	} {
		clock.add(time.Minute)
		c.Tenant, c.AuthType = "acme", vending.OAuth
		last = must[string](t)(s.ImportConnection(t.Context(), c, oauthGrant("t", "r")))
	}
	evil := gmail("carol@example.com")
	evil.Tenant, evil.Name = "evil", "sure"
	must[string](t)(s.ImportConnection(t.Context(), evil, oauthGrant("t", "r")))
	for name, c := range map[string]struct{ search, want string }{
		"percent":            {"%", `100% sure`},
		"percent in text":    {"100% s", `100% sure`},
		"underscore":         {"_", `under_score`},
		"in the user":        {"bob_b", `under_score`},
		"backslash":          {`\`, `back\slash`},
		"escaped percent":    {`\%`, ``},
		"single quote":       {"'", `O'Neil's "best"`},
		"double quote":       {`"BEST"`, `O'Neil's "best"`},
		"SQL":                {`' OR 1=1 --`, ``},
		"of GLOB":            {"[a-z]*", `ZAŻÓŁĆ [a-z]*`},
		"any case":           {"UNDER", `underXscore|under_score`},
		"any case of ASCII":  {"zaŻÓŁĆ", `ZAŻÓŁĆ [a-z]*`},
		"app":                {"google-d", `ZAŻÓŁĆ [a-z]*`},
		"user":               {"Carol@", `ZAŻÓŁĆ [a-z]*|O'Neil's "best"|back\slash`},
		"id":                 {last, `ZAŻÓŁĆ [a-z]*`},
		"beginning of an id": {last[:12], `ZAŻÓŁĆ [a-z]*`},
		"of every id":        {"conn", ``},
		"end of an id":       {last[8:], ``},
		"across two columns": {"surealice", ``},
		"a tenant's only":    {"sure", `100 sure|100% sure`},
		"nothing found":      {"nobody", ``},
	} {
		t.Run(name, func(t *testing.T) {
			want := 0
			if c.want != "" {
				want = strings.Count(c.want, "|") + 1
			}
			if got, total := names(t, s, connect.Filter{Tenant: "acme", Search: c.search}); got != c.want || total != want {
				t.Errorf("%q of %d, want %q", got, total, c.want)
			}
		})
	}
	if got, total := names(t, s,
		connect.Filter{Tenant: "acme", User: "carol@example.com", App: "slack", Status: connect.Active,
			Search: "s", Limit: 1, Page: 2}); got != `back\slash` || total != 2 {
		t.Errorf("second page of all filters: %q of %d", got, total)
	}
}

func TestSearchRefuses(t *testing.T) { storetest.EachAtOnce(t, testSearchRefuses) }

func testSearchRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	importGmail(t, s, "ya29.one")
	if _, total, err := s.Connections(t.Context(),
		connect.Filter{Search: strings.Repeat("%", connect.MaxSearch)}); err != nil ||
		total != 0 {
		t.Errorf("%d found, %v", total, err)
	}
	for name, search := range map[string]string{
		"long": strings.Repeat("canary", 100), "NUL": "canary\x00", "NUL first": "\x00canary", "not UTF-8": "canary\xff",
		"a line": "canary\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.Connections(t.Context(), connect.Filter{Search: search})
			if wantCode(t, err, vending.InvalidRequest); err != nil &&
				(strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "search:")) {
				t.Errorf("error %v, want one that names the search and does not repeat it", err)
			}
		})
	}
}

// TestStatusFilter lists connections of which some have links that ran out and were not swept.
func TestStatusFilter(t *testing.T) { storetest.EachAtOnce(t, testStatusFilter) }

func testStatusFilter(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	link := func(name string) connect.Link {
		c := gmail("alice@example.com")
		c.Name = name
		clock.add(time.Second)
		return must[connect.Link](t)(s.CreateLink(t.Context(), c))
	}
	imported := func(name string, status connect.Status) string {
		c, g := gmail("alice@example.com"), connect.Grant{}
		c.Name = name
		if c.Status = status; status == connect.Active {
			g = oauthGrant("t", "r")
		}
		clock.add(time.Second)
		return must[string](t)(s.ImportConnection(t.Context(), c, g))
	}
	link("lapsed")
	renewLink(t, s, imported("lapsed renewal", connect.Active))
	link("swept")
	clock.set(connect.LinkLifetime + time.Minute)
	execSQL(t, s,
		`UPDATE links SET expires_at = expires_at + ? WHERE connection NOT IN (SELECT id FROM connections WHERE name = `+
			`'swept')`, time.Hour.Milliseconds())
	must[int](t)(s.Sweep(t.Context()))
	clock.add(2 * time.Hour)
	link("open")
	renewLink(t, s, imported("renewal", connect.Active))
	completeLink(t, s, link("completed"), "ya29.x")
	rejected := link("rejected")
	if _, err := s.RejectLink(t.Context(), digestOf(rejected), alices); err != nil {
		t.Fatal(err)
	}
	imported("pending without a link", connect.Pending)
	for status, want := range map[connect.Status]string{
		connect.Pending:  "pending without a link|open",
		connect.Active:   "completed|renewal|lapsed renewal",
		connect.Rejected: "rejected",
		connect.Expired:  "swept|lapsed",
		"gone":           "",
	} {
		t.Run(string(status), func(t *testing.T) {
			got, total := names(t, s, connect.Filter{Tenant: "acme", Status: status})
			if got != want || want != "" && total != strings.Count(want, "|")+1 {
				t.Errorf("%q of %d, want %q", got, total, want)
			}
			page, _, err := s.Connections(t.Context(), connect.Filter{Tenant: "acme", Status: status})
			for _, c := range page {
				if c.Status != status || c.RefreshPending != (c.Name == "renewal") || err != nil {
					t.Errorf("%+v, %v", c, err)
				}
				if described := describe(t, s, c.ID); described != c {
					t.Errorf("described %+v, listed %+v", described, c)
				}
			}
		})
	}
	if _, total := names(t, s, connect.Filter{Tenant: "acme"}); total != 8 {
		t.Errorf("%d in all, want 8", total)
	}
}

// TestReconnectFilter: by what is known of the grant, whatever a link does meanwhile.
func TestReconnectFilter(t *testing.T) { storetest.EachAtOnce(t, testReconnectFilter) }

func testReconnectFilter(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	named := map[string]string{}
	for _, name := range []string{"works", "ended", "ended, with a link", "renewed"} {
		c := gmail("alice@example.com")
		c.Name = name
		clock.add(time.Second)
		named[name] = must[string](t)(s.ImportConnection(t.Context(), c, oauthGrant("t", "r")))
		if name != "works" {
			must[int64](t)(s.EndGrant(t.Context(), named[name], 1, oauthGrant("t", "r"), "why"))
		}
	}
	renewLink(t, s, named["ended, with a link"])
	completeLink(t, s, renewLink(t, s, named["renewed"]), "ya29.x")
	clock.add(time.Second)
	createLink(t, s)
	yes, no := true, false
	for _, c := range []struct {
		filter connect.Filter
		want   string
		total  int
	}{
		{connect.Filter{Tenant: "acme", NeedsReconnection: &yes}, "ended, with a link|ended", 2},
		{connect.Filter{NeedsReconnection: &yes}, "ended, with a link|ended", 2},
		{connect.Filter{Tenant: "acme", User: "alice@example.com", NeedsReconnection: &yes}, "ended, with a link|ended", 2},
		{connect.Filter{Tenant: "acme", NeedsReconnection: &yes, Status: connect.Active, Limit: 1, Page: 2}, "ended", 2},
		{connect.Filter{Tenant: "acme", NeedsReconnection: &yes, Status: connect.Pending}, "", 0},
		{connect.Filter{Tenant: "acme", NeedsReconnection: &yes, Search: "link"}, "ended, with a link", 1},
		{connect.Filter{Tenant: "other", NeedsReconnection: &yes}, "", 0},
		{connect.Filter{Tenant: "acme", NeedsReconnection: &no}, "Work Gmail|renewed|works", 3},
	} {
		if got, total := names(t, s, c.filter); got != c.want || total != c.total {
			t.Errorf("%+v: %q of %d, want %q of %d", c.filter, got, total, c.want, c.total)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for word, want := range map[string]struct {
		status    connect.Status
		ended, ok bool
	}{
		"": {"", false, true}, "active": {connect.Active, false, true}, "expired": {connect.Expired, false, true},
		"needs_reconnection": {"", true, true}, "needs-reconnection": {"needs-reconnection", false, false},
		"Active": {"Active", false, false},
	} {
		status, ended, ok := connect.ParseStatus(word)
		if status != want.status || (ended != nil && *ended) != want.ended || ok != want.ok {
			t.Errorf("%q: %q, %v, %t", word, status, ended, ok)
		}
	}
}
