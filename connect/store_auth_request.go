package connect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vendgate/vendgate/vending"
)

const (
	// attemptLifetime is how long the end user may take at the provider.
	attemptLifetime = time.Hour
	// maxAttempts bounds the attempts of one link that are under way; the oldest go.
	maxAttempts = 20
)

// sealedAttempt is what the vault seals of an attempt.
type sealedAttempt struct {
	Verifier    string          `json:"verifier"`
	RedirectURI string          `json:"redirect_uri"`
	Fields      []vending.Field `json:"fields,omitempty"`
}

// attemptAD binds the secrets of an attempt to its state, link and browser.
func attemptAD(state, link, browser Digest) []byte {
	return slices.Concat([]byte("attempt"), state[:], link[:], browser[:])
}

// CreateAuthRequest keeps an attempt until the provider sends the browser back with state. A link
// that cannot be used is ErrLinkEnded, and what is too large to be kept a *vending.Error with
// `invalid_request`.
func (s *Store) CreateAuthRequest(ctx context.Context, state, browser Digest, a AuthRequest) error {
	return s.update(ctx, "beginning an authorization", func(tx *sql.Tx) error {
		if _, err := s.pendingLink(ctx, tx, a.Link); err != nil {
			return err
		}
		if err := s.followKeys(ctx, tx); err != nil {
			return err
		}
		sealed, err := s.sealAttempt(state, browser, a)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE state IN
			(SELECT state FROM attempts WHERE link = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)`, a.Link[:], maxAttempts-1); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO attempts (state, link, browser, sealed, expires_at) VALUES (?, ?, ?, ?, ?)`,
			state[:], a.Link[:], browser[:], sealed, s.now().Add(attemptLifetime).UnixMilli())
		return err
	})
}

func (s *Store) sealAttempt(state, browser Digest, a AuthRequest) ([]byte, error) {
	plain, err := json.Marshal(sealedAttempt{a.Verifier.Reveal(), a.RedirectURI, a.Fields})
	if err != nil {
		return nil, errors.New("an attempt cannot be encoded") // the text at hand is its fields
	}
	defer clear(plain)
	if len(plain) > maxGrant {
		return nil, invalid(fmt.Sprintf("fields: may take at most %d bytes", maxGrant))
	}
	return s.vault.Seal(plain, attemptAD(state, a.Link, browser))
}

// TakeAttempt returns the attempt of a state and removes it, so that a callback works once. One of
// another browser stays, and is ErrNoAuthRequest as an unknown one is: whoever lures a victim to a
// callback of their own neither succeeds nor spoils anything. So is one whose link has ended: the
// provider need not be asked for a grant that could not be stored.
func (s *Store) TakeAttempt(ctx context.Context, state, browser Digest) (a AuthRequest, err error) {
	var there bool
	err = s.pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM attempts WHERE state = ? AND browser = ?)`, state[:],
		browser[:]).Scan(&there)
	switch {
	case err != nil:
		return AuthRequest{}, fmt.Errorf("looking for an authorization: %w", err)
	case !there:
		return AuthRequest{}, ErrNoAuthRequest // and no stranger's guess waits for the database's one writer
	}
	var link, sealed []byte
	err = s.update(ctx, "finishing an authorization", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `DELETE FROM attempts WHERE state = ?1 AND browser = ?2 AND expires_at > ?3
			AND EXISTS (SELECT 1 FROM links l WHERE l.digest = attempts.link AND l.status = 'pending' AND l.expires_at > ?3) RETURNING link, sealed`,
			state[:], browser[:], s.now().UnixMilli()).Scan(&link, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			err = ErrNoAuthRequest
		}
		return err
	})
	if err != nil {
		return AuthRequest{}, err
	}
	return s.openAttempt(state, browser, Digest(link), sealed)
}

// Attempt returns what TakeAttempt would, and leaves it where it is.
func (s *Store) Attempt(ctx context.Context, state, browser Digest) (AuthRequest, error) {
	var link, sealed []byte
	err := s.pool.QueryRowContext(ctx, `SELECT link, sealed FROM attempts WHERE state = ?1 AND browser = ?2 AND expires_at > ?3
		AND EXISTS (SELECT 1 FROM links l WHERE l.digest = attempts.link AND l.status = 'pending' AND l.expires_at > ?3)`,
		state[:], browser[:], s.now().UnixMilli()).Scan(&link, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return AuthRequest{}, ErrNoAuthRequest
	case err != nil:
		return AuthRequest{}, fmt.Errorf("looking for an authorization: %w", err)
	}
	return s.openAttempt(state, browser, Digest(link), sealed)
}

func (s *Store) openAttempt(state, browser, link Digest, sealed []byte) (AuthRequest, error) {
	plain, err := s.vault.Open(sealed, attemptAD(state, link, browser))
	if err != nil {
		return AuthRequest{}, fmt.Errorf("opening an attempt: %w", err)
	}
	defer clear(plain)
	var v sealedAttempt
	if err := json.Unmarshal(plain, &v); err != nil {
		return AuthRequest{}, errors.New("an attempt has an unknown encoding")
	}
	return AuthRequest{Link: link, Verifier: vending.NewSecret(v.Verifier), RedirectURI: v.RedirectURI, Fields: v.Fields},
		nil
}
