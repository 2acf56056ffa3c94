package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// maxAuditText bounds a detail, an actor and a request id, in bytes; what is longer is cut.
const maxAuditText = 300

// record adds a row in the transaction that makes the change: neither is ever there without the
// other.
func (s *Store) record(ctx context.Context, tx *tx, r connect.AuditRow) error {
	a := connect.ActorOf(ctx)
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (at, tenant, event, actor, request, connection, end_user, app, detail)
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
func (s *Store) Record(ctx context.Context, r connect.AuditRow) error {
	return s.update(ctx, "writing the audit trail", func(tx *tx) error { return s.record(ctx, tx, r) })
}

// Audit returns one page of the audit trail, newest first, and how many rows there are on all
// pages. A page or limit out of bounds is a *vending.Error with `invalid_request`.
func (s *Store) Audit(ctx context.Context, f connect.AuditFilter) (rows []connect.AuditRow, total int, err error) {
	if err := connect.CheckPage(&f.Page, &f.Limit); err != nil {
		return nil, 0, err
	}
	offset := connect.PageOffset(f.Page, f.Limit)
	where, args := auditWhere(f)
	err = s.view(ctx, "reading the audit trail", func(tx *tx) error {
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

func auditWhere(f connect.AuditFilter) (clause string, args []any) {
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

const auditColumns = `SELECT id, at, tenant, event, actor, request, connection, end_user, app, detail FROM audit`

func listAudit(ctx context.Context, tx *tx, where string, args []any) ([]connect.AuditRow, error) {
	return scanAudit(ctx, tx, where+` ORDER BY id DESC LIMIT ? OFFSET ?`, args)
}

// scanAudit reads rows; rest follows the table.
func scanAudit(ctx context.Context, tx *tx, rest string, args []any) (found []connect.AuditRow, err error) {
	rows, err := tx.QueryContext(ctx, auditColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var r connect.AuditRow
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

// Redo makes a change again that the audit trail tells of, in a store that was restored from a
// backup before it. It reports whether that changed anything: what the change was about may be
// missing, or as it should be. An event that cannot be made again by its row changes nothing.
func (s *Store) Redo(ctx context.Context, r connect.AuditRow) (changed bool, err error) {
	switch r.Event {
	case connect.ConnectionDeleted:
		_, _, err = s.take(ctx, r.Tenant, "", r.Connection, whateverHolds)
	case connect.GrantRevoked, connect.GrantErased, connect.VendFailed:
		return s.redoEnd(ctx, r)
	case connect.HoldPlaced, connect.HoldReleased:
		return s.redoHold(ctx, r)
	case connect.TenantDisabled, connect.TenantDeleted: // of which a part is done by hand
		err = s.DisableTenant(ctx, r.Tenant)
	case connect.KeyPromoted:
		return s.retireKey(ctx, r.Tenant, strings.TrimPrefix(r.Detail, retired))
	case connect.CallerKeyRevoked:
		id, _, _ := strings.Cut(r.Detail, " ")
		err = s.RevokeCallerKey(ctx, id)
	case connect.MCPURLIssued, connect.MCPURLEnded:
		return s.redo(ctx, r, `DELETE FROM mcp_urls WHERE tenant = ?`, r.Tenant)
	case connect.OAuthClientDeleted:
		err = s.DeleteOAuthClient(ctx, r.Tenant, r.App)
	case connect.LinkRejected, connect.LinkReplaced, connect.ConnectionCreated, connect.CredentialsRefreshed,
		connect.ConnectionMoved:
		return s.redoLink(ctx, r)
	default:
		return false, nil
	}
	return err == nil, unlessGone(err)
}

// unlessGone drops an error by which what a change is about is not there.
func unlessGone(err error) error {
	for _, gone := range []error{connect.ErrTenantUnknown, connect.ErrNoCallerKey, connect.ErrNoOAuthClient} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	var e *vending.Error
	if errors.As(err, &e) && e.Code == vending.ConnectionDeleted {
		return nil
	}
	return err
}

// redo runs a statement and, if it changes a row, records r once more.
func (s *Store) redo(ctx context.Context, r connect.AuditRow, query string, args ...any) (done bool, err error) {
	err = s.update(ctx, "making a change again", func(tx *tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if done = n > 0; err != nil || !done {
			return err
		}
		return s.record(ctx, tx, r)
	})
	return done, err
}

// redoEnd flags a connection whose grant has ended since.
func (s *Store) redoEnd(ctx context.Context, r connect.AuditRow) (bool, error) {
	row := r
	row.Event = connect.VendFailed
	return s.redo(ctx, row, `UPDATE connections SET needs_reconnection = 1
		WHERE id = ? AND tenant = ? AND sealed IS NOT NULL AND needs_reconnection = 0`, r.Connection, r.Tenant)
}

// redoLink ends a link that was used, rejected or replaced since, and that the backup has pending.
func (s *Store) redoLink(ctx context.Context, r connect.AuditRow) (done bool, err error) {
	status, event := connect.Expired, connect.LinkReplaced
	if r.Event == connect.LinkRejected {
		status, event = connect.Rejected, connect.LinkRejected
	}
	err = s.update(ctx, "ending a link again", func(tx *tx) error {
		if err := tx.lockConnection(ctx, r.Connection); err != nil {
			return err
		}
		c, err := s.owned(ctx, tx, r.Tenant, "", r.Connection)
		if err != nil {
			return unlessGone(err)
		}
		err = s.endLink(ctx, tx, c, status, event, connect.Digest{})
		if errors.Is(err, connect.ErrLinkEnded) {
			return nil
		}
		if done = err == nil; !done {
			return err
		}
		if c.Status == connect.Active {
			status = connect.Active
		}
		return s.settle(ctx, tx, c.ID, status, false)
	})
	return done && err == nil, err
}

// whateverHolds lets a connection be deleted as it was the first time: an erasure does not ask for
// holds.
func whateverHolds(context.Context, *tx, connect.Connection) error { return nil }

// redoHold places or releases a hold again. Where the name of it is gone, with the end user's, it
// is left as it is.
func (s *Store) redoHold(ctx context.Context, r connect.AuditRow) (changed bool, err error) {
	switch {
	case r.Detail == "":
		return false, nil
	case r.Event == connect.HoldReleased:
		changed, err = s.Release(ctx, r.Tenant, "", r.Connection, r.Detail)
	default:
		_, err = s.Hold(ctx, r.Tenant, "", r.Connection, r.Detail)
		changed = err == nil
	}
	return changed, unlessGone(err)
}

// retireKey ends the tenant key of a fingerprint.
func (s *Store) retireKey(ctx context.Context, tenant, print string) (done bool, err error) {
	err = s.changeTenants(ctx, "retiring a tenant key again", func(tx *tx) error {
		var digest []byte
		err := eachKey(ctx, tx, tenant, func(_ string, d []byte, _ time.Time) {
			if connect.Fingerprint(d) == print {
				digest = slices.Clone(d)
			}
		})
		if err != nil || digest == nil || tenant == "" {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM tenant_keys WHERE digest = ?`, digest); err != nil {
			return err
		}
		done = true
		return s.record(ctx, tx, connect.AuditRow{Event: connect.KeyPromoted, Tenant: tenant, Detail: retired + print})
	})
	return done && err == nil, err
}
