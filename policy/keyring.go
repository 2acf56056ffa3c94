package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Digest is the SHA-256 of a tenant key: all that is ever kept of one.
type Digest [sha256.Size]byte

// DigestOf returns the digest of key. Looking a digest up in a map needs no constant-time compare:
// who could steer a digest bit by bit would have broken SHA-256.
func DigestOf(key string) Digest { return sha256.Sum256([]byte(key)) }

// ParseDigest reads a digest from 64 hexadecimal digits.
func ParseDigest(s string) (Digest, error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != sha256.Size {
		return Digest{}, fmt.Errorf("a key digest must be the SHA-256 of the key in 64 hexadecimal digits")
	}
	return Digest(b), nil
}

// KeyPrefix begins every tenant key.
const KeyPrefix = "pk_live_"

// minKeyRandom is how many characters must follow the prefix of a key that an operator configures:
// 22 of base62 are 128 bits. Keys that we mint have 43.
const minKeyRandom = 22

// CheckKey reports what is wrong with a configured tenant key, without repeating it.
func CheckKey(key string) error {
	random, ok := strings.CutPrefix(key, KeyPrefix)
	if !ok || len(random) < minKeyRandom {
		return fmt.Errorf("a tenant key must be %s and at least %d random characters: `vendgate tenant create` makes one",
			KeyPrefix, minKeyRandom)
	}
	for i := range len(random) {
		if c := random[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return fmt.Errorf("a tenant key must have only letters and digits after %s: look for a line break at its end",
				KeyPrefix)
		}
	}
	return nil
}

// KeyStore is where tenants and keys live that come and go without a reload.
type KeyStore interface {
	// TenantsVersion changes whenever a tenant or a key does. It is asked every second, so it must be
	// cheap.
	TenantsVersion(ctx context.Context) (int64, error)
	// TenantKeys returns all that there is as of some version.
	TenantKeys(ctx context.Context) (Stored, error)
}

// Announcer is a [KeyStore] that tells of changes as they happen. It may miss some: the store is
// asked each second all the same.
type Announcer interface {
	// Changed returns a channel that receives when something may have changed, until ctx ends; one
	// that never receives may be nil.
	Changed(ctx context.Context) <-chan struct{}
}

// Stored is what a [KeyStore] holds.
type Stored struct {
	Version int64
	Tenants []StoredTenant
	// Callers are the caller keys by digest; those that were revoked are not among them.
	Callers map[Digest]*CallerKey
}

// StoredTenant is a tenant of a [KeyStore].
type StoredTenant struct {
	ID string
	// Source names the tenant's source; empty means the configuration's default.
	Source       string
	Capabilities []Capability
	Disabled     bool
	Keys         []Digest
}

// Keyring finds the tenant of a key. Lookups read one snapshot and take no lock.
type Keyring struct {
	configured map[Digest]*Tenant
	store      KeyStore
	admit      func(StoredTenant) *Tenant
	log        *slog.Logger

	snapshot atomic.Pointer[snapshot]
	reload   sync.Mutex
	checked  atomic.Int64  // when the store was last asked, in Unix nanoseconds
	asking   chan struct{} // holds a value while a miss asks the store
}

type snapshot struct {
	version int64
	tenants map[Digest]*Tenant
	byID    map[string]*Tenant
	callers map[Digest]*CallerKey
}

// newSnapshot makes a snapshot of tenants by the digests of their live keys. Of a tenant that has
// keys in the store and in the configuration, the one of the configuration goes by its id.
func (k *Keyring) newSnapshot(version int64, tenants map[Digest]*Tenant, callers map[Digest]*CallerKey) *snapshot {
	s := &snapshot{version: version, tenants: tenants, byID: make(map[string]*Tenant, len(tenants)), callers: callers}
	for _, t := range tenants {
		s.byID[t.ID] = t
	}
	for d, t := range k.configured {
		if tenants[d] == t {
			s.byID[t.ID] = t
		}
	}
	return s
}

