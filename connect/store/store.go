// Package store keeps tenants, connections and all that belongs to them in a database, with the
// grants sealed by package vault. All SQL of the program is here.
//
// It must never write a credential or a tenant key in the clear, never keep a decrypted grant
// between two calls, and never open a grant for another tenant, end user or app than the one it
// was sealed for.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/broadcast"
)

// Why a store is not opened. Each leaves all files as they were.
var (
	// ErrClosed is returned by calls on a store that was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrNoStore is of a directory without a store, where none may be made.
	ErrNoStore      = errors.New("there is no store in the directory")
	errPostgresKEK  = errors.New("a store in PostgreSQL needs a key_encryption_key, which seals the keyset in it")
	errNotDirectory = errors.New("it is a file: name the directory of the store")
	// ErrReplacing says that a restore puts another store in the place of this one.
	ErrReplacing = errors.New(
		"the store is being replaced by `vendgate store restore`, or moved by `vendgate store migrate`: " +
			"wait until that has ended")
	// ErrRestoreInterrupted says that a restore ended half-way. An empty store in the place of the one
	// that it moved aside would look as if all had been lost.
	ErrRestoreInterrupted = errors.New("a restore of this store was interrupted: run `vendgate store restore` again")
)

// Options say where a store lives.
type Options struct {
	// Dir holds the database of SQLite and its keyset. It is made with mode 0700 if it does not exist.
	Dir string
	// KeyEncryptionKeys open the keyset in the database, and the first seals a new one. Without any,
	// the keyset is in a file in Dir; PostgreSQL needs one. A database whose keyset is sealed by
	// another is a *vault.KEKError.
	KeyEncryptionKeys []vault.KEK
	// Existing makes a directory without a store ErrNoStore; else the store is made.
	Existing bool
	// KeepSchema makes a database of an older version ErrOlderSchema; else it is upgraded, and kept as
	// it was in a copy.
	KeepSchema bool
	// Recheck has the whole database looked through in the background, if the last that opened it with
	// Recheck was killed, or its machine; damage goes to Logger. It is for gateways.
	Recheck bool
	// alone keeps all others from an SQLite store for as long as it is open; ErrInUse if it is open.
	alone bool
	// Logger receives what no caller can be told; nil discards it.
	Logger *slog.Logger
	// Postgres is the URL of a PostgreSQL database that holds the store in the place of one in Dir, as
	// pgx reads it (https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#ParseConfig). It is secret.
	Postgres string
	// ListenURL is that of the same database by which changes are heard of, if Postgres leads to a
	// pooler. It is secret.
	ListenURL string
	// Observe, if not nil, is told how long each operation of the database took, from many goroutines:
	// one of Operations. Those that a lost database server did not answer are not among them.
	Observe func(operation string, took time.Duration)
	// Now is the clock of timestamps and refresh leases; nil means time.Now. Processes that share Dir
	// are on one machine, and so have one clock. A second's difference between them does no harm.
	Now func() time.Time
}

// What Options.Observe is told of: the read that each vend waits for, all others, and transactions
// that write.
const (
	opGrant = "grant"
	opRead  = "read"
	opWrite = "write"
)

// Operations are what Options.Observe is told of.
func Operations() []string { return []string{opGrant, opRead, opWrite} }

// Store keeps tenants and connections in one database, with the grants sealed. Several stores, in
// one process or in several on the same machine, may share a directory with SQLite; in PostgreSQL
// they may be on any number of machines.
type Store struct {
	log   *slog.Logger
	now   func() time.Time
	vault *vault.Vault
	o     Options

	// opening is held while the store is opened, and while it is closed; ready is true once it is
	// open.
	opening  sync.Mutex
	ready    atomic.Bool
	upgraded Upgrade

	// node is this process's row of nodes, and patience how long a change of keys waits for others.
	node     *node
	patience time.Duration

	db       dialect
	changes  broadcast.Broadcast // of SQLite
	closed   chan struct{}
	closing  sync.Once
	closeErr error
}

