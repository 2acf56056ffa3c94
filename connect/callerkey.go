package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// ErrNoCallerKey says that there is no caller key of that id, or that it has ended.
var ErrNoCallerKey = errors.New(
	"there is no such caller key; it may have been revoked, have expired, or have gone with its connection")

// CallerKey is what can be told of a caller key.
type CallerKey struct {
	// ID is "ckey_" and 64 random bits. It is public.
	ID string
	// Name is what the operator calls it; it may be empty.
	Name string
	// Tenant, User and Connection are what the key stands for.
	Tenant, User, Connection string
	// Apps, Methods and Paths are what it may call; nil means no bound but the tenant's.
	Apps, Methods, Paths []string
	// Budget bounds its vends a minute; 0 means that only the tenant's budgets do.
	Budget int
	// Errors is `passthrough` for a key whose calls get providers' errors as they are, scrubbed;
	// empty means that they are mapped, unless the app or the handler says otherwise.
	Errors string
	// CreatedAt and ExpiresAt are in UTC, to the millisecond; a key without ExpiresAt does not expire.
	CreatedAt, ExpiresAt time.Time
}

// The bounds of a caller key, in numbers and in bytes.
const (
	maxCallerList = 50
	maxCallerPath = 500
	maxCallerUser = 254
)

// callerKeyIDPrefix is how every caller key's id begins.
const callerKeyIDPrefix = "ckey_"

// MintCallerKey makes a caller key: "ck_" and 256 random bits in 43 digits of base62. digest is the
// SHA-256 of the whole key.
func MintCallerKey() (key vending.Secret, digest Digest) {
	text := policy.CallerKeyPrefix + randomBase62(32, tenantKeyDigits)
	return vending.NewSecret(text), DigestOf(text)
}

// CreateCallerKey mints a key of k's names, bounds and expiry, and returns it with what was stored.
// It cannot be shown again. A connection of this store must be the tenant's and, unless User is
// empty, the user's: else it is a *vending.Error with `connection_deleted`. One of another source
// is taken at the operator's word. What is wrong with k is a *vending.Error with `invalid_request`.
func (s *Store) CreateCallerKey(ctx context.Context, k CallerKey, ours bool) (vending.Secret, CallerKey, error) {
	k.CreatedAt, k.ExpiresAt = s.now().UTC().Truncate(time.Millisecond), k.ExpiresAt.UTC().Truncate(time.Millisecond)
	if err := k.check(); err != nil {
		return vending.Secret{}, CallerKey{}, err
	}
	key, digest := MintCallerKey()
	k.ID = callerKeyIDPrefix + randomBase62(8, callerKeyIDDigits)
	err := s.changeTenants(ctx, "creating a caller key", func(tx *sql.Tx) error {
		if ours {
			c, err := s.owned(ctx, tx, k.Tenant, k.User, k.Connection)
			if err != nil {
				return err
			}
			k.User = c.User
		}
		if k.User == "" {
			return invalid("user: must be given for a connection that is not in this store")
		}
		if err := k.insert(ctx, tx, digest); err != nil {
			return err
		}
		return s.record(ctx, tx, k.about(CallerKeyCreated))
	})
	if err != nil {
		return vending.Secret{}, CallerKey{}, err
	}
	return key, k, nil
}

