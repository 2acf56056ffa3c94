package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

// UserData returns what is kept of an end user, as of one moment. Without anything it is
// ErrUserUnknown.
func (s *Store) UserData(ctx context.Context, tenant, user string) (d connect.UserData, err error) {
	if user, err = connect.ParseUser(user); err != nil {
		return connect.UserData{}, err
	}
	err = s.view(ctx, "reading what is kept of an end user", func(tx *tx) error {
		found, err := listConnections(ctx, tx, s.now().UnixMilli(),
			` WHERE c.tenant = ? AND c.end_user = ? ORDER BY c.created_at, c.id`, tenant, user)
		if err != nil {
			return err
		}
		for _, c := range found {
			u := connect.UserConnection{Connection: c}
			if u.Links, err = linksOf(ctx, tx, c.ID); err != nil {
				return err
			}
			if u.Holds, err = holdsOf(ctx, tx, c.ID, maxHolds); err != nil {
				return err
			}
			d.Connections = append(d.Connections, u)
		}
		if err := s.eachCallerKey(ctx, tx, ofUser(tenant, user), oldestKeyFirst, func(_ connect.Digest, k connect.CallerKey) {
			d.CallerKeys = append(d.CallerKeys, k)
		}); err != nil {
			return err
		}
		// Not those of other end users that name this one: they would tell of the others.
		where := ofUser(tenant, user)
		clause, args := where.where()
		d.Audit, err = scanAudit(ctx, tx, clause+` ORDER BY id`, args)
		return err
	})
	if err == nil && len(d.Connections)+len(d.CallerKeys)+len(d.Audit) == 0 {
		err = connect.ErrUserUnknown
	}
	return d, err
}

func ofUser(tenant, user string) (c conditions) {
	c.add("tenant = ? AND end_user = ?", tenant, user)
	return c
}

// auditOfUser selects the rows of an end user, and those whose text may name them: an address is
// looked for in all, and what another source calls them could be any word.
func auditOfUser(tenant, user string) (c conditions) {
	if !strings.Contains(user, "@") {
		return ofUser(tenant, user)
	}
	c.add(`tenant = ? AND (end_user = ? OR lower(detail) LIKE ? ESCAPE '\')`, tenant, user, likePattern(user))
	return c
}

func linksOf(ctx context.Context, tx *tx, connection string) (links []connect.LinkRecord, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT status, renews, opened, accepted, created_at, expires_at FROM links
		WHERE connection = ? ORDER BY created_at`, connection)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var l connect.LinkRecord
		var created, expires int64
		if err := rows.Scan(&l.Status, &l.Renews, &l.Opened, &l.Accepted, &created, &expires); err != nil {
			return nil, err
		}
		l.CreatedAt, l.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
		links = append(links, l)
	}
	return links, rows.Err()
}

// RevokeUserKeys ends the caller keys of an end user, as the first step of erasing them: calls
// stop.
func (s *Store) RevokeUserKeys(ctx context.Context, tenant, user string) (revoked int, err error) {
	err = s.changeTenants(ctx, "revoking an end user's caller keys", func(tx *tx) error {
		revoked, err = s.revokeCallerKeys(ctx, tx, ofUser(tenant, user))
		return err
	})
	return revoked, err
}

// EraseUser ends the caller keys of an end user who has no connections any more, and replaces them
// in the audit trail by a pseudonym: it is the same each time for the same end user of the tenant,
// and only with the keyset can one try which end user it is. The names that the tenant or the
// operator gave to their keys and holds go, too. It works in steps, and one that was interrupted
// can be repeated. While there are connections it is ErrUserConnected, and where nothing was ever
// stored ErrUserUnknown.
func (s *Store) EraseUser(ctx context.Context, tenant, user string) (e connect.Erasure, err error) {
	if user, err = connect.ParseUser(user); err != nil {
		return e, err
	}
	begun, err := s.beginErasure(ctx, tenant, user, &e)
	if err != nil {
		return e, err
	}
	for after := int64(0); ; {
		rows, err := s.nextOfUser(ctx, tenant, user, after)
		if err != nil {
			return e, err
		}
		if len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].ID
		renamed, err := s.rename(ctx, rows, user, e.Pseudonym)
		if err != nil {
			return e, err
		}
		e.AuditRows += renamed
	}
	switch {
	case e.AuditRows == 0 && !e.Before.IsZero():
		return e, nil
	case e.AuditRows == 0 && !begun:
		return e, connect.ErrUserUnknown
	}
	if err := s.Record(ctx, connect.AuditRow{Event: connect.UserErased, Tenant: tenant, User: e.Pseudonym}); err != nil {
		return e, err
	}
	return e, s.db.forget(ctx)
}

// beginErasure does what must be done as one: nothing may be left that acts for the end user. begun
// says that rows have the pseudonym already, perhaps of an erasure that was interrupted.
func (s *Store) beginErasure(ctx context.Context, tenant, user string, e *connect.Erasure) (begun bool, err error) {
	err = s.changeTenants(ctx, "erasing an end user", func(tx *tx) error {
		var connected bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM connections WHERE tenant = ? AND end_user = ?)`,
			tenant,
			user).Scan(&connected); err != nil {
			return err
		}
		if connected {
			return connect.ErrUserConnected
		}
		if _, err := s.revokeCallerKeys(ctx, tx, ofUser(tenant, user)); err != nil {
			return err
		}
		// Those that have expired are no longer listed, and may not have been swept yet.
		if _, err := tx.ExecContext(ctx, `DELETE FROM caller_keys WHERE tenant = ? AND end_user = ?`, tenant,
			user); err != nil {
			return err
		}
		key, err := s.pseudonymKey(ctx, tx)
		if err != nil {
			return err
		}
		e.Pseudonym = pseudonym(key, tenant, user)
		clear(key)
		var before sql.NullInt64
		err = tx.QueryRowContext(ctx, `SELECT count(*) > 0, max(CASE event WHEN ? THEN at END) FROM audit
			WHERE tenant = ? AND end_user = ?`, string(connect.UserErased), tenant, e.Pseudonym).Scan(&begun, &before)
		if before.Valid {
			e.Before = time.UnixMilli(before.Int64).UTC()
		}
		return err
	})
	return begun, err
}

