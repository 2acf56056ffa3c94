package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SessionLifetime is how long the dashboard stays signed in.
const SessionLifetime = 8 * time.Hour

// maxSessions bounds the sessions of one tenant.
const maxSessions = 100

// ErrNoSession says that there is no session of that cookie, or that it has ended.
var ErrNoSession = errors.New("there is no such session")

// Session is a sign-in to the dashboard by a tenant key. It holds as long as the key does:
// its reader must look the key up.
type Session struct {
	Tenant string
	// Key is the digest of the tenant key.
	Key Digest
}

// BeginSession keeps a session under the digest of its cookie.
func (s *Store) BeginSession(ctx context.Context, cookie Digest, v Session) error {
	return s.update(ctx, "signing in", func(tx *sql.Tx) error {
		// The oldest go: who holds a key could fill the disk by signing in.
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE digest IN
			(SELECT digest FROM sessions WHERE tenant = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)`,
			v.Tenant, maxSessions-1); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (digest, tenant, key_digest, expires_at) VALUES (?, ?, ?, ?)`,
			cookie[:], v.Tenant, v.Key[:], s.now().Add(SessionLifetime).UnixMilli())
		if err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: SignedIn, Tenant: v.Tenant, Detail: "key " + fingerprint(v.Key[:])})
	})
}

// Session returns the session of a cookie, or ErrNoSession.
func (s *Store) Session(ctx context.Context, cookie Digest) (v Session, err error) {
	var key []byte
	err = s.pool.QueryRowContext(ctx, `SELECT tenant, key_digest FROM sessions WHERE digest = ? AND expires_at > ?`,
		cookie[:], s.now().UnixMilli()).Scan(&v.Tenant, &key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Session{}, ErrNoSession
	case err != nil:
		return Session{}, fmt.Errorf("reading a session: %w", err)
	}
	copy(v.Key[:], key)
	return v, nil
}

// EndSession signs out. A session that is gone already is fine.
func (s *Store) EndSession(ctx context.Context, cookie Digest) error {
	return s.update(ctx, "signing out", func(tx *sql.Tx) error {
		var tenant string
		err := tx.QueryRowContext(ctx, `DELETE FROM sessions WHERE digest = ? RETURNING tenant`, cookie[:]).Scan(&tenant)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: SignedOut, Tenant: tenant})
	})
}