func (k *CallerKey) insert(ctx context.Context, tx *sql.Tx, digest Digest) error {
	var expires sql.NullInt64
	if !k.ExpiresAt.IsZero() {
		expires = sql.NullInt64{Int64: k.ExpiresAt.UnixMilli(), Valid: true}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO caller_keys (id, digest, tenant, user, connection, name, apps, methods, paths, budget, errors, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, k.ID, digest[:], k.Tenant, k.User, k.Connection, k.Name,
		joinLines(k.Apps), joinLines(k.Methods), joinLines(k.Paths), k.Budget, k.Errors, k.CreatedAt.UnixMilli(), expires)
	return err
}

// check reports what is wrong with a new key.
func (k *CallerKey) check() error {
	if err := checkTenantID(k.Tenant); err != nil {
		return err
	}
	switch {
	case k.Connection == "" || !isPlain(k.Connection, policy.MaxConnectionLen):
		return invalid(fmt.Sprintf("connection: must be 1 to %d bytes of text without control characters",
			policy.MaxConnectionLen))
	case !isPlain(k.User, maxCallerUser):
		return invalid(fmt.Sprintf("user: must be at most %d bytes of text without control characters", maxCallerUser))
	case !isPlain(k.Name, maxNameLen):
		return invalid(fmt.Sprintf("name: must be at most %d bytes of text without control characters", maxNameLen))
	case k.Budget < 0:
		return invalid("budget: must be a positive number of units a minute; 0 means no bound of its own")
	case k.Errors != "" && k.Errors != policy.Passthrough:
		return invalid("errors: write passthrough, or leave it out to have providers' errors mapped")
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(k.CreatedAt):
		return invalid("expires: must be a time to come")
	case isEmptyList(k.Apps) || isEmptyList(k.Methods) || isEmptyList(k.Paths):
		return invalid("apps, methods, paths: must not be empty lists; what is left out has no bound but the tenant's")
	case max(len(k.Apps), len(k.Methods), len(k.Paths)) > maxCallerList:
		return invalid(fmt.Sprintf("apps, methods, paths: must be at most %d of each", maxCallerList))
	case !all(k.Paths, func(p string) bool { return p != "" && isPlain(p, maxCallerPath) }):
		return invalid(fmt.Sprintf("paths: each must be 1 to %d bytes of text without control characters", maxCallerPath))
	case !all(k.Methods, func(m string) bool { return strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" }):
		return invalid("methods: write them in upper case, like GET")
	}
	for _, app := range k.Apps {
		if err := checkSlug("apps", app); err != nil {
			return err
		}
	}
	for _, r := range policy.RulesFor(k.Methods, k.Paths) {
		if err := r.Check(); err != nil {
			return invalid(err.Error())
		}
	}
	return nil
}

// isEmptyList tells a list that was stated, and has nothing in it, from one that was left out.
func isEmptyList(values []string) bool { return values != nil && len(values) == 0 }

func all(values []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !ok(v) })
}

// about is the audit row of an event that concerns the key.
func (k *CallerKey) about(e Event) AuditRow {
	return AuditRow{Event: e, Tenant: k.Tenant, Connection: k.Connection, User: k.User,
		Detail: strings.TrimSpace(k.ID + " " + k.Name)}
}

const callerColumns = `SELECT id, digest, tenant, user, connection, name, apps, methods, paths, budget, errors, ` +
	`created_at, expires_at FROM caller_keys`

// CallerKeys lists the keys that have not ended, oldest first. An empty tenant means any.
func (s *Store) CallerKeys(ctx context.Context, tenant string) (found []CallerKey, err error) {
	err = s.view(ctx, "listing caller keys", func(tx *sql.Tx) error {
		var where conditions
		where.equal("tenant", tenant)
		return s.eachCallerKey(ctx, tx, where, func(_ Digest, k CallerKey) { found = append(found, k) })
	})
	return found, err
}

// eachCallerKey calls f with every key that has not ended, oldest first.
func (s *Store) eachCallerKey(ctx context.Context, tx *sql.Tx, where conditions,
	f func(Digest, CallerKey)) (err error) {
	where.add("(expires_at IS NULL OR expires_at > ?)", s.now().UnixMilli())
	clause, args := where.where()
	rows, err := tx.QueryContext(ctx, callerColumns+clause+` ORDER BY created_at, id`, args...)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var k CallerKey
		var digest []byte
		var apps, methods, paths string
		var created int64
		var expires sql.NullInt64
		if err := rows.Scan(&k.ID, &digest, &k.Tenant, &k.User, &k.Connection, &k.Name, &apps, &methods, &paths, &k.Budget,
			&k.Errors, &created, &expires); err != nil {
			return err
		}
		k.Apps, k.Methods, k.Paths = splitLines(apps), splitLines(methods), splitLines(paths)
		k.CreatedAt = time.UnixMilli(created).UTC()
		if expires.Valid {
			k.ExpiresAt = time.UnixMilli(expires.Int64).UTC()
		}
		f(Digest(digest), k)
	}
	return rows.Err()
}

// Paths may hold spaces; nothing in these lists holds a line break.
func joinLines(values []string) string { return strings.Join(values, "\n") }

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// RevokeCallerKey ends a key for good, and deletes what is stored of it. Without one that lives it
// is ErrNoCallerKey.
func (s *Store) RevokeCallerKey(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "revoking a caller key", func(tx *sql.Tx) error {
		var where conditions
		where.add("id = ?", id)
		n, err := s.revokeCallerKeys(ctx, tx, where)
		if err == nil && n == 0 {
			err = ErrNoCallerKey
		}
		return err
	})
}

// revokeCallerKeys ends the keys that where names and have not ended, and returns how many there
// were.
func (s *Store) revokeCallerKeys(ctx context.Context, tx *sql.Tx, where conditions) (int, error) {
	var ended []CallerKey
	if err := s.eachCallerKey(ctx, tx, where, func(_ Digest, k CallerKey) { ended = append(ended, k) }); err != nil {
		return 0, err
	}
	for i := range ended {
		if _, err := tx.ExecContext(ctx, `DELETE FROM caller_keys WHERE id = ?`, ended[i].ID); err != nil {
			return 0, err
		}
		if err := s.record(ctx, tx, ended[i].about(CallerKeyRevoked)); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}

// revokeKeysOf ends the caller keys of a connection that is being deleted.
func (s *Store) revokeKeysOf(ctx context.Context, tx *sql.Tx, tenant, connection string) error {
	var where conditions
	where.add("tenant = ? AND connection = ?", tenant, connection)
	n, err := s.revokeCallerKeys(ctx, tx, where)
	if err == nil && n > 0 {
		err = countChange(ctx, tx)
	}
	return err
}
