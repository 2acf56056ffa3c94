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
func DigestOf(key string) Digest {
	var room [128]byte // to convert a string of more than 32 bytes would allocate
	return sha256.Sum256(append(room[:0], key...))
}

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

	// read is when the store was last asked and answered; nil before the first time.
	read atomic.Pointer[time.Time]
	// answered is when the latest of the answers was noted.
	noting   sync.Mutex
	answered time.Time
	// failure is since when questions had no answer; nil if the last one had.
	failure atomic.Pointer[time.Time]
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
	asked := time.Now()
	err := k.load(ctx)
	if err == nil {
		k.read.Store(&asked)
	}
	return err
}

// Lookup returns the tenant whose key has digest d, or nil without an error if there is none. Where
// that cannot be known it is `upstream_unavailable`: the store cannot be read, and did not have the
// key when it could, which wraps [ErrKeyUnread], or that is longer ago than [KeysLast].
func (k *Keyring) Lookup(ctx context.Context, d Digest) (*Tenant, error) {
	if t := k.snapshot.Load().tenants[d]; k.holds(t != nil) {
		return t, nil
	}
	s, err := k.askFor(ctx, func(s *snapshot) bool { return s.tenants[d] != nil })
	if err != nil {
		return nil, err
	}
	return s.tenants[d], nil
}

// Tenant returns the tenant of an id, or nil without an error if no key of it is live. Its errors
// are those of Lookup.
func (k *Keyring) Tenant(ctx context.Context, id string) (*Tenant, error) {
	if t := k.snapshot.Load().byID[id]; k.holds(t != nil) {
		return t, nil
	}
	s, err := k.askFor(ctx, func(s *snapshot) bool { return s.byID[id] != nil })
	if err != nil {
		return nil, err
	}
	return s.byID[id], nil
}

// holds reports whether what was found, or not, in the snapshot is what there is.
func (k *Keyring) holds(found bool) bool { return k.store == nil || found && k.isFresh() }
