package page

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

var testNow = time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC)

// person is what end users and tenants fill into views.
type person struct {
	brand           Brand
	app, keyApp     App
	connection      string
	user            string
	hint            []HintPart
	problem, filler string
}

// people are a plain one, one with the longest of everything, and one who attacks.
var people = map[string]person{
	"plain": {
		brand:      Brand{Name: "Northwind Studio", Email: "ops@northwind.example"},
		app:        App{Slug: "gmail", Name: "Gmail", OAuth: true},
		keyApp:     App{Slug: "stripe", Name: "Stripe", Verified: true},
		connection: "Work Gmail",
		user:       "alice@example.com",
		hint:       []HintPart{{Text: "This link was made for "}, {Text: "a…e@example.com", Address: true}, {Text: "."}},
		problem:    "Stripe did not accept these credentials.",
		filler:     "Secret key",
	},
	"longest": {
		brand: Brand{Name: strings.Repeat("Donaudampfschifffahrtsgesellschaft", 3), Email: longEmail,
			LogoURL: "https://logo.example/logo.svg", Accent: "#ffd400"},
		app: App{Slug: strings.Repeat("a", 64), Name: "Shopify (Admin API access token) " + strings.Repeat("W", 60),
			OAuth: true},
		keyApp:     App{Slug: "shopify", Name: "Shopify (Admin API access token)"},
		connection: strings.Repeat("Überweisungen", 14),
		user:       longEmail,
		hint: []HintPart{{Text: strings.Repeat("Kundendienst", 16) + " "},
			{Text: "m…m" + longEmail[64:], Address: true}, {Text: "!"}},
		problem: strings.Repeat("The provider says something long about the credentials. ", 8),
		filler:  "Data center, the end of the key (e.g. us6)",
	},
	"hostile": {
		brand: Brand{Name: `<script>alert("b")</script>`, Email: `"><img src=x onerror=alert(1)>@x.example`,
			LogoURL: `javascript:alert(1)`, Accent: `red}body{display:none`},
		app:        App{Slug: `../../x?"><script>`, Name: `</title><script>alert(1)</script>`, OAuth: true},
		keyApp:     App{Slug: `'"&`, Name: `{{.}}' onmouseover='alert(1)`},
		connection: "\u202Eevil\u202C <b>bold</b> 👩‍👩‍👧 \u0627\u0644\u0639\u0631\u0628\u064A\u0629",
		user:       `javascript:alert(1)`,
		hint: []HintPart{{Text: `</p><script>alert("h")</script>`}, {Text: `<…>@"><img src=x>`, Address: true},
			{Text: `{{.}}&lt;`}},
		problem: `<iframe src=https://evil.example>`,
		filler:  `"><svg onload=alert(1)>`,
	},
	"empty": {},
}

var longEmail = strings.Repeat("m", 64) + "@" + strings.Repeat(strings.Repeat("d", 62)+".", 3)[:189]

const testToken = "canaryToken0123456789abcdefghijkl"

func (p person) link(app App, renews bool) Link {
	return Link{Brand: p.brand, App: app, Connection: p.connection, Renews: renews, Token: vending.NewSecret(testToken),
		CSRF: "csrf-" + p.filler, For: p.hint}
}

// at is l of a connection that has an address.
func (p person) at(l Link) Link {
	l.At, l.Account = "xn--bcher-kva.example:8443/"+p.filler, p.user
	return l
}

