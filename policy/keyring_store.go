package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/vending"
)

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

const (
	// KeysLast is for how long the keys that were read last are good while the store cannot be read.
	// What was revoked meanwhile is not known.
	KeysLast = 5 * time.Minute
	// pollEvery bounds, with the time that the store takes to answer, how long a key that another
	// process retired still works: the documents promise a second.
	pollEvery = 900 * time.Millisecond
	// missEvery bounds how often unknown keys can make us ask the store, and missTimeout for how long
	// they wait for it.
	missEvery   = 100 * time.Millisecond
	missTimeout = 3 * time.Second
	// retryAfter is what callers are told to wait for while the store cannot be read.
	retryAfter = 2 * time.Second
)

// Why it is not known whether a key is live.
var (
	// ErrKeyUnread is of a key that the store did not have when it was read last, which is no longer
	// ago than [KeysLast]. It may have it by now.
	ErrKeyUnread = errors.New("the store cannot be read, and did not have the key before")
	errKeysOld   = fmt.Errorf("the store could not be read for %s: keys may have been revoked meanwhile", KeysLast)
)

// unknown is the answer to a call whose key may be right. The log has it already.
func unknown(cause error) *vending.Error {
	e := vending.Errorf(vending.UpstreamUnavailable, cause)
	e.Message = "the gateway cannot read its store to check the key; call again after the seconds in Retry-After"
	e.RetryAfter, e.Logged = retryAfter, true
	return e
}

// isFresh reports whether the store was read lately. It goes by the clock that adjustments do not
// move and by the one that goes on while the machine is suspended: by whichever says more.
func (k *Keyring) isFresh() bool {
	read := k.read.Load()
	if read == nil {
		return false
	}
	now := time.Now()
	return max(now.Sub(*read), now.Round(0).Sub(read.Round(0))) < KeysLast
}

// StoreUp reports whether the store answered when it was last asked, which is each second.
func (k *Keyring) StoreUp() bool {
	return k.store != nil && k.failure.Load() == nil && k.read.Load() != nil
}

// askFor returns the snapshot to look in for what was not found, or was read too long ago: it may
// have been made a moment ago, by this process or another.
func (k *Keyring) askFor(ctx context.Context, found func(*snapshot) bool) (*snapshot, error) {
	k.ask(ctx)
	s, failed := k.snapshot.Load(), k.failure.Load()
	switch {
	case !k.isFresh():
		return nil, unknown(errKeysOld)
	case failed != nil && !found(s):
		return nil, unknown(ErrKeyUnread)
	default:
		return s, nil
	}
}

// ask refreshes the snapshot for a miss. One asks the store for all that come meanwhile: they wait,
// because their keys may be in its answer. So it does not end with the one's call.
func (k *Keyring) ask(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case k.asking <- struct{}{}:
	}
	defer func() { <-k.asking }()
	if time.Now().UnixNano()-k.checked.Load() > int64(missEvery) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), missTimeout)
		defer cancel()
		asked := time.Now()
		k.note(asked, k.refresh(ctx))
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
	fresh := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
		asked := time.Now()
		if err := k.refresh(ctx); err == nil || ctx.Err() == nil {
			k.note(asked, err)
		}
		was := fresh
		if fresh = k.isFresh(); was && !fresh {
			k.log.Error("calls are refused until the store can be read: keys may have been revoked meanwhile",
				"unread", KeysLast.String())
		}
	}
}

// refresh keeps the old snapshot if the store cannot be read: dropping all tenants would turn an
// outage into 401s that callers act on.
func (k *Keyring) refresh(ctx context.Context) error {
	// Afterwards, so that those who waited for a slow store do not ask it one after another.
	defer func() { k.checked.Store(time.Now().UnixNano()) }()
	asked := time.Now()
	version, err := k.store.TenantsVersion(ctx)
	if err == nil && version != k.snapshot.Load().version {
		err = k.load(ctx)
	}
	if err == nil {
		k.read.Store(&asked)
	}
	return err
}

// note keeps whether the store answers, and logs where that changes.
func (k *Keyring) note(asked time.Time, err error) {
	k.noting.Lock()
	defer k.noting.Unlock()
	if err != nil && k.answered.After(asked) {
		return // another question had its answer meanwhile
	}
	if err == nil {
		k.answered = time.Now()
		if since := k.failure.Swap(nil); since != nil {
			k.log.Info("the store can be read again", "after", time.Since(*since).Round(time.Millisecond).String())
		}
		return
	}
	if now := time.Now(); k.failure.CompareAndSwap(nil, &now) {
		k.log.Error("the store cannot be read: keys that were read before stay good for a while", "while", KeysLast.String(),
			"error", err)
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
