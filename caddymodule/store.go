package caddymodule

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
)

// Store says where tenants, connections, keys, links, sessions and the audit trail are kept, and
// how the keyset that seals them is. The zero Store is an SQLite database in data_dir, with its
// keyset in a file next to it.
type Store struct {
	// Postgres is a reference to the URL of a PostgreSQL server, which holds a password:
	// postgres://role:password@host:5432/database?sslmode=verify-full. Gateways with the same database
	// are one: any of them serves any call. Default: SQLite in data_dir, for gateways of one machine.
	Postgres string `json:"postgres,omitempty"`
	// ListenURL is a reference to a second URL of the same database, which reaches the server
	// directly: changes of keys are heard at once there. Without it, or through a pooler in
	// transaction mode, they take effect within a second. Default: none.
	ListenURL string `json:"listen_url,omitempty"`
	// KeyEncryptionKeys are references to one key, or two while it is replaced, of
	// `vendgate keyset kek create`, or addresses of keys in a key management service that this build
	// knows. The first seals the keyset, which is then kept in the database; each opens it. PostgreSQL
	// needs one. Losing them loses every connection. Default: none, so that the keyset is in a file.
	KeyEncryptionKeys []string `json:"key_encryption_keys,omitempty"`
}

// maxKEKs is how many key-encryption keys there are while one is replaced.
const maxKEKs = 2

// serviceKey is the address of a key in a key management service, which is not secret.
var serviceKey = regexp.MustCompile(`^[a-z][a-z0-9-]*-kms://\S+$`)

func (s *Store) parse(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{
		"postgres": secret(&s.Postgres), "listen_url": secret(&s.ListenURL), "key_encryption_key": s.parseKeys,
	})
}

// parseKeys reads `key_encryption_key KEY [OLD_KEY]`.
func (s *Store) parseKeys(d *caddyfile.Dispenser) error {
	if s.KeyEncryptionKeys = d.RemainingArgs(); len(s.KeyEncryptionKeys) == 0 {
		return missing(d, "key_encryption_key", "{file./path}")
	}
	return located(d, s.checkKeys())
}

func (s *Store) checkKeys() error {
	for _, ref := range s.KeyEncryptionKeys {
		if err := secretref.Check(ref); err != nil && !serviceKey.MatchString(ref) {
			return fmt.Errorf("key_encryption_key: %w", err)
		}
	}
	if len(s.KeyEncryptionKeys) > maxKEKs {
		return errors.New("key_encryption_key has more than two keys: " +
			"write the one that seals, and the one that it replaces until `vendgate keyset kek rotate` has run")
	}
	return nil
}

// check finds what is wrong without reading a secret.
func (s *Store) check() error {
	switch {
	case s.Postgres == "" && s.ListenURL != "":
		return errors.New("listen_url is for PostgreSQL: write postgres as well, or leave it out")
	case s.Postgres != "" && len(s.KeyEncryptionKeys) == 0:
		return errors.New("postgres needs a key_encryption_key, because the keyset is kept in the database: " +
			"create one with `vendgate keyset kek create --out FILE`, and write key_encryption_key {file.FILE}")
	}
	for option, ref := range map[string]string{"postgres": s.Postgres, "listen_url": s.ListenURL} {
		if ref != "" {
			if err := secretref.Check(ref); err != nil {
				return fmt.Errorf("%s: %w", option, err)
			}
		}
	}
	return s.checkKeys()
}

// databaseURL reads a URL of PostgreSQL. What is wrong with the rest of it is for its driver to
// say.
func databaseURL(option, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	secret, err := secretref.Resolve(ref)
	if err != nil {
		return "", fmt.Errorf("%s: %w", option, err)
	}
	text := strings.TrimSpace(secret.Reveal())
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return "", fmt.Errorf("%s: %s is not the URL of a PostgreSQL server: "+
			"write postgres://role:password@host:5432/database?sslmode=verify-full into it", option, ref)
	}
	return text, nil
}

// keys reads the key-encryption keys.
func (s *Store) keys() (keks []vault.KEK, err error) {
	for _, ref := range s.KeyEncryptionKeys {
		text := ref
		if !serviceKey.MatchString(ref) {
			secret, err := secretref.Resolve(ref)
			if err != nil {
				return nil, fmt.Errorf("key_encryption_key: %w", err)
			}
			text = secret.Reveal()
		}
		kek, err := vault.ParseKEK(text)
		if err != nil {
			return nil, fmt.Errorf("key_encryption_key %s: %w", ref, err)
		}
		for _, other := range keks {
			if other.Fingerprint() == kek.Fingerprint() {
				return nil, errors.New("key_encryption_key: both keys are the same: leave one out")
			}
		}
		keks = append(keks, kek)
	}
	return keks, nil
}