// views returns every page, by name, as p fills it.
func (p person) views() map[string]View {
	oauth, key := p.link(p.app, false), p.link(p.keyApp, false)
	untried := key
	untried.App.Verified = false
	renewal := p.link(p.app, true)
	lost, incorporated := renewal, renewal
	lost.Lost = true
	incorporated.Brand.Email = ""
	if p.brand.Name != "" && p.brand.LogoURL == "" {
		incorporated.Brand.Name = "Acme Inc."
	}
	incorporation := incorporated
	incorporation.Renews = false
	doubtful := key
	doubtful.App.Verified, doubtful.App.Inconclusive, doubtful.App.HelpURL = true, true,
		"https://help.example.com/keys?a=b&c="+
			url.QueryEscape(p.filler)
	unverified := doubtful
	unverified.Unverified = true
	renewed := doubtful
	renewed.Renews = true
	helped := p.fields("")
	helped[0].Help, helped[1].Help = "In your profile, below “API”: "+p.filler, p.problem
	misled := doubtful
	misled.App.HelpURL = "javascript:alert(1)"
	expires := testNow.Add(47*time.Hour + 10*time.Minute)
	views := map[string]View{
		"invitation":         Invitation{Link: oauth, ExpiresAt: expires, Now: testNow},
		"invitation-key":     Invitation{Link: key, ExpiresAt: testNow.Add(30 * time.Minute), Now: testNow},
		"invitation-renewal": Invitation{Link: p.at(renewal), ExpiresAt: expires, Now: testNow},
		"invitation-lost":    Invitation{Link: lost, ExpiresAt: expires, Now: testNow},
		"provider-lost":      ProviderProblem{Link: lost},
		"invitation-untried": Invitation{Link: untried, ExpiresAt: expires, Now: testNow},
		"form-untried":       Form{Link: untried, Fields: p.fields("")},
		"form":               Form{Link: key, Fields: p.fields("")},
		"form-problem":       Form{Link: key, Fields: p.fields("Account must be letters and digits"), Problem: p.problem},
		"form-oauth": Form{Link: oauth,
			Fields: []Field{{Name: "subdomain", Label: "Zendesk subdomain", Around: "acme.zendesk.com"}}},
		"form-oauth-problem": Form{Link: oauth, Fields: []Field{
			{Name: "region", Label: "Region", Options: []string{"eu", "us"}, Value: "us"},
			{Name: "host", Label: "Server", Host: true, Value: "crm", Problem: "Server is invalid."},
			{Name: "subdomain", Label: "Subdomain", Around: "acme.zendesk.com", Value: "a.b",
				Problem: "Subdomain is invalid."},
		}},
		"invitation-doubtful": Invitation{Link: doubtful, ExpiresAt: expires, Now: testNow},
		"form-help":           Form{Link: doubtful, Fields: helped},
		"form-misled":         Form{Link: misled, Fields: p.fields("")},
		"unconfirmed": Unconfirmed{Link: doubtful, Title: p.keyApp.Name + " did not confirm this",
			Explanation: p.problem, Key: vending.NewSecret("KEY")},
		"unconfirmed-renewal": Unconfirmed{Link: renewed, Title: p.keyApp.Name + " did not confirm this",
			Explanation: p.problem, Key: vending.NewSecret("KEY")},
		"success-unverified": Success{Link: unverified},
		"form-site":          Form{Link: p.at(key), Fields: []Field{{Name: "host", Label: "Site", Host: true, Site: true}}},
		"form-bound": Form{Link: p.at(p.link(p.keyApp, true)),
			Fields: []Field{{Name: "host", Label: "Site", Host: true, Site: true, Value: p.user, Bound: true},
				{Name: "key", Label: p.filler, Secret: true}}},
		"form-bound-problem": Form{Link: p.at(p.link(p.keyApp, true)), Fields: []Field{
			{Name: "region", Label: "Region", Options: []string{"eu", "us"}, Value: "us", Bound: true,
				Problem: "Region is invalid: it is another address than the one of this connection."},
		}},
		"redirect":         Redirect{Link: oauth, URL: "https://accounts.example.com/o/oauth2/auth?client_id=1&state=2"},
		"redirect-nowhere": Redirect{Link: oauth, URL: "javascript:alert(1)"},
		"success":          Success{Link: oauth},
		"success-renewal":  Success{Link: p.at(renewal)},
		"success-less": Success{Link: renewal,
			Missing: append(slices.Repeat([]string{"https://mail.example.com/auth/" + p.filler}, 11),
				strings.Repeat("s", 200))[1:]},
		"refusal":                 Refusal{oauth},
		"invitation-incorporated": Invitation{Link: incorporation, ExpiresAt: expires, Now: testNow},
		"success-incorporated":    Success{Link: incorporation},
		"refusal-incorporated":    Refusal{incorporated},
		"provider-incorporated":   ProviderProblem{Link: incorporation},
		"refusal-renewal":         Refusal{renewal},
		"provider-problem": ProviderProblem{Link: oauth, Title: p.problem,
			Explanation: p.problem + " It said access_denied.", Description: p.problem},
		"provider-unexplained": ProviderProblem{Link: renewal},
		"invalid":              Invalid{},
		"browser-problem":      BrowserProblem{Token: vending.NewSecret(testToken)},
		"problem": Problem{Title: "Something went wrong here",
			Explanation: "It is a defect of ours and was recorded. Nothing was stored.", Request: "0b8e2a6c-1d4f"},
	}
	for name, v := range p.dashboard() {
		views[name] = v
	}
	return views
}