const (
	// pollEvery bounds how long a key that another process retired still works.
	pollEvery = time.Second
	// missEvery bounds how often unknown keys can make us ask the store.
	missEvery = 100 * time.Millisecond
)

// NewKeyring returns a keyring over the configured keys and, if store is not nil, over those of the
// store, which is first asked by Load or by the first lookup. admit turns a stored tenant into one
// with its policy.
func NewKeyring(configured map[Digest]*Tenant, store KeyStore, admit func(StoredTenant) *Tenant,
	log *slog.Logger) *Keyring {
	k := &Keyring{configured: configured, store: store, admit: admit, log: log, asking: make(chan struct{}, 1)}
	if store == nil {
		k.snapshot.Store(k.newSnapshot(0, configured, nil))
	} else {
		// No key is live before the store has said whose tenants are disabled.
		k.snapshot.Store(k.newSnapshot(unread, nil, nil))
	}
	return k
}

// unread is the version of a store that was not asked yet.
const unread = -1

// Load asks the store, unless it was asked before.
func (k *Keyring) Load(ctx context.Context) error {
	if k.snapshot.Load().version != unread {
		return nil
	}
	return k.load(ctx)
}

// Lookup returns the tenant whose key has digest d, or nil.
func (k *Keyring) Lookup(ctx context.Context, d Digest) *Tenant {
	if t := k.snapshot.Load().tenants[d]; t != nil || k.store == nil {
		return t
	}
	// The key may have been minted a moment ago, by this process or another.
	k.ask(ctx)
	return k.snapshot.Load().tenants[d]
}

// Tenant returns the tenant of an id, or nil if no key of it is live.
func (k *Keyring) Tenant(ctx context.Context, id string) *Tenant {
	if t := k.snapshot.Load().byID[id]; t != nil || k.store == nil {
		return t
	}
	k.ask(ctx)
	return k.snapshot.Load().byID[id]
}

// ask refreshes the snapshot for a miss. One asks the store for all that come meanwhile: they wait,
// because their keys may be in its answer.
func (k *Keyring) ask(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case k.asking <- struct{}{}:
	}
	defer func() { <-k.asking }()
	if time.Now().UnixNano()-k.checked.Load() > int64(missEvery) {
		k.refresh(ctx)
	}
}

// Watch follows the store until ctx ends.
func (k *Keyring) Watch(ctx context.Context) {
	if k.store == nil {
		return
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var changed <-chan struct{}
	if a, ok := k.store.(Announcer); ok {
		changed = a.Changed(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			k.refresh(ctx)
		case <-tick.C:
			k.refresh(ctx)
		}
	}
}

// refresh keeps the old snapshot if the store cannot be read: vends fail then anyway, and dropping
// all tenants would turn an outage into 401s that callers act on.
func (k *Keyring) refresh(ctx context.Context) {
	// Afterwards, so that those who waited for a slow store do not ask it one after another.
	defer func() { k.checked.Store(time.Now().UnixNano()) }()
	version, err := k.store.TenantsVersion(ctx)
	if err == nil && version != k.snapshot.Load().version {
		err = k.load(ctx)
	}
	if err != nil && ctx.Err() == nil {
		k.log.Error("reading tenant keys", "error", err)
	}
}

// load builds a new snapshot. A tenant that the store has disabled loses its configured keys too.
func (k *Keyring) load(ctx context.Context) error {
	k.reload.Lock()
	defer k.reload.Unlock()
	stored, err := k.store.TenantKeys(ctx)
	if err != nil {
		return fmt.Errorf("loading tenants: %w", err)
	}
	disabled := make(map[string]bool)
	next := make(map[Digest]*Tenant, len(stored.Tenants)+len(k.configured))
	for _, s := range stored.Tenants {
		if s.Disabled {
			disabled[s.ID] = true
			continue
		}
		t := k.admit(s)
		for _, d := range s.Keys {
			next[d] = t
		}
	}
	for d, t := range k.configured {
		if !disabled[t.ID] {
			next[d] = t
		}
	}
	k.snapshot.Store(k.newSnapshot(stored.Version, next, stored.Callers))
	return nil
}
