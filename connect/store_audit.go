package connect

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// maxAuditText bounds a detail, an actor and a request id, in bytes; what is longer is cut.
const maxAuditText = 300

// record adds a row in the transaction that makes the change: neither is ever there without the
// other.
func (s *Store) record(ctx context.Context, tx *sql.Tx, r AuditRow) error {
	a := actorOf(ctx)
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (at, tenant, event, actor, request, connection, user, app, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.now().UnixMilli(), r.Tenant, string(r.Event), auditText(a.Name), auditText(a.Request), r.Connection, r.User, r.App,
		auditText(r.Detail))
	if err != nil {
		return fmt.Errorf("recording %s: %w", r.Event, err)
	}
	return nil
}

// auditText cuts a text to its bound and drops what a terminal that prints it would obey.
func auditText(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxAuditText)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// Record adds a row for something that changed nothing in the store, such as a revocation at a
// provider.
func (s *Store) Record(ctx context.Context, r AuditRow) error {
	return s.update(ctx, "writing the audit trail", func(tx *sql.Tx) error { return s.record(ctx, tx, r) })
}

// Audit returns one page of the audit trail, newest first, and how many rows there are on all
// pages. A page or limit out of bounds is a *vending.Error with `invalid_request`.
func (s *Store) Audit(ctx context.Context, f AuditFilter) (rows []AuditRow, total int, err error) {
	if err := CheckPage(&f.Page, &f.Limit); err != nil {
		return nil, 0, err
	}
	offset := pageOffset(f.Page, f.Limit)
	where, args := auditWhere(f)
	err = s.view(ctx, "reading the audit trail", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM audit`+where, args...).Scan(&total); err != nil {
			return err
		}
		if offset >= total {
			return nil
		}
		rows, err = listAudit(ctx, tx, where, append(args, f.Limit, offset))
		return err
	})
	return rows, total, err
}

func auditWhere(f AuditFilter) (clause string, args []any) {
	var c conditions
	c.equal("tenant", f.Tenant)
	c.equal("connection", f.Connection)
	c.equal("event", string(f.Event))
	if !f.Since.IsZero() {
		c.add("at >= ?", f.Since.UnixMilli())
	}
	if f.Present {
		c.add(`id > coalesce((SELECT max(id) FROM audit WHERE tenant = ? AND event = 'tenant_deleted'), 0)`, f.Tenant)
	}
	return c.where()
}

const auditColumns = `SELECT id, at, tenant, event, actor, request, connection, user, app, detail FROM audit`

func listAudit(ctx context.Context, tx *sql.Tx, where string, args []any) ([]AuditRow, error) {
	return scanAudit(ctx, tx, where+` ORDER BY id DESC LIMIT ? OFFSET ?`, args)
}

// scanAudit reads rows; rest follows the table.
func scanAudit(ctx context.Context, tx *sql.Tx, rest string, args []any) (found []AuditRow, err error) {
	rows, err := tx.QueryContext(ctx, auditColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var r AuditRow
		var at int64
		if err := rows.Scan(&r.ID, &at, &r.Tenant, &r.Event, &r.Actor, &r.Request, &r.Connection, &r.User, &r.App,
			&r.Detail); err != nil {
			return nil, err
		}
		r.At = time.UnixMilli(at).UTC()
		found = append(found, r)
	}
	return found, rows.Err()
}
