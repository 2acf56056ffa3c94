package dashboard

import (
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

// perPage is how many rows a table has.
const perPage = connect.DefaultLimit

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 254

// pageNumber reads the query's page; nonsense is the first.
func (v *request) pageNumber() int {
	n, _, err := connect.ParsePage(v.r.URL.Query().Get("page"), "")
	if err != nil {
		return 1
	}
	return n
}

func (v *request) connections() error {
	q := v.r.URL.Query()
	search := q.Get("q")
	if len(search) > maxSearch {
		return vending.Refuse(vending.InvalidRequest, "search for at most 254 bytes")
	}
	status := connect.Status(q.Get("status"))
	if !status.Valid() {
		status = ""
	}
	filter := manager.Filter{App: q.Get("app"), Status: status, Search: search, Page: v.pageNumber(), Limit: perPage}
	found, total, err := v.o.Manager.Connections(v.r.Context(), v.caller(), filter)
	if err != nil {
		return err
	}
	view := page.Connections{
		Session: v.session(), Search: search, Status: string(status), App: filter.App, Apps: v.apps(),
		Paging: page.Paging{Page: filter.Page, Limit: perPage, Total: total}, Now: v.o.Now(),
	}
	for _, c := range found {
		view.Rows = append(view.Rows, v.row(c))
	}
	v.show(http.StatusOK, view)
	return nil
}

func (v *request) row(c connect.Connection) page.Row {
	return page.Row{
		ID: c.ID, Name: c.Name, User: c.User, App: v.app(c.App), Status: string(c.Status),
		ViaLink: c.ViaLink, NeedsReconnection: c.NeedsReconnection, RefreshPending: c.RefreshPending,
		Unverified: c.Status == connect.Active && !c.Verified,
		UpdatedAt:  c.UpdatedAt, LinkExpiresAt: c.LinkExpiresAt,
	}
}

func (v *request) app(slug string) page.App {
	return page.App{Slug: slug, Name: v.o.Manager.AppName(slug)}
}

// apps are the choices of a list of apps.
func (v *request) apps() (choices []page.App) {
	v.o.Manager.EachApp(v.caller(), func(a *catalog.App) {
		choices = append(choices, page.App{Slug: a.Slug, Name: a.Name, OAuth: a.AuthType == string(vending.OAuth)})
	})
	return choices
}

// askDelete shows what would be deleted and, while something holds it, why it cannot be.
func (v *request) askDelete() error {
	found, err := v.o.Manager.Connection(v.r.Context(), v.caller(), v.id)
	if err != nil {
		return err
	}
	holds, err := v.o.Store.Holds(v.r.Context(), found.ID)
	if err != nil {
		return err
	}
	view := page.Delete{Session: v.session(), Row: v.row(found), Active: found.Status == connect.Active,
		Revokes: v.o.Revokes(found.App)}
	for i, h := range holds {
		if i == maxShownHolds {
			view.MoreHolds = len(holds) - i
			break
		}
		view.Holds = append(view.Holds, h.Name)
	}
	status := http.StatusOK
	if v.r.Method == http.MethodPost {
		status = http.StatusConflict
	}
	v.show(status, view)
	return nil
}

// maxShownHolds is how many holds the page names.
const maxShownHolds = 10

func (v *request) remove() error {
	_, err := v.o.Manager.Delete(v.r.Context(), v.caller(), v.id)
	if err != nil && vending.AsError(err).Code == vending.ConnectionInUse {
		return v.askDelete()
	}
	if err != nil {
		return err
	}
	v.redirect("")
	return nil
}
