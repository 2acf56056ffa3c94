package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

const (
	// authRequestLifetime is how long the end user may take at the provider.
	authRequestLifetime = time.Hour
	// maxAuthRequests bounds the pending requests of one link; the oldest go.
	maxAuthRequests = 20
)

// sealedAuthRequest is what the vault seals of a request.
type sealedAuthRequest struct {
	Verifier    string          `json:"verifier"`
	RedirectURI string          `json:"redirect_uri"`
	Fields      []vending.Field `json:"fields,omitempty"`
}

// authRequestAD binds the secrets of a request to its state, link and browser. Its first word is
// that of stored ciphertexts, and so is never changed.
func authRequestAD(state, link, browser connect.Digest) []byte {
	return slices.Concat([]byte("attempt"), state[:], link[:], browser[:])
}

// CreateAuthRequest keeps a request until the provider sends the browser back with state. A link
// that cannot be used is ErrLinkEnded, and what is too large to be kept a *vending.Error with
// `invalid_request`.
func (s *Store) CreateAuthRequest(ctx context.Context, state, browser connect.Digest, a connect.AuthRequest) error {
	return s.update(ctx, "storing an authorization request", func(tx *tx) error {
		if _, err := s.lockedLink(ctx, tx, a.Link); err != nil {
			return err
		}
		if err := s.followKeys(ctx, tx); err != nil {
			return err
		}
		sealed, err := s.sealAuthRequest(state, browser, a)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE state IN
			(SELECT state FROM attempts WHERE link = ? ORDER BY expires_at DESC LIMIT 9223372036854775807 OFFSET ?)`,
			a.Link[:], maxAuthRequests-1); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO attempts (state, link, browser, sealed, expires_at)
			VALUES (?, ?, ?, ?, ?)`,
			state[:], a.Link[:], browser[:], sealed, s.now().Add(authRequestLifetime).UnixMilli())
		return err
	})
}

func (s *Store) sealAuthRequest(state, browser connect.Digest, a connect.AuthRequest) ([]byte, error) {
	plain, err := json.Marshal(sealedAuthRequest{a.Verifier.Reveal(), a.RedirectURI, a.Fields})
	if err != nil {
		return nil, errors.New("an authorization request cannot be encoded") // the text at hand is its fields
	}
	defer clear(plain)
	if len(plain) > connect.MaxGrant {
		return nil, connect.Invalid(fmt.Sprintf("fields: may take at most %d bytes", connect.MaxGrant))
	}
	return s.vault.Seal(plain, authRequestAD(state, a.Link, browser))
}

// ConsumeAuthRequest returns the request of a state and removes it, so that a callback works once.
// One of another browser stays, and is ErrNoAuthRequest as an unknown one is: an attacker who lures
// a victim to their callback neither succeeds nor spoils anything. So is one whose link has ended:
// the provider need not be asked for a grant that could not be stored.
func (s *Store) ConsumeAuthRequest(ctx context.Context, state, browser connect.Digest) (a connect.AuthRequest,
	err error) {
	var exists bool
	err = s.queryRow(ctx, `SELECT EXISTS (SELECT 1 FROM attempts WHERE state = ? AND browser = ?)`,
		state[:], browser[:]).Scan(&exists)
	switch {
	case err != nil:
		return connect.AuthRequest{}, fmt.Errorf("reading an authorization request: %w", err)
	case !exists:
		return connect.AuthRequest{}, connect.ErrNoAuthRequest // guesses must not wait for the database's one writer
	}
	var link, sealed []byte
	err = s.update(ctx, "consuming an authorization request", func(tx *tx) error {
		err := tx.QueryRowContext(ctx, `DELETE FROM attempts `+pendingAuthRequest+` RETURNING link, sealed`,
			state[:], browser[:], s.now().UnixMilli()).Scan(&link, &sealed)
		if errors.Is(err, sql.ErrNoRows) {
			err = connect.ErrNoAuthRequest
		}
		return err
	})
	if err != nil {
		return connect.AuthRequest{}, err
	}
	return s.openAuthRequest(state, browser, connect.Digest(link), sealed)
}

// pendingAuthRequest selects a request of a link that can still be used; it takes the state, the
// browser and the time.
const pendingAuthRequest = `WHERE state = ?1 AND browser = ?2 AND expires_at > ?3 AND EXISTS
	(SELECT 1 FROM links l WHERE l.digest = attempts.link AND l.status = 'pending' AND l.expires_at > ?3)`

// AuthRequest returns what ConsumeAuthRequest would, and does not remove it.
func (s *Store) AuthRequest(ctx context.Context, state, browser connect.Digest) (connect.AuthRequest, error) {
	var link, sealed []byte
	err := s.queryRow(ctx, `SELECT link, sealed FROM attempts `+pendingAuthRequest,
		state[:], browser[:], s.now().UnixMilli()).Scan(&link, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return connect.AuthRequest{}, connect.ErrNoAuthRequest
	case err != nil:
		return connect.AuthRequest{}, fmt.Errorf("reading an authorization request: %w", err)
	}
	return s.openAuthRequest(state, browser, connect.Digest(link), sealed)
}

func (s *Store) openAuthRequest(state, browser, link connect.Digest, sealed []byte) (connect.AuthRequest, error) {
	plain, err := s.vault.Open(sealed, authRequestAD(state, link, browser))
	if err != nil {
		return connect.AuthRequest{}, fmt.Errorf("opening an authorization request: %w", err)
	}
	defer clear(plain)
	var v sealedAuthRequest
	if err := json.Unmarshal(plain, &v); err != nil {
		return connect.AuthRequest{}, errors.New("an authorization request has an unknown encoding")
	}
	return connect.AuthRequest{Link: link, Verifier: vending.NewSecret(v.Verifier), RedirectURI: v.RedirectURI,
			Fields: v.Fields},
		nil
}
