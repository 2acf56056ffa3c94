package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

const (
	// maxHoldName bounds the name of a hold, in bytes.
	maxHoldName = 100
	// maxHolds bounds the holds of one connection.
	maxHolds = 1000
)

// Hold places a hold on a connection of tenant and, unless it is empty, user. An existing one of
// that name stays as it is.
func (s *Store) Hold(ctx context.Context, tenant, user, id, name string) (h connect.Hold, err error) {
	if err := checkHoldName(name); err != nil {
		return h, err
	}
	err = s.update(ctx, "placing a hold", func(tx *tx) error {
		if err := tx.lockConnection(ctx, id); err != nil {
			return err
		}
		c, err := s.owned(ctx, tx, tenant, user, id)
		if err != nil {
			return err
		}
		now := s.now().UnixMilli()
		r, err := tx.ExecContext(ctx, `INSERT INTO holds (connection, name, created_at)
			SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)
			WHERE (SELECT count(*) FROM holds WHERE connection = ?) < ?
			ON CONFLICT (connection, name) DO NOTHING`, id, name, now, id, maxHolds)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if n == 1 {
			row := connect.AuditRowOf(connect.HoldPlaced, c)
			row.Detail = name
			if err := s.record(ctx, tx, row); err != nil {
				return err
			}
		}
		var created int64
		err = tx.QueryRowContext(ctx, `SELECT created_at FROM holds WHERE connection = ? AND name = ?`, id,
			name).Scan(&created)
		if errors.Is(err, sql.ErrNoRows) {
			return connect.Invalid(fmt.Sprintf("a connection may have at most %d holds", maxHolds))
		}
		h = connect.Hold{Name: name, CreatedAt: time.UnixMilli(created).UTC()}
		return err
	})
	if err != nil {
		return connect.Hold{}, err
	}
	return h, nil
}

// Release ends a hold, and reports whether it stood.
func (s *Store) Release(ctx context.Context, tenant, user, id, name string) (stood bool, err error) {
	if err := checkHoldName(name); err != nil {
		return false, err
	}
	err = s.update(ctx, "releasing a hold", func(tx *tx) error {
		if err := tx.lockConnection(ctx, id); err != nil {
			return err
		}
		c, err := s.owned(ctx, tx, tenant, user, id)
		if err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `DELETE FROM holds WHERE connection = ? AND name = ?`, id, name)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if stood = n == 1; err != nil || !stood {
			return err
		}
		row := connect.AuditRowOf(connect.HoldReleased, c)
		row.Detail = name
		return s.record(ctx, tx, row)
	})
	return stood, err
}

// Holds returns the first 100 holds of a connection by name.
func (s *Store) Holds(ctx context.Context, id string) (holds []connect.Hold, err error) {
	err = s.view(ctx, "reading holds", func(tx *tx) error {
		holds, err = holdsOf(ctx, tx, id, 100)
		return err
	})
	return holds, err
}

func holdsOf(ctx context.Context, tx *tx, id string, limit int) (holds []connect.Hold, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, created_at FROM holds WHERE connection = ? ORDER BY name LIMIT ?`, id,
		limit)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var h connect.Hold
		var created int64
		if err := rows.Scan(&h.Name, &created); err != nil {
			return nil, err
		}
		h.CreatedAt = time.UnixMilli(created).UTC()
		holds = append(holds, h)
	}
	return holds, rows.Err()
}

// refuseHeld is `connection_in_use` while a hold exists; the message names up to three.
func refuseHeld(ctx context.Context, tx *tx, id string) error {
	holds, err := holdsOf(ctx, tx, id, 4)
	if err != nil || len(holds) == 0 {
		return err
	}
	var names []string
	for _, h := range holds[:min(len(holds), 3)] {
		names = append(names, h.Name)
	}
	list := strings.Join(names, ", ")
	if len(holds) > len(names) {
		list += " and others"
	}
	return vending.Refuse(vending.ConnectionInUse, "the connection is held by "+list+"; release that first")
}

func checkHoldName(name string) error {
	if name == "" || !connect.IsPlain(name, maxHoldName) {
		return connect.Invalid(fmt.Sprintf(
			"name: the name of a hold must be 1 to %d bytes of text without control characters",
			maxHoldName))
	}
	return nil
}
