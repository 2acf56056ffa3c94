package dashboard

import (
	"net/http"
	"slices"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
)

func (req *request) audit() error {
	q := req.r.URL.Query()
	filter := connect.AuditFilter{
		Tenant: req.tenant.ID, Connection: q.Get("connection"), Event: connect.Event(q.Get("event")), Page: req.pageNumber(),
		Limit: perPage, Present: true,
	}
	if !slices.Contains(connect.TenantEvents, filter.Event) {
		filter.Event = ""
	}
	rows, total, err := req.o.Store.Audit(req.r.Context(), filter)
	if err != nil {
		return err
	}
	view := page.Audit{
		Session: req.session(), Event: string(filter.Event), Connection: filter.Connection,
		Paging: page.Paging{Page: filter.Page, Limit: perPage, Total: total},
	}
	for _, e := range connect.TenantEvents {
		view.Events = append(view.Events, string(e))
	}
	for _, r := range rows {
		view.Rows = append(view.Rows, page.AuditRow{
			At: r.At, Event: string(r.Event), Actor: r.Actor, Connection: r.Connection, User: r.User, App: r.App,
			Request: r.Request, Detail: r.Detail,
		})
	}
	req.show(http.StatusOK, view)
	return nil
}