// Open opens the store in o.Dir, and makes it if there is none. It never overwrites what it finds:
// a database without its keyset, a keyset of another database, a damaged database or one of a newer
// version is an error (vault.ErrKeysetMissing, vault.ErrKeysetMismatch, ErrDamaged,
// ErrNewerSchema), and so are a keyset that others than its owner may read (vault.ErrKeysetExposed)
// and files of another user (*privatefile.OwnerError).
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close()) //nolint:contextcheck // it bounds its own
	}
	return s, nil
}

// New returns the store in o.Dir, which is opened when it is first used, as Open does; until then
// nothing is read or written.
func New(o Options) (*Store, error) {
	if o.Postgres != "" && len(o.KeyEncryptionKeys) == 0 {
		return nil, errPostgresKEK
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", o.Dir, err)
	}
	o.Dir = dir
	s := &Store{
		o:        o,
		log:      o.Logger,
		now:      o.Now,
		node:     newNode(),
		patience: nodesPatience,
		closed:   make(chan struct{}),
	}
	s.vault = vault.New(s.keysetNow)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.onPostgres() {
		s.db, err = newPostgres(s)
	} else {
		s.db, err = newSQLite(s)
	}
	if err != nil {
		return nil, s.notOpened(err)
	}
	return s, nil
}

// Ready opens the store, unless it is open already. Its errors are those of Open; a store that
// could not be opened is tried again at the next use.
func (s *Store) Ready(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.ready.Load() {
		return nil
	}
	u, err := s.db.open(context.WithoutCancel(ctx)) // the others wait for it too
	if err != nil {
		return s.notOpened(explainDamage(err))
	}
	s.upgraded = u
	s.ready.Store(true)
	return nil
}

// notOpened says where the store is that is not opened. The URL holds a password.
func (s *Store) notOpened(err error) error {
	if s.o.Postgres != "" {
		return fmt.Errorf("opening the store in PostgreSQL: %w", err)
	}
	return fmt.Errorf("opening the store in %s: %w", s.o.Dir, err)
}

// Changed returns a channel that receives soon after a tenant or a key was changed, until ctx ends:
// by this store at once, by other processes as far as the database tells of it. It hurries those
// who ask for TenantsVersion, and takes its place for none: of SQLite, and through a pooler,
// nothing is heard of other processes.
func (s *Store) Changed(ctx context.Context) <-chan struct{} {
	if p, ok := s.db.(*postgresDB); ok {
		return p.server.Changed(ctx)
	}
	return s.changes.Subscribe(ctx)
}

// Available is ErrUnavailable while a database server is known to be lost. It asks for nothing.
func (s *Store) Available() error {
	if p, ok := s.db.(*postgresDB); ok {
		return p.server.Up()
	}
	return nil
}

// Pool is how many connections to a database server there are, and may be.
type Pool = pgserver.Pool

// Pool returns how many connections to a database server there are and may be; false for SQLite.
func (s *Store) Pool() (pool Pool, ok bool) {
	if p, isServer := s.db.(*postgresDB); isServer {
		return p.server.Pool(), true
	}
	return pool, false
}

// observe tells of an operation that has ended by err.
func (s *Store) observe(operation string, began time.Time, err error) {
	if s.o.Observe != nil && !errors.Is(err, ErrUnavailable) {
		s.o.Observe(operation, time.Since(began))
	}
}

// announce tells this process of a change that the store has made.
func (s *Store) announce() {
	if p, ok := s.db.(*postgresDB); ok {
		p.server.Signal()
		return
	}
	s.changes.Signal()
}

// IsReady reports whether the store is open.
func (s *Store) IsReady() bool { return s.ready.Load() }

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.o.Dir }

// Place says where the store is, for messages: its directory, or the database and its server. It
// holds no role and no password.
func (s *Store) Place() string {
	if p, ok := s.db.(*postgresDB); ok {
		return p.server.Place()
	}
	return s.o.Dir
}

// Upgraded tells, once, what opening the store changed of its schema; the zero Upgrade is nothing.
func (s *Store) Upgraded() (u Upgrade) {
	s.opening.Lock()
	defer s.opening.Unlock()
	u, s.upgraded = s.upgraded, u
	return u
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Close waits for reads under way and closes the database. Calls after it return ErrClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.leave()
		close(s.closed)
		if err := s.db.close(); err != nil {
			s.closeErr = fmt.Errorf("closing the store: %w", err)
		}
	})
	return s.closeErr
}
