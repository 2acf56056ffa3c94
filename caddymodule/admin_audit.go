package caddymodule

import (
	"net/http"
	"strconv"
	"time"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// auditAnswer is one page of the audit trail, newest first.
type auditAnswer struct {
	Events []operator.AuditEntry `json:"events"`
	Page   int                   `json:"page"`
	Limit  int                   `json:"limit"`
	Total  int                   `json:"total"`
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
	vending.WriteSuccess(c.w, http.StatusOK, "events found",
		auditAnswer{operator.AuditEntries(rows), f.Page, f.Limit, total})
	return nil
}

func (c *adminCall) auditFilter() (f connect.AuditFilter, err error) {
	q, err := c.query("tenant", "connection", "event", "since", "page", "limit")
	if err != nil {
		return f, err
	}
	f.Tenant, f.Connection = q["tenant"], q["connection"]
	if f.Event, err = operator.ParseEvent(q["event"]); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "event: "+err.Error())
	}
	if f.Since, err = operator.ParseSince(q["since"], time.Now()); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "since: "+err.Error())
	}
	if f.Page, err = parseCount(q["page"], 1); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "page: must be a whole number from 1")
	}
	if f.Limit, err = parseCount(q["limit"], 20); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "limit: must be a whole number from 1 to 100")
	}
	return f, nil
}

// parseCount reads a positive whole number; the empty text is fallback.
func parseCount(text string, fallback int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil && n < 1 {
		err = strconv.ErrRange
	}
	return n, err
}
