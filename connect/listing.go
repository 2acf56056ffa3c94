package connect

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// The bounds of a page.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// Filter says which connections to list. An empty Tenant, User or App means any, so whoever answers
// a tenant must set Tenant, and User too under the Platform API.
type Filter struct {
	Tenant, User, App string
	// Page counts from 1, and Limit is 1…100 connections a page; 0 means 1 and 20.
	Page, Limit int
}

// Connections returns one page of the connections that f names, newest first, and how many there
// are on all pages. A page or limit out of bounds is a *vending.Error with `invalid_request`.
func (s *Store) Connections(ctx context.Context, f Filter) (page []Connection, total int, err error) {
	if f.Page == 0 {
		f.Page = 1
	}
	if f.Limit == 0 {
		f.Limit = defaultLimit
	}
	if f.Page < 1 || f.Limit < 1 || f.Limit > maxLimit {
		return nil, 0, invalid(fmt.Sprintf("page counts from 1 and limit is 1 to %d", maxLimit))
	}
	where, args := f.where()
	err = s.view(ctx, "listing connections", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM connections`+where, args...).Scan(&total); err != nil {
			return err
		}
		// A page past the last is empty; comparing this way cannot overflow as an offset could.
		if f.Page-1 > total/f.Limit {
			return nil
		}
		page, err = listPage(ctx, tx, where, append(args, f.Limit, (f.Page-1)*f.Limit))
		return err
	})
	return page, total, err
}

// where uses constant text only; the values go as arguments.
func (f Filter) where() (clause string, args []any) {
	var terms []string
	for _, t := range [...]struct{ column, value string }{{"tenant", f.Tenant}, {"user", f.User}, {"app", f.App}} {
		if t.value != "" {
			terms, args = append(terms, t.column+" = ?"), append(args, t.value)
		}
	}
	if terms == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

const listColumns = `SELECT id, tenant, user, app, name, status, auth_type, via_link, needs_reconnection,
	refresh_pending, created_at, updated_at, version FROM connections`

func listPage(ctx context.Context, tx *sql.Tx, where string, args []any) (page []Connection, err error) {
	rows, err := tx.QueryContext(ctx, listColumns+where+` ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?`, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var c Connection
		var authType string
		var created, updated int64
		if err := rows.Scan(&c.ID, &c.Tenant, &c.User, &c.App, &c.Name, &c.Status, &authType, &c.ViaLink, &c.NeedsReconnection,
			&c.RefreshPending, &created, &updated, &c.Version); err != nil {
			return nil, err
		}
		c.AuthType = vending.AuthType(authType)
		c.CreatedAt, c.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
		page = append(page, c)
	}
	return page, rows.Err()
}