func (p person) fields(problem string) []Field {
	return []Field{
		{Name: "account", Label: "Account", Value: p.user, Problem: problem},
		{Name: "api_key", Label: p.filler, Value: "never-shown", Secret: true},
	}
}

// updatable is a row of a connection whose credentials can be entered.
func (p person) updatable() Row {
	row := p.rows()[0]
	row.App, row.Updatable, row.NeedsReconnection, row.Account = p.keyApp, true, true, p.user
	row.App.HelpURL = "https://help.example.com/keys?a=b&c="
	return row
}

func (p person) dashboard() map[string]View {
	s := Session{Tenant: p.brand.Name, Fingerprint: "0123456789ab", CSRF: "csrf-" + p.filler}
	noticed := s
	noticed.Notice, noticed.Alert = "The connection was deleted.", p.problem
	apps := []App{p.app, p.keyApp, {Slug: "slack", Name: "Slack"}}
	rows := p.rows()
	helped := p.fields("")
	helped[0].Help, helped[1].Help = "In your profile, below “API”: "+p.filler, p.problem
	old, young := Key{"0123456789ab", testNow.AddDate(0, -5, 0)}, Key{"ba9876543210", testNow}
	return map[string]View{
		"sign-in":         SignIn{CSRF: s.CSRF},
		"sign-in-problem": SignIn{CSRF: s.CSRF, Problem: "This key is not known, or was retired."},
		"connections": Connections{Session: s, Rows: rows, Apps: apps,
			Paging: Paging{Page: 2, Limit: 20, Total: 1234}, Now: testNow},
		"connections-filter": Connections{Session: noticed, Rows: rows[:1], Apps: apps, Search: p.filler, Status: "active",
			App: p.app.Slug, Paging: Paging{Page: 1, Limit: 20, Total: 1}, Now: testNow},
		"connections-none": Connections{Session: s, Apps: apps, Paging: Paging{Page: 1, Limit: 20}},
		"connections-nothing": Connections{Session: s, Apps: apps, Search: p.filler + "x",
			Paging: Paging{Page: 1, Limit: 20}},
		"new-link": NewLink{Session: s, Apps: apps},
		"new-link-problem": NewLink{Session: s, Apps: apps, Email: p.user, App: p.app.Slug, Name: p.connection,
			EmailProblem: "Must be one bare address", AppProblem: "There is no such app",
			NameProblem: "At most 200 bytes of text"},
		"link-made": LinkMade{Session: s, URL: vending.NewSecret("https://connect.example.com/connect/" + testToken),
			ExpiresAt: testNow.Add(48 * time.Hour), App: p.app, ID: rows[0].ID, Connection: p.connection, User: p.user,
			Renews: true},
		"link-made-lost": LinkMade{Session: s, URL: vending.NewSecret("https://connect.example.com/connect/" + testToken),
			ExpiresAt: testNow.Add(48 * time.Hour), App: p.app, ID: rows[3].ID, Connection: p.connection, User: p.user,
			Renews: true, Lost: true},
		"delete":          Delete{Session: s, Row: rows[0], Active: true, Revokes: true},
		"delete-stays":    Delete{Session: s, Row: rows[0], Active: true},
		"delete-pending":  Delete{Session: s, Row: rows[2]},
		"delete-rejected": Delete{Session: s, Row: rows[4]},
		"delete-held":     Delete{Session: s, Row: rows[1], Holds: []string{"invoice-sync", p.connection}, MoreHolds: 3},
		"update":          Update{Session: s, Row: p.updatable(), Provider: p.keyApp.Name, Fields: helped},
		"update-problem": Update{Session: s, Row: p.updatable(), Provider: p.keyApp.Name, Problem: p.problem,
			AskUnconfirmed: true, Fields: append(p.fields("Account must be letters and digits"),
				Field{Name: "host", Label: "Site", Host: true, Value: p.user, Bound: true})},
		"updated": Updated{Session: s, Provider: p.app.Name, Row: rows[0]},
		"updated-doubted": Updated{Session: s, Provider: p.app.Name, Row: Row{ID: rows[0].ID,
			Name: p.connection, User: p.user, App: p.keyApp, Status: "active", Unverified: true}},
		"keys": Keys{Session: s, Keys: []Key{old}},
		"keys-rotated": Keys{Session: s, Keys: []Key{old, young},
			NewKey: vending.NewSecret("pk_live_canaryKey0123456789abcdefghijklmnopqrstuvw"), MCPIssuedAt: testNow},
		"keys-mcp": Keys{Session: s, Keys: []Key{old},
			MCPURL: vending.NewSecret("https://connect.example.com/platform/v1/mcp/" + testToken), MCPIssuedAt: testNow},
		"audit": Audit{Session: s, Rows: p.auditRows(), Event: "link_created", Connection: rows[0].ID,
			Events: []string{"link_created", "link_opened"}, Paging: Paging{Page: 1, Limit: 50, Total: 120}},
		"audit-none":   Audit{Session: s, Events: []string{"link_created"}, Paging: Paging{Page: 1, Limit: 50}},
		"budgets":      Budgets{Session: s, Budgets: testBudgets()},
		"budgets-live": BudgetsLive{Budgets: testBudgets()},
		"dashboard-problem": DashboardProblem{Session: s, Title: "This did not work",
			Explanation: "It is a defect of ours and was recorded.", Request: "0b8e2a6c-1d4f"},
	}
}

