package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/vendgate/vendgate/vending"
)

var (
	ErrNewerSchema = errors.New("newer")
	ErrOlderSchema = errors.New("older")
	ErrNoStore     = errors.New("no store")
)

const applicationID = 0x56454e44

type Upgrade struct {
	From, To int
	Copy     string
}

type tx struct {
	*sql.Tx
}

func (t *tx) lock(ctx context.Context, name string) error {
	_, err := t.ExecContext(ctx, lockQuery, lockID(name))
	return err
}

func (p *postgres) tx(t *sql.Tx) *tx { return &tx{t} }

func closeRows(rows *sql.Rows, err *error) {
	if e := rows.Close(); *err == nil {
		*err = e
	}
}

func errNoConnection() *vending.Error { return vending.Errorf(vending.ConnectionDeleted, nil) }
