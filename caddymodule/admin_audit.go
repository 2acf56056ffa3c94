package caddymodule

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// auditAnswer is one page of the audit trail, newest first.
type auditAnswer struct {
	Events []auditEntry `json:"events"`
	Page   int          `json:"page"`
	Limit  int          `json:"limit"`
	Total  int          `json:"total"`
}

func (c *adminCall) readAudit() error {
	f, err := c.auditFilter()
	if err != nil {
		return err
	}
	rows, total, err := c.store.Audit(c.r.Context(), f)
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "events found", auditAnswer{auditEntries(rows), f.Page, f.Limit, total})
	return nil
}

func (c *adminCall) auditFilter() (f connect.AuditFilter, err error) {
	q, err := c.query("tenant", "connection", "event", "since", "page", "limit")
	if err != nil {
		return f, err
	}
	f.Tenant, f.Connection = q["tenant"], q["connection"]
	if f.Event, err = parseEvent(q["event"]); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "event: "+err.Error())
	}
	if f.Since, err = parseSince(q["since"], time.Now()); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "since: "+err.Error())
	}
	f.Page, f.Limit, err = connect.ParsePage(q["page"], q["limit"])
	return f, err
}