func (p person) rows() []Row {
	row := func(id, name, status string, app App) Row {
		return Row{ID: "conn_" + id, Name: name, User: p.user, App: app, Status: status, ViaLink: true,
			UpdatedAt: testNow.Add(-26 * time.Hour)}
	}
	rows := []Row{
		row("4Yx0mQ2bT7cVn9RkWd1sLe", p.connection, "active", p.app),
		row("0aZ8uH3kPq5wXe2NfJ6rTy", "Billing", "active", p.keyApp),
		row("7Gd1vB9nMz4cKs0QhR8tWp", "Support inbox", "pending", p.app),
		row("2Lf6jX5mVb1oYa9EiC3uZn", "Team calendar", "active", p.app),
		row("5Ns4pK8rGt7dHq2WmB0xFv", "Marketing", "rejected", p.keyApp),
		row("1Cw9eJ6yUi3lQz8ToA5hRk", "Payroll", "expired", p.keyApp),
		row("8Vb2gM7sXn0fPd4KjL6cEa", "Imported", "active", p.app),
	}
	rows[1].RefreshPending = true
	rows[3].NeedsReconnection = true
	rows[3].RefreshRejected = true
	rows[5].LinkExpiresAt = testNow.Add(-50 * time.Hour)
	rows[6].ViaLink = false
	rows[6].Unverified, rows[1].Unverified = true, true
	return rows
}

func (p person) auditRows() []AuditRow {
	return []AuditRow{
		{At: testNow, Event: "link_created", Actor: "api key 0123456789ab", Connection: "conn_4Yx0mQ2bT7cVn9RkWd1sLe",
			User: p.user, App: p.app.Slug, Request: "5c9f1f0a-7a0e-4c1c-9f0e-2f6f6e1f7b11",
			Detail: "to refresh the credentials"},
		{At: testNow.Add(-time.Hour), Event: "vend_failed", Actor: "system", Connection: "conn_0aZ8uH3kPq5wXe2NfJ6rTy",
			User: p.user, App: p.keyApp.Slug, Detail: p.problem},
		{At: testNow.Add(-2 * time.Hour), Event: "key_minted", Actor: "operator"},
	}
}

func testBudgets() []Budget {
	token, api := Budget{Name: "token", Limit: 600, Left: 431}, Budget{Name: "api", Limit: 120, Left: 4}
	for i, n := range []int{1, 4, 9, 16, 7, 0, 2, 30, 12} {
		api.Refusals[i*5+12] = n
	}
	return []Budget{token, api, {Name: "unbounded"},
		{Name: "gmail", App: "Gmail", Limit: 60, Left: 12},
		{Name: "connection", Limit: 30, Lowest: []Remaining{{"conn_4Yx0mQ2bT7cVn9RkWd1sLe", 3}}}}
}
