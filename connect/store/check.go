package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/pgserver"
)

// errDamagedTables is ErrDamaged of tables that a server keeps.
var errDamagedTables = &refusal{"PostgreSQL finds its files damaged: run pg_amcheck, and restore the database from a " +
	"backup", ErrDamaged}

// explainDamage returns ErrDamaged of what a database says that is damaged. It is met where a page
// is read: none is looked at before.
func explainDamage(err error) error {
	if err == nil || errors.Is(err, ErrDamaged) {
		return err
	}
	if code := resultCode(err); code == sqliteCorrupt || code == sqliteNotADB {
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	if pgserver.IsDamage(err) {
		return fmt.Errorf("%w (%w)", errDamagedTables, err)
	}
	return err
}

// Problem is something that is wrong with a store, and what to do about it.
type Problem struct {
	What   string `json:"what"`
	Advice string `json:"advice"`
}

const (
	adviceRestore = "restore a backup"
	adviceRenew   = "send its end user a new link, or restore a backup from before"
	adviceRowLost = "restore a backup from before"
	adviceCounts  = "metrics count wrong, and nothing else: restore a backup when there is time"
)

// Checked is what a check read of a store, and what it found.
type Checked struct {
	// Tenants and Connections count what there is; Sealed counts the rows whose ciphertext opened.
	Tenants     int       `json:"tenants"`
	Connections int       `json:"connections"`
	Sealed      int       `json:"sealed"`
	Problems    []Problem `json:"problems"`
	// Unopened counts all rows that do not open; Problems name the first of them.
	Unopened int `json:"unopened"`
}

// maxUnopened bounds how many rows that do not open are named.
const maxUnopened = 20

// checkBatch is how many rows are read in one transaction, in which others may not be forgotten.
const checkBatch = 500

// Check reads all of the store: what the database keeps, whether each sealed row opens, and whether
// the counts are right. It takes seconds for a million connections; others may go on working. What
// is wrong is not an error.
func (s *Store) Check(ctx context.Context) (c Checked, err error) {
	if err := s.Ready(ctx); err != nil {
		return c, err
	}
	if c.Problems, err = s.db.check(ctx); err == nil && len(c.Problems) == 0 {
		err = s.checkRows(ctx, &c)
	}
	if err = explainDamage(err); errors.Is(err, ErrDamaged) { // too much of it to read on
		c.Problems = append(c.Problems, Problem{err.Error(), adviceRestore})
	} else if err != nil {
		return c, fmt.Errorf("checking the store: %w", err)
	}
	if more := c.Unopened - maxUnopened; more > 0 {
		c.Problems = append(c.Problems, Problem{fmt.Sprintf("%d more rows do not open", more), adviceRowLost})
	}
	return c, nil
}

func (s *Store) checkRows(ctx context.Context, c *Checked) error {
	for _, step := range [...]func(context.Context, *Checked) error{
		s.checkCounts, s.checkConnections, s.checkClients, s.checkMeta,
	} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// opened counts a row that should open.
func (s *Store) opened(c *Checked, sealed, ad []byte, what, advice string) {
	plain, err := s.vault.Open(sealed, ad)
	clear(plain)
	if err == nil {
		c.Sealed++
		return
	}
	if c.Unopened++; c.Unopened <= maxUnopened {
		c.Problems = append(c.Problems, Problem{fmt.Sprintf("%s does not open: %v", what, err), advice})
	}
}

// countsDiffer finds an app and state of which there are other connections than are counted.
const countsDiffer = `SELECT count(*) FROM (
	SELECT app, status, needs_reconnection, sum(connections) AS n FROM connection_counts GROUP BY 1, 2, 3) k
	FULL JOIN (SELECT app, status, needs_reconnection, count(*) AS n FROM connections GROUP BY 1, 2, 3) c
	ON k.app = c.app AND k.status = c.status AND k.needs_reconnection = c.needs_reconnection
	WHERE coalesce(k.n, 0) <> coalesce(c.n, 0)`

func (s *Store) checkCounts(ctx context.Context, c *Checked) error {
	return s.view(ctx, "counting", func(tx *tx) error {
		var differ int
		if err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM tenants), (SELECT count(*) FROM connections), (`+
			countsDiffer+`)`).Scan(&c.Tenants, &c.Connections, &differ); err != nil {
			return err
		}
		if differ > 0 {
			c.Problems = append(c.Problems, Problem{fmt.Sprintf("%d counts of connections are wrong", differ), adviceCounts})
		}
		return nil
	})
}

func (s *Store) checkConnections(ctx context.Context, c *Checked) error {
	for after := ""; ; {
		n := 0
		err := s.view(ctx, "reading connections", func(tx *tx) (err error) {
			rows, err := tx.QueryContext(ctx, `SELECT id, tenant, end_user, app, version, status, sealed FROM connections
				WHERE id > ? ORDER BY id LIMIT ?`, after, checkBatch)
			if err != nil {
				return err
			}
			defer closeRows(rows, &err)
			for ; rows.Next(); n++ {
				var b binding
				var status connect.Status
				var sealed []byte
				if err := rows.Scan(&b.id, &b.tenant, &b.user, &b.app, &b.version, &status, &sealed); err != nil {
					return err
				}
				if after = b.id; sealed != nil || status == connect.Active {
					s.opened(c, sealed, b.associatedData(), "connection "+b.id+" of tenant "+b.tenant, adviceRenew)
				}
			}
			return rows.Err()
		})
		if err != nil || n < checkBatch {
			return err
		}
	}
}

func (s *Store) checkClients(ctx context.Context, c *Checked) error {
	return s.view(ctx, "reading oauth clients", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(ctx, `SELECT tenant, app, client_id, version, sealed FROM oauth_clients
			WHERE sealed IS NOT NULL`)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var r sealedClient
			if err := rows.Scan(&r.tenant, &r.app, &r.id, &r.version, &r.sealed); err != nil {
				return err
			}
			s.opened(c, r.sealed, r.associatedData(), "the OAuth client for "+r.app+" of tenant "+r.tenant,
				"set it again with `vendgate oauth-client set`")
		}
		return rows.Err()
	})
}

// checkMeta reads the key of pseudonyms, which there is once an end user was erased.
func (s *Store) checkMeta(ctx context.Context, c *Checked) error {
	return s.view(ctx, "reading the key of pseudonyms", func(tx *tx) error {
		var sealed []byte
		err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, pseudonymKeyRow).Scan(&sealed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		}
		s.opened(c, sealed, pseudonymKeyAD, "the key of the pseudonyms of erased end users", adviceRowLost)
		return nil
	})
}
