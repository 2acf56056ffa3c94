package connect

import (
	"context"
	"database/sql"

	"github.com/vendgate/vendgate/vending"
)

// setVerified stores whether the provider is known to accept what a connection holds.
func setVerified(ctx context.Context, tx *sql.Tx, id string, verified bool) error {
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET verified = ? WHERE id = ?`, verified, id))
}

// granted is the row of an event by which c holds g. A token needs no word: the provider issued it,
// and one from elsewhere is verified when it is refreshed.
func granted(e Event, c Connection, g Grant) AuditRow {
	row := about(e, c)
	if c.AuthType != vending.OAuth && !g.IsZero() && !g.Verified() {
		row.Detail = "not verified: the provider has not confirmed the credentials"
	}
	return row
}
