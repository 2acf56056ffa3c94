package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

const (
	// nodesPatience bounds how long a change of keys waits for all nodes, which read them each second.
	nodesPatience = 30 * time.Second
	// nodesInterval is how often it looks.
	nodesInterval = 100 * time.Millisecond
)

// NodesError says that a change of keys was given up, because a gateway has not read a key.
type NodesError struct {
	// Missing are the ids of the nodes: host name, process id and a random text.
	Missing []string
	// Key is what they have not read, as it is in an error message.
	Key string
}

// Error implements error.
func (e *NodesError) Error() string {
	return "these gateways do not have " + e.Key + ": " + strings.Join(e.Missing, ", ") +
		"; it seals nothing yet, see their logs, or stop them, and run the command again"
}

// RotateKeyset adds a key that seals from now on, and re-seals every row by it, in transactions of
// at most 100 connections. Other processes may go on working. The old keys stay in the keyset, so a
// rotation that was interrupted loses nothing; the next one goes on with what is left.
// Authorization requests are left to expire within the hour.
//
// Where the keyset is in the database, the key is first added, and seals when all nodes that are
// alive have read it; one that does not within 30 s is a *NodesError.
//
// resealed counts the rows, also when err is not nil. Rows that do not open are left as they are,
// and make an error that wraps [vault.ErrSealed] in the end.
func (s *Store) RotateKeyset(ctx context.Context) (resealed int, err error) {
	id, err := s.addKey(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.awaitNodes(ctx, keyToken(id), "the new key "+strconv.FormatUint(uint64(id), 10)); err != nil {
		return 0, fmt.Errorf("rotating the keyset: %w", err)
	}
	err = s.update(ctx, "rotating the keyset", func(tx *tx) error { return s.promoteKey(ctx, tx, id) })
	if err != nil {
		return 0, err
	}
	unopened := 0
	for _, reseal := range [...]func(context.Context, *tx, *batch) error{s.resealClients, s.reseal} {
		for b := (batch{}); !b.end; {
			if err := s.update(ctx, "re-sealing rows", func(tx *tx) error { return reseal(ctx, tx, &b) }); err != nil {
				return resealed, err
			}
			resealed, unopened = resealed+b.resealed, unopened+b.unopened
		}
	}
	if unopened > 0 {
		return resealed, fmt.Errorf("re-sealing rows: %d of them: %w", unopened, vault.ErrSealed)
	}
	return resealed, nil
}

// addKey adds a key to the keyset, or returns that of a rotation which is under way or was
// interrupted. In a file, which no node waits for, it seals at once.
func (s *Store) addKey(ctx context.Context) (id uint32, err error) {
	err = s.update(ctx, "adding a key to the keyset", func(tx *tx) error {
		if err := tx.lock(ctx, keysetLock); err != nil {
			return err
		}
		if err := s.follow(ctx, tx); err != nil {
			return err
		}
		in, err := s.keysetIn(ctx, tx)()
		if err != nil {
			return err
		}
		if in.InRow() {
			if id, err = pendingKey(ctx, tx); err != nil || id != 0 {
				return err
			}
		}
		if id, err = s.vault.Extend(in); err != nil {
			return err
		}
		if err := tx.putMeta(ctx, pendingKeyRow, int64(id)); err != nil || in.InRow() {
			return err
		}
		return s.promoteKey(ctx, tx, id)
	})
	return id, err
}

// promoteKey has a pending key seal, unless another process did so.
func (s *Store) promoteKey(ctx context.Context, tx *tx, id uint32) error {
	if err := tx.lock(ctx, keysetLock); err != nil {
		return err
	}
	pending, err := pendingKey(ctx, tx)
	if err != nil || pending != id {
		return err
	}
	if err := s.follow(ctx, tx); err != nil {
		return err
	}
	in, err := s.keysetIn(ctx, tx)()
	if err != nil {
		return err
	}
	if err := s.vault.Promote(in, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = ?`, pendingKeyRow); err != nil {
		return err
	}
	if err := s.resealPseudonymKey(ctx, tx); err != nil {
		return err
	}
	if err := s.record(ctx, tx, connect.AuditRow{Event: connect.KeysetRotated}); err != nil {
		return err
	}
	return s.putKeyCheck(ctx, tx)
}

// pendingKey is the id of the key that seals nothing yet, or 0.
func pendingKey(ctx context.Context, tx *tx) (id uint32, err error) {
	err = tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, pendingKeyRow).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the pending key's id: %w", err)
	}
	return id, nil
}

// KeySeal tells how the keyset in a database is sealed.
type KeySeal struct {
	// By is the fingerprint of the key-encryption key that seals it; empty where it is in a file.
	By string
	// Changed is true if another sealed it before.
	Changed bool
}

// ChangeKEK seals the keyset by the first key-encryption key of the store's. A live node that does
// not have that one is a *NodesError, and then nothing has changed.
func (s *Store) ChangeKEK(ctx context.Context) (k KeySeal, err error) {
	if len(s.o.KeyEncryptionKeys) == 0 {
		return k, errNoKEK
	}
	first := s.o.KeyEncryptionKeys[0]
	if err := s.awaitNodes(ctx, kekToken(first), "the key-encryption key "+first.Fingerprint()); err != nil {
		return k, fmt.Errorf("replacing the key-encryption key: %w", err)
	}
	err = s.update(ctx, "replacing the key-encryption key", func(tx *tx) error {
		if err := tx.lock(ctx, keysetLock); err != nil {
			return err
		}
		in, err := s.keysetIn(ctx, tx)()
		if err != nil {
			return err
		}
		if !in.InRow() {
			return errKeysetInFile
		}
		k.Changed, err = s.vault.ChangeKEK(in)
		k.By = first.Fingerprint()
		return err
	})
	return k, err
}

var (
	errNoKEK = errors.New("no key-encryption key is configured: " +
		"name the configuration that has key_encryption_key in its store block with --config")
	errKeysetInFile = errors.New("the keyset is in " + vault.FileName + " still: " +
		"start the gateway with key_encryption_key in its store block, or run `vendgate store upgrade`")
)

// KeySeal tells how the keyset is sealed.
func (s *Store) KeySeal(ctx context.Context) (k KeySeal, err error) {
	err = s.view(ctx, "reading the keyset", func(tx *tx) error {
		data, err := s.keysetInMeta(ctx, tx).Read()
		if err == nil && data != nil {
			k.By, err = vault.SealedBy(data)
		}
		return err
	})
	return k, err
}
