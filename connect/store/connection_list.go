package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// Connections returns one page of the connections that f names, newest first, and how many there
// are on all pages. A page, limit or search out of bounds is a *vending.Error with
// `invalid_request`. The total is counted from an index that has an entry for each of the tenant's
// connections; the page is read from the nearer end of the list, and so at most half of them again.
func (s *Store) Connections(ctx context.Context, f connect.Filter) (page []connect.Connection, total int, err error) {
	if err := f.Check(); err != nil {
		return nil, 0, err
	}
	offset := connect.PageOffset(f.Page, f.Limit)
	err = s.view(ctx, "listing connections", func(tx *tx) (err error) {
		l := tx.list(f, s.now().UnixMilli())
		if offset == 0 {
			// A first page that is not full has all that f names: a search that finds few reads the index
			// once.
			if page, err = l.read(ctx, f.Limit, 0, newestFirst); err != nil || len(page) < f.Limit {
				total = len(page)
				return err
			}
			total, err = l.count(ctx)
			return err
		}
		if total, err = l.count(ctx); err != nil || offset >= total {
			return err
		}
		page, err = l.readFar(ctx, f.Limit, offset, total)
		return err
	})
	return page, total, err
}

// list is a query for connections, on the snapshot of one transaction.
type list struct {
	*tx
	now   int64
	where string
	args  []any
}

func (t *tx) list(f connect.Filter, now int64) list {
	where, args := t.connectionsWhere(f, now)
	return list{t, now, where, slices.Clip(args)}
}

func (l list) count(ctx context.Context) (total int, err error) {
	err = l.QueryRowContext(ctx, `SELECT count(*) FROM connections c`+l.where, l.args...).Scan(&total)
	return total, err
}

// order is the direction in which a list is read, as in SQL.
type order string

const (
	newestFirst order = "DESC"
	oldestFirst order = "ASC"
)

// read returns at most limit connections after the first skip of them.
func (l list) read(ctx context.Context, limit, skip int, by order) ([]connect.Connection, error) {
	return listConnections(ctx, l.tx, l.now, l.pageOf(l.where, by), append(l.args, limit, skip)...)
}

// readFar is read for a list of total connections, which are more than skip. The database also
// reads all that it skips, so a page of the second half is read from the end.
func (l list) readFar(ctx context.Context, limit, skip, total int) (page []connect.Connection, err error) {
	limit = min(limit, total-skip)
	after := total - skip - limit
	if skip <= after {
		return l.read(ctx, limit, skip, newestFirst)
	}
	page, err = l.read(ctx, limit, after, oldestFirst)
	slices.Reverse(page)
	return page, err
}

// pageOf is what follows the tables in the query of a page. Its arguments are those of where, a
// limit and an offset. PostgreSQL would also look for the links of the connections that it skips;
// the inner query finds the page first, by the index alone.
func (t *tx) pageOf(where string, by order) string {
	page := where + fmt.Sprintf(` ORDER BY c.created_at %[1]s, c.id %[1]s LIMIT ? OFFSET ?`, by)
	if !t.shared {
		return page
	}
	return fmt.Sprintf(` JOIN (SELECT c.id, c.created_at FROM connections c%s) page ON page.id = c.id
		ORDER BY page.created_at %[2]s, page.id %[2]s`, page, by)
}

// ofTenant selects connections by f's Tenant, which must be set, User and App alone. The columns
// have the prefix.
func ofTenant(f connect.Filter, prefix string) (where conditions, err error) {
	if f.Tenant == "" {
		return where, connect.NoConnection()
	}
	where.equal(prefix+"tenant", f.Tenant)
	where.equal(prefix+"end_user", f.User)
	where.equal(prefix+"app", f.App)
	return where, nil
}

// NextConnections returns the first f.Limit connections that f names of those that were made after
// the connection after, oldest first; the zero after means from the first on. Only f's Tenant,
// which must be set, User and App count. A list that is read that way misses nothing that was there
// when it began, whatever is deleted meanwhile.
func (s *Store) NextConnections(ctx context.Context, f connect.Filter,
	after connect.Connection) (next []connect.Connection, err error) {
	where, err := ofTenant(f, "c.")
	if err != nil {
		return nil, err
	}
	if after.ID != "" {
		where.add("(c.created_at, c.id) > (?, ?)", after.CreatedAt.UnixMilli(), after.ID)
	}
	clause, args := where.where()
	err = s.view(ctx, "listing connections", func(tx *tx) error {
		next, err = listConnections(ctx, tx, s.now().UnixMilli(), clause+` ORDER BY c.created_at, c.id LIMIT ?`,
			append(args, f.Limit)...)
		return err
	})
	return next, err
}

