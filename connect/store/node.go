package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/version"
)

const (
	// nodeInterval is how often a node that has nothing to say writes its row.
	nodeInterval = 3 * time.Second
	// nodeDead is how long after its last row a node is dead.
	nodeDead = 10 * time.Second
	// nodeForgotten is when another node deletes the row of one that died.
	nodeForgotten = time.Hour
	// leaveTimeout bounds how long the end of a process waits for its row to be deleted.
	leaveTimeout = 2 * time.Second
)

// node is this process among those that serve calls from the database.
type node struct {
	id string

	mu      sync.Mutex
	started int64
	// written is when the row was written, and keys what it says.
	written time.Time
	keys    string
	gone    bool
}

// newNode names a node so that an operator finds the process, and no two are the same.
func newNode() *node {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &node{id: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])}
}

// Beat says in the database that this process serves calls from it, and which keys it has read: it
// reads those that were added. A gateway calls it each second; Close ends it. Where the keyset is
// in a file it does nothing.
func (s *Store) Beat(ctx context.Context) error {
	if len(s.o.KeyEncryptionKeys) == 0 {
		return nil
	}
	n := s.node
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.gone {
		return ErrClosed
	}
	learnt := s.learnKeys(ctx) // of one that cannot, the others must know
	keys := s.keyTokens()
	if now := s.now(); keys != n.keys || now.Sub(n.written) >= nodeInterval || now.Before(n.written) {
		if err := s.update(ctx, "recording this node", func(tx *tx) error { return s.putNode(ctx, tx, keys) }); err != nil {
			return errors.Join(learnt, err)
		}
		n.written, n.keys = now, keys
	}
	return learnt
}

// learnKeys reads the keyset if it has a key that this process does not know, or if another seals.
func (s *Store) learnKeys(ctx context.Context) error {
	return s.view(ctx, "reading the keyset", func(tx *tx) error {
		pending, err := pendingKey(ctx, tx)
		if err == nil && pending != 0 {
			err = s.vault.Learn(pending, s.keysetIn(ctx, tx))
		}
		if err != nil {
			return err
		}
		primary, err := primaryKey(ctx, tx)
		if err != nil {
			return err
		}
		return s.vault.Follow(primary, s.keysetIn(ctx, tx))
	})
}

func (s *Store) putNode(ctx context.Context, tx *tx, keys string) error {
	now, err := s.clock(ctx, tx)
	if err != nil {
		return err
	}
	if s.node.started == 0 {
		s.node.started = now
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO nodes (id, started_at, seen_at, version, schema, keys)
		VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, keys = excluded.keys`,
		s.node.id, s.node.started, now, version.Get().Version, s.schemaVersion(), keys)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM nodes WHERE seen_at < ?`, now-nodeForgotten.Milliseconds())
	return err
}

// clock is the time in milliseconds, by the clock that all nodes share.
func (s *Store) clock(ctx context.Context, tx *tx) (now int64, err error) {
	if !s.onPostgres() {
		return s.now().UnixMilli(), nil
	}
	err = tx.QueryRowContext(ctx, `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`).Scan(&now)
	if err != nil {
		return 0, fmt.Errorf("reading the database's clock: %w", err)
	}
	return now, nil
}

// leave deletes the row of this node. One that cannot be deleted is dead soon.
func (s *Store) leave() {
	n := s.node
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	if n.written.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	err := s.update(ctx, "leaving the nodes", func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM nodes WHERE id = ?`, n.id)
		return err
	})
	if err != nil {
		s.log.Warn("this gateway seems alive to others for 10 s", "error", err)
	}
}

// keyToken is how a row of nodes names a key of the keyset, and kekToken a key-encryption key.
func keyToken(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func kekToken(k vault.KEK) string { return "kek:" + k.Fingerprint() }

// keyTokens are the keys that this process has.
func (s *Store) keyTokens() string {
	var tokens []string
	for _, id := range s.vault.Keys() {
		tokens = append(tokens, keyToken(id))
	}
	for _, k := range s.o.KeyEncryptionKeys {
		tokens = append(tokens, kekToken(k))
	}
	return strings.Join(tokens, " ")
}

// awaitNodes waits until each node that is alive has a key; called is what that is to an operator.
func (s *Store) awaitNodes(ctx context.Context, token, called string) error {
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	again := time.NewTicker(nodesInterval)
	defer again.Stop()
	for {
		missing, err := s.nodesWithout(ctx, token)
		if err != nil || len(missing) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return &NodesError{missing, called}
		case <-again.C:
		}
	}
}

// nodesWithout lists the live nodes that do not have a key.
func (s *Store) nodesWithout(ctx context.Context, token string) (missing []string, err error) {
	err = s.view(ctx, "reading the nodes", func(tx *tx) (err error) {
		now, err := s.clock(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT id, keys FROM nodes WHERE seen_at >= ? ORDER BY id`,
			now-nodeDead.Milliseconds())
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var id, keys string
			if err := rows.Scan(&id, &keys); err != nil {
				return err
			}
			if !slices.Contains(strings.Fields(keys), token) {
				missing = append(missing, id)
			}
		}
		return rows.Err()
	})
	return missing, err
}

// schemaVersion is the version of the schema that this program makes.
func (s *Store) schemaVersion() int {
	if s.onPostgres() {
		return len(postgresMigrations)
	}
	return len(migrations)
}
