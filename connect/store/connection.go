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

// ImportConnection stores a connection whose grant is already at hand, and returns its new id. ID,
// Version and the times of c are set by the store, and Verified by the grant; an empty status means
// active and an empty name the app's slug. An active connection needs a grant: a token for an OAuth
// app, fields for any other. What is wrong with c or g is a *vending.Error with `invalid_request`
// or `invalid_user_email`.
func (s *Store) ImportConnection(ctx context.Context, c connect.Connection, g connect.Grant) (id string, err error) {
	if err := c.Normalize(); err != nil {
		return "", err
	}
	if err := c.CheckGrant(g); err != nil {
		return "", err
	}
	c.ID, c.Version = connect.NewConnectionID(), 1
	err = s.update(ctx, "storing a connection", func(tx *tx) error {
		if err := s.insert(ctx, tx, c, g); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRowGranted(connect.ConnectionImported, c, g))
	})
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

func (s *Store) insert(ctx context.Context, tx *tx, c connect.Connection, g connect.Grant) error {
	sealed, err := s.sealGrant(ctx, tx, bindingOf(c), g)
	if err != nil {
		return err
	}
	now := s.now().UnixMilli()
	_, err = tx.ExecContext(ctx, `INSERT INTO connections (id, tenant, end_user, app, name, status, auth_type,
		via_link, needs_reconnection, refresh_pending, created_at, updated_at, version, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), string(c.AuthType),
		c.ViaLink, c.NeedsReconnection, c.RefreshPending, now, now, c.Version, sealed)
	if err != nil || !g.Verified() {
		return err
	}
	return setVerified(ctx, tx, c.ID, g)
}

// DeleteConnection deletes a connection of tenant, its grant and its caller keys for good. Without
// such a connection it is a *vending.Error with `connection_deleted`, and while it is held one
// with `connection_in_use`.
func (s *Store) DeleteConnection(ctx context.Context, tenant, id string) error {
	_, _, err := s.TakeConnection(ctx, tenant, "", id)
	return err
}

// TakeConnection is DeleteConnection that returns what was deleted, so that the grant can be
// revoked at its provider. Unless user is empty the connection must be theirs. A grant that does
// not open is zero: what cannot be used can still be deleted.
func (s *Store) TakeConnection(ctx context.Context, tenant, user, id string) (c connect.Connection, g connect.Grant,
	err error) {
	return s.take(ctx, tenant, user, id, func(ctx context.Context, tx *tx, c connect.Connection) error {
		return refuseHeld(ctx, tx, c.ID)
	})
}

// DropConnection is DeleteConnection whatever holds the connection, if its version is still that;
// ErrStale says that it has another, and so a grant that the caller does not know.
func (s *Store) DropConnection(ctx context.Context, tenant, id string, version int64) error {
	_, _, err := s.take(ctx, tenant, "", id, func(_ context.Context, _ *tx, c connect.Connection) error {
		if c.Version != version {
			return connect.ErrStale
		}
		return nil
	})
	return err
}

// take deletes a connection unless check refuses it.
func (s *Store) take(ctx context.Context, tenant, user, id string,
	check func(context.Context, *tx, connect.Connection) error) (c connect.Connection, g connect.Grant, err error) {
	err = s.update(ctx, "deleting a connection", func(tx *tx) error {
		if err := tx.lockConnection(ctx, id); err != nil {
			return err
		}
		if c, err = s.owned(ctx, tx, tenant, user, id); err != nil {
			return err
		}
		if err := check(ctx, tx, c); err != nil {
			return err
		}
		var sealed []byte
		if err := tx.QueryRowContext(ctx, `DELETE FROM connections WHERE id = ? RETURNING sealed`,
			id).Scan(&sealed); err != nil {
			return err
		}
		if sealed != nil {
			g = s.openTaken(c, sealed)
		}
		if err := s.record(ctx, tx, connect.AuditRowOf(connect.ConnectionDeleted, c)); err != nil {
			return err
		}
		return s.revokeKeysOf(ctx, tx, tenant, id)
	})
	if err != nil {
		return connect.Connection{}, connect.Grant{}, err
	}
	return c, g, nil
}

func (s *Store) openTaken(c connect.Connection, sealed []byte) (g connect.Grant) {
	plain, err := s.vault.Open(sealed, bindingOf(c).associatedData())
	if err == nil {
		g, err = connect.DecodeGrant(plain)
	}
	if err != nil {
		s.log.Error("a deleted grant could not be decrypted", "connection", c.ID, "tenant", c.Tenant, "error", err)
	}
	return g
}

// Connections returns one page of the connections that f names, newest first, and how many there
// are on all pages. A page, limit or search out of bounds is a *vending.Error with
// `invalid_request`. It reads as many entries of an index as the tenant has connections, and of a
// page in their middle half of them again.
func (s *Store) Connections(ctx context.Context, f connect.Filter) (page []connect.Connection, total int, err error) {
	if err := f.Check(); err != nil {
		return nil, 0, err
	}
	offset := connect.PageOffset(f.Page, f.Limit)
	err = s.view(ctx, "listing connections", func(tx *tx) (err error) {
		l := tx.list(f, s.now().UnixMilli())
		if offset == 0 {
			// Where not even this page is full, all were looked at: a search that finds few reads once.
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

// list is what Connections reads, on one snapshot.
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

// order is which of the connections of a list comes first.
type order string

const (
	newestFirst order = "DESC"
	oldestFirst order = "ASC"
)

// read returns at most limit connections after the first skip of them.
func (l list) read(ctx context.Context, limit, skip int, by order) ([]connect.Connection, error) {
	return listConnections(ctx, l.tx, l.now, l.pageOf(l.where, by), append(l.args, limit, skip)...)
}

// readFar is read of a page of total connections. One of the latter half is read from the end:
// whatever comes before a page must be read as well.
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

// pageOf follows the tables of a list: it takes a limit and an offset after the clause's arguments.
// PostgreSQL would look for the links of all connections before the page; it is first told to find
// the page, for which it reads the index alone.
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

// AppCounts counts the connections that f names by app; only its Tenant, which must be set, User
// and App count.
func (s *Store) AppCounts(ctx context.Context, f connect.Filter) (counts []connect.AppCount, err error) {
	where, err := ofTenant(f, "")
	if err != nil {
		return nil, err
	}
	clause, args := where.where()
	err = s.view(ctx, "counting connections", func(tx *tx) (err error) {
		// #nosec G202 -- the clause has no values
		rows, err := tx.QueryContext(ctx, `SELECT app, count(*) FROM connections`+clause+` GROUP BY app ORDER BY app`,
			args...)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c connect.AppCount
			if err := rows.Scan(&c.App, &c.Connections); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
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

// matches returns a term that holds if a column has a pattern of likePattern. SQLite's LIKE does
// not look at the case of ASCII letters, and lower() would take it longer than the rest of a
// search; PostgreSQL's does.
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

// Describe returns a connection with the expiry of its link. An empty tenant or user means any.
// Without such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) Describe(ctx context.Context, tenant, user, id string) (c connect.Connection, err error) {
	err = s.view(ctx, "reading a connection", func(tx *tx) error {
		c, err = s.describe(ctx, tx, tenant, user, id)
		return err
	})
	return c, err
}

func (s *Store) describe(ctx context.Context, tx *tx, tenant, user, id string) (connect.Connection, error) {
	var where conditions
	where.add("c.id = ?", id)
	where.equal("c.tenant", tenant)
	where.equal("c.end_user", user)
	clause, args := where.where()
	found, err := listConnections(ctx, tx, s.now().UnixMilli(), clause, args...)
	switch {
	case err != nil:
		return connect.Connection{}, err
	case len(found) == 0:
		return connect.Connection{}, connect.NoConnection()
	}
	return found[0], nil
}

// owned is describe for changes of a connection by its tenant: there, a tenant that was
// forgotten must not mean any.
func (s *Store) owned(ctx context.Context, tx *tx, tenant, user, id string) (connect.Connection, error) {
	if tenant == "" {
		return connect.Connection{}, connect.NoConnection()
	}
	return s.describe(ctx, tx, tenant, user, id)
}

// countQuery adds up, because in PostgreSQL a count is the sum of rows.
const countQuery = `SELECT app, status, needs_reconnection, CAST(sum(connections) AS BIGINT)
	FROM connection_counts GROUP BY app, status, needs_reconnection`

// ConnectionCounts returns the counts of all connections. It reads no connection, and takes as long
// for a million as for one. A pending connection counts as such until Sweep has ended its link; one
// that was there once may be there with 0.
func (s *Store) ConnectionCounts(ctx context.Context) (counts []connect.ConnectionCount, err error) {
	err = s.view(ctx, "counting connections", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(ctx, countQuery)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c connect.ConnectionCount
			if err := rows.Scan(&c.App, &c.Status, &c.NeedsReconnection, &c.Connections); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}
