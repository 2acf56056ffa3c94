package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// perPage is how many rows a table has.
const perPage = connect.DefaultLimit

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 254

// pageNumber reads the query's page; an invalid one is the first.
func (req *request) pageNumber() int {
	n, _, err := connect.ParsePage(req.r.URL.Query().Get("page"), "")
	if err != nil {
		return 1
	}
	return n
}

func (req *request) connections() error {
	q := req.r.URL.Query()
	search := q.Get("q")
	if len(search) > maxSearch {
		return vending.Refuse(vending.InvalidRequest, "the search may have at most 254 bytes")
	}
	word := q.Get("status")
	status, ended, known := connect.ParseStatus(word)
	if !known {
		status, word = "", ""
	}
	apps, err := req.apps()
	if err != nil {
		return err
	}
	app := req.o.Manager.FindApp(q.Get("app"))
	if app == "" {
		app = q.Get("app") // an app that has left the catalog still has connections
	}
	filter := manager.Filter{App: app, Status: status, NeedsReconnection: ended, Search: search,
		Page: req.pageNumber(), Limit: perPage}
	found, total, err := req.o.Manager.Connections(req.r.Context(), req.caller(), filter)
	if err != nil {
		return err
	}
	view := page.Connections{
		Session: req.session(), Search: search, Status: word, App: q.Get("app"), Apps: apps,
		Paging: page.Paging{Page: filter.Page, Limit: perPage, Total: total}, Now: req.o.Now(),
	}
	for _, c := range found {
		view.Rows = append(view.Rows, req.row(c))
	}
	req.show(http.StatusOK, view)
	return nil
}

func (req *request) row(c connect.Connection) page.Row {
	return page.Row{
		ID: c.ID, Name: c.Name, User: c.User, App: req.app(c.App), Status: string(c.Status),
		ViaLink: c.ViaLink, NeedsReconnection: c.NeedsReconnection, RefreshPending: c.RefreshPending,
		RefreshRejected: c.RefreshRejected,
		Unverified:      c.Status == connect.Active && !c.Verified,
		Account:         c.Account,
		Updatable:       req.o.Manager.MayUpdate(req.caller(), c),
		UpdatedAt:       c.UpdatedAt, LinkExpiresAt: c.LinkExpiresAt,
	}
}

func (req *request) app(slug string) page.App {
	return page.App{Slug: slug, Name: req.o.Manager.AppName(slug)}
}

// apps are what a field for an app suggests.
func (req *request) apps() (choices []page.App, err error) {
	apps, err := req.o.Manager.Connectable(req.r.Context(), req.caller())
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		app := page.App{Slug: a.Slug, Name: a.Name, OAuth: a.AuthType == string(vending.OAuth), Choice: a.Name}
		if req.o.Manager.FindApp(a.Name) != a.Slug { // another app has the name, too
			app.Choice = a.Slug
		}
		choices = append(choices, app)
	}
	return choices, nil
}

// askDelete shows what would be deleted and, while something holds it, why it cannot be.
func (req *request) askDelete() error {
	found, err := req.o.Manager.Connection(req.r.Context(), req.caller(), req.id)
	if err != nil {
		return err
	}
	holds, err := req.o.Store.Holds(req.r.Context(), found.ID)
	if err != nil {
		return err
	}
	view := page.Delete{Session: req.session(), Row: req.row(found), Active: found.Status == connect.Active,
		Revokes: req.o.Revokes(found.App)}
	for i, h := range holds {
		if i == maxShownHolds {
			view.MoreHolds = len(holds) - i
			break
		}
		view.Holds = append(view.Holds, h.Name)
	}
	status := http.StatusOK
	if req.r.Method == http.MethodPost {
		status = http.StatusConflict
	}
	req.show(status, view)
	return nil
}

// maxShownHolds is how many holds the page names.
const maxShownHolds = 10

func (req *request) deleteConnection() error {
	_, err := req.o.Manager.Delete(req.r.Context(), req.caller(), req.id)
	if err != nil && vending.AsError(err).Code == vending.ConnectionInUse {
		return req.askDelete()
	}
	if err != nil {
		return err
	}
	req.redirect("")
	return nil
}