// nextOfUser returns some of the rows that name an end user. It only reads: to look through a long
// trail must not keep a refresh from its lock.
func (s *Store) nextOfUser(ctx context.Context, tenant, user string, after int64) (rows []connect.AuditRow, err error) {
	where := auditOfUser(tenant, user)
	where.add("id > ?", after)
	clause, args := where.where()
	err = s.view(ctx, "reading the audit trail", func(tx *tx) error {
		rows, err = scanAudit(ctx, tx, clause+` ORDER BY id LIMIT ?`, append(args, sweepBatch))
		return err
	})
	return rows, err
}

// rename takes an end user's name out of those of the rows that have it, and counts them.
func (s *Store) rename(ctx context.Context, rows []connect.AuditRow, user, pseudonym string) (renamed int, err error) {
	name, err := regexp.Compile("(?i)" + regexp.QuoteMeta(user))
	if err != nil {
		return 0, err
	}
	err = s.update(ctx, "erasing an end user", func(tx *tx) error {
		renamed = 0
		if err := tx.lock(ctx, "erasure"); err != nil {
			return err
		}
		for _, r := range rows {
			// Another end user's erasure may have changed the row since it was found.
			found, err := scanAudit(ctx, tx, ` WHERE id = ?`, []any{r.ID})
			if err != nil {
				return err
			}
			if len(found) == 0 {
				continue
			}
			before := found[0]
			r = before
			if r.User == user {
				r.User, r.Detail = pseudonym, withoutName(r)
			}
			if strings.Contains(user, "@") {
				r.Detail = replaceAddress(r.Detail, name, pseudonym)
			}
			if r == before {
				continue
			}
			renamed++
			if _, err := tx.ExecContext(ctx, `UPDATE audit SET end_user = ?, detail = ? WHERE id = ?`, r.User, r.Detail,
				r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return renamed, err
}

// replaceAddress replaces an address in a text where it is not a part of a longer one.
func replaceAddress(text string, address *regexp.Regexp, by string) string {
	var b strings.Builder
	done := 0
	for _, at := range address.FindAllStringIndex(text, -1) {
		if partBefore.MatchString(text[:at[0]]) || partAfter.MatchString(text[at[1]:]) {
			continue
		}
		b.WriteString(text[done:at[0]] + by)
		done = at[1]
	}
	return b.String() + text[done:]
}

// What makes an address a part of a longer one.
var (
	partBefore = regexp.MustCompile(`[\pL\pN._%+-]$`)
	partAfter  = regexp.MustCompile(`^\.?[\pL\pN_-]`)
)

// withoutName is a row's detail without a name that people chose, which may be the end user's.
func withoutName(r connect.AuditRow) string {
	switch r.Event {
	case connect.CallerKeyCreated, connect.CallerKeyRevoked:
		id, _, _ := strings.Cut(r.Detail, " ")
		return id
	case connect.HoldPlaced, connect.HoldReleased:
		return ""
	default:
		return r.Detail
	}
}

// erasedPrefix begins all pseudonyms.
const erasedPrefix = "erased-"

// pseudonym is not an address, so that no end user can ever be called that.
func pseudonym(key []byte, tenant, user string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(vault.Bind(0, tenant, user))
	return erasedPrefix + hex.EncodeToString(mac.Sum(nil)[:16])
}

// pseudonymKeyRow is the row of meta with the sealed key of the pseudonyms.
const pseudonymKeyRow = "pseudonym_key"

var pseudonymKeyAD = []byte("meta/" + pseudonymKeyRow)

// pseudonymKey returns the key, and makes it the first time.
func (s *Store) pseudonymKey(ctx context.Context, tx *tx) ([]byte, error) {
	if err := s.followKeys(ctx, tx); err != nil {
		return nil, err
	}
	sealed, err := tx.metaBytes(ctx, pseudonymKeyRow)
	if err == nil {
		return s.vault.Open(sealed, pseudonymKeyAD)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading the pseudonyms' key: %w", err)
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return key, s.putPseudonymKey(ctx, tx, key)
}

func (s *Store) putPseudonymKey(ctx context.Context, tx *tx, key []byte) error {
	sealed, err := s.vault.Seal(key, pseudonymKeyAD)
	if err != nil {
		return err
	}
	return tx.putMeta(ctx, pseudonymKeyRow, sealed)
}

// resealPseudonymKey seals the key by the newest one of the keyset, where there is one.
func (s *Store) resealPseudonymKey(ctx context.Context, tx *tx) error {
	sealed, err := tx.metaBytes(ctx, pseudonymKeyRow)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	key, err := s.vault.Open(sealed, pseudonymKeyAD)
	if err != nil {
		return fmt.Errorf("opening the pseudonyms' key: %w", err)
	}
	defer clear(key)
	return s.putPseudonymKey(ctx, tx, key)
}
