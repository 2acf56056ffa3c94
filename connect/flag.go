package connect

import (
	"context"
	"database/sql"
)

// EndGrant is UpdateGrant of a grant that has ended: the connection needs reconnection until its
// grant changes. why says so in the audit trail, in words and without a secret.
func (s *Store) EndGrant(ctx context.Context, id string, fromVersion int64, g Grant, why string) (newVersion int64,
	err error) {
	return s.storeGrant(ctx, id, fromVersion, g, &why)
}

// SetRefused notes on connection id whether its provider refuses the credential as it is, if the
// version is still that. Unlike [Store.EndGrant] it leaves the grant, its version and a refresh
// lease alone: a call may have been refused for another reason, and the next one is accepted.
// ErrStale tells of another version, a *vending.Error with `connection_deleted` of no connection.
// why is for the audit trail, where it is refused and was not before.
func (s *Store) SetRefused(ctx context.Context, id string, version int64, refused bool, why string) error {
	return s.update(ctx, "noting a refused credential", func(tx *sql.Tx) error {
		b, was, err := s.rowAt(ctx, tx, id, version)
		if err != nil || was == refused {
			return err
		}
		if refused {
			if err := s.record(ctx, tx, b.failure(why)); err != nil {
				return err
			}
		}
		return mustChange(tx.ExecContext(ctx, `UPDATE connections SET needs_reconnection = ? WHERE id = ? AND version = ?`,
			refused, id, version))
	})
}

// failure is the row of a vend that failed for want of a grant.
func (b binding) failure(why string) AuditRow {
	return AuditRow{Event: VendFailed, Tenant: b.tenant, Connection: b.id, User: b.user, App: b.app, Detail: why}
}
