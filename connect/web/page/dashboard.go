package page

import (
	"net/url"
	"strconv"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// Session is what every page of the dashboard shows of who is signed in.
type Session struct {
	// Tenant is the tenant's name, and Fingerprint that of the key it signed in with.
	Tenant, Fingerprint string
	// CSRF goes with every form.
	CSRF string
	// Notice says that something was done, and Alert that something could not be; either may be empty.
	Notice, Alert string
}

// SignIn asks for a tenant key.
type SignIn struct {
	CSRF string
	// Problem says why the key was not accepted; empty the first time.
	Problem string
}

// Connections is the table of a tenant's connections.
type Connections struct {
	Session
	Rows []Row
	// Search, Status and App are the present filter, as they were entered; Apps are suggestions for
	// App.
	Search, Status, App string
	Apps                []App
	Paging              Paging
	// Now is the time at which the page is drawn.
	Now time.Time
}

// Row is one connection.
type Row struct {
	ID, Name, User string
	App            App
	// Status is pending, active, rejected or expired.
	Status                                     string
	ViaLink, NeedsReconnection, RefreshPending bool
	// RefreshRejected says that the end user declined the last link to renew the credentials.
	RefreshRejected bool
	// Unverified says that the provider has not confirmed what an active connection holds.
	Unverified bool
	// Account is what the provider calls the account that the connection holds; empty if it did not
	// say.
	Account string
	// Updatable says that its credentials are entered, and so can be here.
	Updatable bool
	UpdatedAt time.Time
	// LinkExpiresAt is when the pending link ends, or ended; zero without one.
	LinkExpiresAt time.Time
}

// Paging is the position in a list. Page counts from 1.
type Paging struct{ Page, Limit, Total int }

// NewLink asks for what a link is made of.
type NewLink struct {
	Session
	// Email, App and Name are what was entered before; Apps are the choices of App.
	Email, App, Name string
	Apps             []App
	// The problems say what is wrong with each, and Problem with the whole; empty if nothing is.
	EmailProblem, AppProblem, NameProblem, Problem string
}

// LinkMade shows a link, once.
type LinkMade struct {
	Session
	URL                  vending.Secret
	ExpiresAt            time.Time
	App                  App
	ID, Connection, User string
	// Renews says that the connection keeps its credentials until the link is used, and Lost that the
	// app no longer accepts them.
	Renews, Lost bool
}

// Delete asks whether to delete a connection.
type Delete struct {
	Session
	Row Row
	// Holds are the names of what depends on the connection: while there are any, it cannot be
	// deleted.
	Holds []string
	// MoreHolds is how many there are beyond those.
	MoreHolds int
	// Active says that the connection holds a grant, and Revokes that the provider can be asked to
	// end one.
	Active, Revokes bool
}

// Keys shows the tenant's keys and its MCP URL.
type Keys struct {
	Session
	// Keys are the one or two live keys, older first.
	Keys []Key
	// NewKey is shown once, right after it was minted.
	NewKey vending.Secret
	// MCPURL is shown once, right after it was issued; MCPIssuedAt is when that was, zero for never.
	MCPURL      vending.Secret
	MCPIssuedAt time.Time
}

// Key is what can be told of a tenant key.
type Key struct {
	Fingerprint string
	CreatedAt   time.Time
}

// Audit is a page of the audit trail.
type Audit struct {
	Session
	Rows []AuditRow
	// Event and Connection are the present filter; Events are the choices of Event.
	Event, Connection string
	Events            []string
	Paging            Paging
}

// AuditRow is one line of the audit trail.
type AuditRow struct {
	At                                                   time.Time
	Event, Actor, Connection, User, App, Request, Detail string
}

// Budgets shows what is left of the tenant's budgets.
type Budgets struct {
	Session
	Budgets []Budget
}

// BudgetsLive is the part of Budgets that changes.
type BudgetsLive struct{ Budgets []Budget }

// DashboardProblem says on a page of the dashboard that something went wrong.
type DashboardProblem struct {
	Session
	Title, Explanation, Request string
}

func dashboardFrame(name, section, title string) frame {
	return frame{layout: dashboardLayout, name: name, title: title + " · Vendgate", section: section}
}

func (v SignIn) frame() frame {
	f := frame{layout: hostedLayout, name: "sign-in", title: "Sign in · Vendgate"}
	if v.Problem != "" {
		f.title = "Error: " + f.title
	}
	return f
}

func (Connections) frame() frame { return dashboardFrame("connections", "connections", "Connections") }
func (LinkMade) frame() frame    { return dashboardFrame("link-made", "connections", "Share this link") }
func (Delete) frame() frame      { return dashboardFrame("delete", "connections", "Delete connection") }
func (Keys) frame() frame        { return dashboardFrame("keys", "keys", "Keys") }
func (Audit) frame() frame       { return dashboardFrame("audit", "audit", "Audit trail") }
func (Budgets) frame() frame     { return dashboardFrame("budgets", "budgets", "Budgets") }
func (BudgetsLive) frame() frame { return frame{layout: bareLayout, name: "budgets"} }

func (v DashboardProblem) frame() frame { return dashboardFrame("dashboard-problem", "", v.Title) }

func (v NewLink) frame() frame {
	title := "New link"
	if v.Failed() {
		title = "Error: " + title
	}
	return dashboardFrame("new-link", "new", title)
}

// Failed reports whether the form was sent before and not accepted.
func (v NewLink) Failed() bool {
	return v.EmailProblem != "" || v.AppProblem != "" || v.NameProblem != "" || v.Problem != ""
}

// Filtered reports whether the list is narrowed.
func (v Connections) Filtered() bool { return v.Search != "" || v.Status != "" || v.App != "" }

// At returns the query of one page of the list as it is filtered.
func (v Connections) At(page int) string {
	return query("q", v.Search, "status", v.Status, "app", v.App, "page", strconv.Itoa(page))
}

// At returns the query of one page of the trail as it is filtered.
func (v Audit) At(page int) string {
	return query("event", v.Event, "connection", v.Connection, "page", strconv.Itoa(page))
}

// Of returns the query of the trail of one connection.
func (v Audit) Of(connection string) string { return query("connection", connection) }

// query returns `?` and the pairs whose value is not empty.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "?" + q.Encode()
}

// Pages is how many pages there are; at least one.
func (p Paging) Pages() int {
	if p.Limit < 1 {
		return 1
	}
	return max(1, (p.Total+p.Limit-1)/p.Limit)
}

// Previous is the number of the page before, or 0.
func (p Paging) Previous() int { return max(0, min(p.Page-1, p.Pages())) }

// Next is the number of the page after, or 0.
func (p Paging) Next() int {
	if p.Page >= p.Pages() {
		return 0
	}
	return p.Page + 1
}
