package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
)

func auditCommand(cmd *cobra.Command) {
	var f storeFlags
	f.add(cmd)
	cmd.Use = "audit"
	cmd.Long = `Shows the changes of tenants, keys, links, connections and OAuth clients, newest first: when, which, by whom. Nothing secret is
ever among them.`
	var filter connect.AuditFilter
	var event, since string
	var limit int
	cmd.Flags().StringVar(&filter.Tenant, "tenant", "", "only of this tenant")
	cmd.Flags().StringVar(&filter.Connection, "connection", "", "only of this connection")
	cmd.Flags().StringVar(&event, "event", "", "only this event, such as key_minted")
	cmd.Flags().StringVar(&since, "since", "",
		"only since then: a duration like 90m or 7d, or a time like 2026-01-02T15:04:05Z")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many")
	cmd.Args, cmd.SilenceUsage = cobra.NoArgs, true
	cmd.RunE = f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, _ []string) (err error) {
		if limit < 1 {
			return errors.New("--limit: write a number from 1")
		}
		if filter.Event, err = parseEvent(event); err != nil {
			return fmt.Errorf("--event: %w", err)
		}
		if filter.Since, err = parseSince(since, time.Now()); err != nil {
			return fmt.Errorf("--since %q: %w", since, err)
		}
		rows, err := readAudit(cmd, store, filter, limit)
		if err != nil {
			return err
		}
		return f.printAudit(cmd, rows)
	})
}

// parseEvent knows every event, so that a mistyped one does not look like one that never happened;
// the empty text is any.
func parseEvent(text string) (connect.Event, error) {
	known := append([]connect.Event{"", connect.KeysetRotated}, connect.TenantEvents...)
	if e := connect.Event(text); slices.Contains(known, e) {
		return e, nil
	}
	var names strings.Builder
	for _, e := range known[1:] {
		names.WriteString(" " + string(e))
	}
	return "", fmt.Errorf("write one of%s", names.String())
}

// parseSince reads a duration before now or a time; the empty text is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := caddy.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("write a duration like 90m or 7d, or a time like 2026-01-02T15:04:05Z")
	}
	return at, nil
}

// readAudit reads the newest limit rows, page by page. What is written meanwhile moves the pages,
// so that a row could come twice.
func readAudit(cmd *cobra.Command, store *connect.Store, f connect.AuditFilter, limit int) (rows []connect.AuditRow,
	err error) {
	f.Limit = min(limit, connect.MaxLimit)
	for f.Page = 1; len(rows) < limit; f.Page++ {
		page, _, err := store.Audit(cmd.Context(), f)
		if err != nil || len(page) == 0 {
			return rows, err
		}
		for _, r := range page {
			if len(rows) < limit && (len(rows) == 0 || r.ID < rows[len(rows)-1].ID) {
				rows = append(rows, r)
			}
		}
	}
	return rows, nil
}

// auditEntry is a row of the audit trail as commands and the admin API print it.
type auditEntry struct {
	ID         int64         `json:"id"`
	At         time.Time     `json:"at"`
	Event      connect.Event `json:"event"`
	Tenant     string        `json:"tenant"`
	Actor      string        `json:"actor"`
	Request    string        `json:"request_id"`
	Connection string        `json:"connection_id"`
	User       string        `json:"user"`
	App        string        `json:"app"`
	Detail     string        `json:"detail"`
}

func auditEntries(rows []connect.AuditRow) []auditEntry {
	list := make([]auditEntry, 0, len(rows))
	for _, r := range rows {
		list = append(list,
			auditEntry{r.ID, r.At, r.Event, r.Tenant, r.Actor, r.Request, r.Connection, r.User, r.App, r.Detail})
	}
	return list
}

func (f *storeFlags) printAudit(cmd *cobra.Command, found []connect.AuditRow) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), auditEntries(found))
	}
	rows := make([][]string, 0, len(found))
	for _, r := range found {
		rows = append(rows, []string{r.At.Format(time.RFC3339), string(r.Event), orDash(r.Tenant), r.Actor,
			orDash(r.Connection), orDash(r.User), orDash(r.App), orDash(r.Request), orDash(r.Detail)})
	}
	return printTable(cmd.OutOrStdout(),
		[]string{"TIME", "EVENT", "TENANT", "ACTOR", "CONNECTION", "USER", "APP", "REQUEST", "DETAIL"}, rows)
}
