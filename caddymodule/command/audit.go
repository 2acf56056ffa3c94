package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

func auditCommand(cmd *cobra.Command) {
	var f storeFlags
	f.add(cmd)
	cmd.Use = "audit"
	cmd.Long = `Shows the changes of tenants, keys, links, connections and OAuth clients, newest first: when, which,
by whom. Nothing secret is ever among them.`
	var filter connect.AuditFilter
	var event, since string
	var limit int
	cmd.Flags().StringVar(&filter.Tenant, "tenant", "", "only changes of this tenant")
	cmd.Flags().StringVar(&filter.Connection, "connection", "", "only changes of this connection")
	cmd.Flags().StringVar(&event, "event", "", "only this event, such as key_minted")
	cmd.Flags().StringVar(&since, "since", "",
		"only since then: a duration like 90m or 7d, or a time like 2026-01-02T15:04:05Z")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most this many changes")
	cmd.Args, cmd.SilenceUsage = cobra.NoArgs, true
	cmd.RunE = f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) (err error) {
		if limit < 1 {
			return errors.New("--limit: write a number from 1 on")
		}
		if filter.Event, err = operator.ParseEvent(event); err != nil {
			return fmt.Errorf("--event: %w", err)
		}
		if filter.Since, err = operator.ParseSince(since, time.Now()); err != nil {
			return fmt.Errorf("--since %q: %w", since, err)
		}
		rows, err := readAudit(cmd, store, filter, limit)
		if err != nil {
			return err
		}
		return f.printAudit(cmd, rows)
	})
}

// readAudit reads the newest limit rows, page by page. What is written meanwhile moves the pages,
// so that a row could come twice.
func readAudit(cmd *cobra.Command, store *store.Store, f connect.AuditFilter, limit int) (rows []connect.AuditRow,
	err error) {
	f.Limit = min(limit, 100)
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

func (f *storeFlags) printAudit(cmd *cobra.Command, found []connect.AuditRow) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), operator.AuditEntries(found))
	}
	rows := make([][]string, 0, len(found))
	for _, r := range found {
		rows = append(rows, []string{r.At.Format(time.RFC3339), string(r.Event), orDash(r.Tenant), r.Actor,
			orDash(r.Connection), orDash(r.User), orDash(r.App), orDash(r.Request), orDash(r.Detail)})
	}
	return printTable(cmd.OutOrStdout(),
		[]string{"TIME", "EVENT", "TENANT", "ACTOR", "CONNECTION", "USER", "APP", "REQUEST", "DETAIL"}, rows)
}