// lapsed is true of a connection whose pending link has run out and was not yet swept; it takes the
// time.
const lapsed = `EXISTS (SELECT 1 FROM links l WHERE l.connection = c.id AND l.status = 'pending' AND l.expires_at <= ?)`

func (t *tx) connectionsWhere(f connect.Filter, now int64) (clause string, args []any) {
	var c conditions
	c.equal("c.tenant", f.Tenant)
	c.equal("c.end_user", f.User)
	c.equal("c.app", f.App)
	switch f.Status {
	case connect.Pending:
		c.add("c.status = 'pending' AND NOT "+lapsed, now)
	case connect.Expired:
		c.add("(c.status = 'expired' OR c.status = 'pending' AND "+lapsed+")", now)
	default:
		c.equal("c.status", string(f.Status))
	}
	if f.NeedsReconnection != nil {
		c.add(needsReconnection[*f.NeedsReconnection])
	}
	if f.Search != "" {
		pattern := likePattern(f.Search)
		term := t.matches("c.name") + " OR " + t.matches("c.end_user") + " OR " + t.matches("c.app")
		args := []any{pattern, pattern, pattern}
		if strings.HasPrefix(f.Search, connect.ConnectionIDPrefix) {
			term, args = term+` OR substr(c.id, 1, ?) = ?`, append(args, len(f.Search), f.Search)
		}
		c.add("("+term+")", args...)
	}
	return c.where()
}

// needsReconnection are constants and no arguments: the index of the few that need it is only used
// where the statement itself says that it is about them.
var needsReconnection = map[bool]string{true: "c.needs_reconnection = 1", false: "c.needs_reconnection = 0"}

// matches returns a term that is true if the column matches a pattern of likePattern. SQLite's LIKE
// ignores the case of ASCII letters, and lower() would take it longer than the rest of a search.
// PostgreSQL's LIKE does not ignore it.
func (t *tx) matches(column string) string {
	if t.shared {
		column = "lower(" + column + ")"
	}
	return column + ` LIKE ? ESCAPE '\'`
}

// likePattern finds text anywhere, in any case of ASCII letters.
func likePattern(text string) string {
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
	return "%" + likeEscaper.Replace(lower) + "%"
}

// likeEscaper takes the meaning from what LIKE would read as a pattern.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

const listColumns = `SELECT c.id, c.tenant, c.end_user, c.app, c.name, c.status, c.auth_type, c.via_link,
	c.needs_reconnection, c.refresh_pending, c.verified, c.account, c.created_at, c.updated_at, c.version,
	(SELECT l.expires_at FROM links l WHERE l.connection = c.id AND l.status = 'pending'),
	(SELECT max(l.expires_at) FROM links l WHERE l.connection = c.id),
	coalesce((SELECT CASE WHEN l.renews = 1 AND l.status = 'rejected' THEN 1 ELSE 0 END FROM links l
		WHERE l.connection = c.id ORDER BY l.expires_at DESC LIMIT 1), 0) FROM connections c`

// listConnections reads connections with the expiry of their pending link; the rest of the query
// follows the tables.
func listConnections(ctx context.Context, tx *tx, now int64, rest string, args ...any) (found []connect.Connection,
	err error) {
	rows, err := tx.QueryContext(ctx, listColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var c connect.Connection
		var authType string
		var created, updated int64
		var pending, last sql.NullInt64
		if err := rows.Scan(&c.ID, &c.Tenant, &c.User, &c.App, &c.Name, &c.Status, &authType, &c.ViaLink,
			&c.NeedsReconnection,
			&c.RefreshPending, &c.Verified, &c.Account, &created, &updated, &c.Version, &pending, &last,
			&c.RefreshRejected); err != nil {
			return nil, err
		}
		c.AuthType = vending.AuthType(authType)
		c.CreatedAt, c.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
		observeLink(&c, pending, last, now)
		found = append(found, c)
	}
	return found, rows.Err()
}

// observeLink brings in what the connection's link says at the time now. A link that has run out
// counts as expired from that moment on, and not from when it was swept.
func observeLink(c *connect.Connection, pending, last sql.NullInt64, now int64) {
	switch {
	case pending.Valid && pending.Int64 > now:
		c.LinkExpiresAt = time.UnixMilli(pending.Int64).UTC()
	case pending.Valid && c.Status == connect.Pending:
		c.Status = connect.Expired
	case pending.Valid:
		c.RefreshPending = false
	}
	if c.Status == connect.Expired && last.Valid {
		c.LinkExpiresAt = time.UnixMilli(last.Int64).UTC()
	}
}
