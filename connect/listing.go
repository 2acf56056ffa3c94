package connect

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// conditions are joined by AND. Their text is constant; values go as arguments.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms, c.args = append(c.terms, term), append(c.args, args...)
}

// equal adds a condition unless value is empty, which means any.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

func (c *conditions) where() (clause string, args []any) {
	if c.terms == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(c.terms, " AND "), c.args
}

// Connections returns one page of the connections that f names, newest first, and how many there
// are on all pages. A page, limit or search out of bounds is a *vending.Error with
// `invalid_request`.
func (s *Store) Connections(ctx context.Context, f Filter) (page []Connection, total int, err error) {
	if err := f.check(); err != nil {
		return nil, 0, err
	}
	now, offset := s.now().UnixMilli(), pageOffset(f.Page, f.Limit)
	where, args := connectionsWhere(f, now)
	err = s.view(ctx, "listing connections", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM connections c`+where, args...).Scan(&total); err != nil {
			return err
		}
		if offset >= total {
			return nil
		}
		page, err = listConnections(ctx, tx, now, where+` ORDER BY c.created_at DESC, c.id DESC LIMIT ? OFFSET ?`,
			append(args, f.Limit, offset)...)
		return err
	})
	return page, total, err
}

// lapsed is true of a connection whose pending link has run out and was not yet swept; it takes the
// time.
const lapsed = `EXISTS (SELECT 1 FROM links l WHERE l.connection = c.id AND l.status = 'pending' AND l.expires_at <= ?)`

func connectionsWhere(f Filter, now int64) (clause string, args []any) {
	var c conditions
	c.equal("c.tenant", f.Tenant)
	c.equal("c.user", f.User)
	c.equal("c.app", f.App)
	switch f.Status {
	case Pending:
		c.add("c.status = 'pending' AND NOT "+lapsed, now)
	case Expired:
		c.add("(c.status = 'expired' OR c.status = 'pending' AND "+lapsed+")", now)
	default:
		c.equal("c.status", string(f.Status))
	}
	if f.Search != "" {
		pattern := "%" + likeEscaper.Replace(f.Search) + "%"
		term, args := `c.name LIKE ? ESCAPE '\' OR c.user LIKE ? ESCAPE '\' OR c.app LIKE ? ESCAPE '\'`, []any{pattern,
			pattern, pattern}
		if strings.HasPrefix(f.Search, connectionIDPrefix) {
			term, args = term+` OR substr(c.id, 1, ?) = ?`, append(args, len(f.Search), f.Search)
		}
		c.add("("+term+")", args...)
	}
	return c.where()
}

// likeEscaper takes the meaning from what LIKE would read as a pattern.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

const listColumns = `SELECT c.id, c.tenant, c.user, c.app, c.name, c.status, c.auth_type, c.via_link, c.needs_reconnection,
	c.refresh_pending, c.verified, c.created_at, c.updated_at, c.version,
	(SELECT l.expires_at FROM links l WHERE l.connection = c.id AND l.status = 'pending'),
	(SELECT max(l.expires_at) FROM links l WHERE l.connection = c.id) FROM connections c`

// listConnections reads connections with the expiry of their pending link; the rest of the query
// follows the tables.
func listConnections(ctx context.Context, tx *sql.Tx, now int64, rest string, args ...any) (found []Connection,
	err error) {
	rows, err := tx.QueryContext(ctx, listColumns+rest, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var c Connection
		var authType string
		var created, updated int64
		var pending, last sql.NullInt64
		if err := rows.Scan(&c.ID, &c.Tenant, &c.User, &c.App, &c.Name, &c.Status, &authType, &c.ViaLink,
			&c.NeedsReconnection,
			&c.RefreshPending, &c.Verified, &created, &updated, &c.Version, &pending, &last); err != nil {
			return nil, err
		}
		c.AuthType = vending.AuthType(authType)
		c.CreatedAt, c.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
		c.observeLink(pending, last, now)
		found = append(found, c)
	}
	return found, rows.Err()
}

// observeLink brings in what the connection's link says at the time now. A link that has run out
// counts as expired from that moment on, and not from when it was swept.
func (c *Connection) observeLink(pending, last sql.NullInt64, now int64) {
	switch {
	case pending.Valid && pending.Int64 > now:
		c.LinkExpiresAt = time.UnixMilli(pending.Int64).UTC()
	case pending.Valid && c.Status == Pending:
		c.Status = Expired
	case pending.Valid:
		c.RefreshPending = false
	}
	if c.Status == Expired && last.Valid {
		c.LinkExpiresAt = time.UnixMilli(last.Int64).UTC()
	}
}

// Describe returns a connection with the expiry of its link. An empty tenant or user means any.
// Without such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) Describe(ctx context.Context, tenant, user, id string) (c Connection, err error) {
	err = s.view(ctx, "reading a connection", func(tx *sql.Tx) error {
		c, err = s.describe(ctx, tx, tenant, user, id)
		return err
	})
	return c, err
}

func (s *Store) describe(ctx context.Context, tx *sql.Tx, tenant, user, id string) (Connection, error) {
	var where conditions
	where.add("c.id = ?", id)
	where.equal("c.tenant", tenant)
	where.equal("c.user", user)
	clause, args := where.where()
	found, err := listConnections(ctx, tx, s.now().UnixMilli(), clause, args...)
	switch {
	case err != nil:
		return Connection{}, err
	case len(found) == 0:
		return Connection{}, errNoConnection()
	}
	return found[0], nil
}

// owned is describe for whoever changes a connection as its tenant: there, a tenant that was
// forgotten must not mean any.
func (s *Store) owned(ctx context.Context, tx *sql.Tx, tenant, user, id string) (Connection, error) {
	if tenant == "" {
		return Connection{}, errNoConnection()
	}
	return s.describe(ctx, tx, tenant, user, id)
}