// StoreDir returns the directory of an SQLite store and its keyset: DataDir, or its default.
func (a *App) StoreDir() string {
	return cmp.Or(a.DataDir, filepath.Join(caddy.AppDataDir(), "vendgate"))
}

// StoreOptions say which store the configuration names. They hold its secrets, which are read here.
func (a *App) StoreOptions() (o store.Options, err error) {
	if err := a.Store.check(); err != nil {
		return o, fmt.Errorf("store: %w", err)
	}
	if o.Dir, err = filepath.Abs(a.StoreDir()); err != nil {
		return o, fmt.Errorf("data_dir: %w", err)
	}
	if o.Postgres, err = databaseURL("postgres", a.Store.Postgres); err == nil {
		o.ListenURL, err = databaseURL("listen_url", a.Store.ListenURL)
	}
	if err == nil {
		o.KeyEncryptionKeys, err = a.Store.keys()
	}
	if err != nil {
		return store.Options{}, fmt.Errorf("store: %w", err)
	}
	return o, nil
}

// stores are shared by all configurations that use the same store, across reloads.
var stores = caddy.NewUsagePool()

type pooledStore struct{ *store.Store }

func (s pooledStore) Destruct() error { return s.Close() }

// storeKey tells stores apart: by their directory, and by a digest of what else they are opened
// with.
func storeKey(o store.Options) string {
	if o.Postgres == "" && o.KeyEncryptionKeys == nil {
		return o.Dir
	}
	h := sha256.New()
	for _, s := range []string{o.Postgres, o.ListenURL, fmt.Sprint(o.KeyEncryptionKeys)} {
		_, _ = fmt.Fprintf(h, "%d %s", len(s), s) // a hash takes all
	}
	return fmt.Sprintf("%s %x", o.Dir, h.Sum(nil))
}

// openStore takes the store that the configuration names, and checks what is there. It is opened,
// or made, when the app starts or when a request needs it before that: a configuration that is only
// validated writes nothing.
func (g *assembly) openStore(ctx caddy.Context, a *App) error {
	if g.store != nil {
		return nil
	}
	o, err := a.StoreOptions()
	if err != nil {
		return at(a.DefinedAt["store"], err)
	}
	o.Logger = slog.New(slog.DiscardHandler) // the store outlives this configuration and its logger
	o.Observe = g.metrics.StoreObserver()
	key := storeKey(o)
	pooled, _, err := stores.LoadOrNew(key, func() (caddy.Destructor, error) {
		s, err := store.New(o)
		return pooledStore{s}, err
	})
	if err != nil {
		return err
	}
	g.onClose(func() error { _, err := stores.Delete(key); return err })
	g.store = pooled.(pooledStore).Store
	if err := g.store.Inspect(ctx); err != nil {
		return at(a.DefinedAt["store"], err)
	}
	return g.observeStore()
}

// observeStore adds the store's metrics.
func (g *assembly) observeStore() error {
	if err := g.metrics.ObserveStore(g.store.ConnectionCounts, g.catalog.Has); err != nil {
		return err
	}
	return g.metrics.ObserveState(func() bool { return g.keyring.StoreUp() }, g.store.Pool)
}

const (
	// beatInterval is how often this process says that it serves calls from the store.
	beatInterval = time.Second
	// beatTimeout bounds that.
	beatTimeout = 5 * time.Second
)

// beat says in the store that this process serves calls from it, until ctx ends. What keeps it from
// that is logged when it begins and when it ends.
func (g *assembly) beat(ctx context.Context) {
	if g.store == nil {
		return
	}
	tick := time.NewTicker(beatInterval)
	defer tick.Stop()
	for failed := false; ; {
		once, cancel := context.WithTimeout(ctx, beatTimeout)
		err := g.store.Beat(once)
		cancel()
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil && !failed:
			g.log.Error("other gateways do not know of this one, or it cannot read the keyset", "error", err)
		case err == nil && failed:
			g.log.Info("other gateways know of this one again, and it has read the keyset")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
