package policy

import (
	"hash/maphash"
	"sync"
	"time"

	// golang-lru's simplelru leaves locking and eviction to us: only full allowances may go.
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// AllowanceKey names an allowance whose key was not known beforehand.
type AllowanceKey struct {
	Tenant string
	// Kind is `connection`, `app`, `caller_key`, or the name of a tenant's own budget.
	Kind string
	// Name is the connection's or the caller key's id, or the app's slug; empty for a tenant's own
	// budget.
	Name string
}

const (
	// shards keeps callers of different keys from waiting for one lock.
	shards = 16
	// shardSize bounds the allowances of a shard: 64 Ki in all, about 16 MiB.
	shardSize = 4096
)

// Allowances holds the allowances of keys that callers name: a connection, an app, a tenant whose
// key only the source can judge. It is bounded, and forgives nothing: an allowance that is not full
// again is never dropped, and none stays for a key that no source accepted.
type Allowances struct {
	seed   maphash.Seed
	shards [shards]shard
}

// NewAllowances returns an empty set.
func NewAllowances() *Allowances {
	a := &Allowances{seed: maphash.MakeSeed()}
	for i := range a.shards {
		s := &a.shards[i]
		s.pending = make(map[AllowanceKey]*entry)
		// The size is never reached by Add: makeRoom comes first.
		s.kept, _ = simplelru.NewLRU[AllowanceKey, *entry](shardSize+1, nil)
	}
	return a
}

type shard struct {
	mu sync.Mutex
	// pending are keys that no source has accepted yet; each lives only while calls hold it.
	pending map[AllowanceKey]*entry
	kept    *simplelru.LRU[AllowanceKey, *entry]
}

type entry struct {
	allowance *Allowance
	holders   int
	kept      bool
}

// Claim is one spent unit, waiting for the source's word on whether its key exists.
type Claim struct {
	shard *shard
	key   AllowanceKey
	entry *entry
	known bool // a source had accepted the key before
}

// Spend takes one unit of the allowance called key, made with budget b at first use. If none is
// left, wait says how long until there is one; then and only then the claim is empty. Every claim
// must be settled.
func (a *Allowances) Spend(key AllowanceKey, b Budget, now time.Time) (c Claim, wait time.Duration, ok bool) {
	s := &a.shards[maphash.Comparable(a.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.kept.Get(key)
	if !found {
		if e, found = s.pending[key]; !found {
			if wait, ok = s.makeRoom(now); !ok {
				return Claim{}, wait, false
			}
			e = &entry{allowance: NewAllowance(b)}
		}
	}
	e.allowance.Adjust(b, now)
	if wait, ok = e.allowance.Spend(now); !ok {
		return Claim{}, wait, false
	}
	e.holders++
	if !e.kept {
		s.pending[key] = e
	}
	return Claim{s, key, e, e.kept}, 0, true
}

// makeRoom drops the allowance that was used longest ago, if the shard is full. If that one is not
// full again, no other may be dropped in its place: the new key must wait for it.
func (s *shard) makeRoom(now time.Time) (wait time.Duration, ok bool) {
	if s.kept.Len()+len(s.pending) < shardSize {
		return 0, true
	}
	_, oldest, found := s.kept.GetOldest()
	if !found || !oldest.allowance.full(now) {
		wait = time.Second
		if found {
			_, wait = oldest.allowance.Left(now)
		}
		return wait, false
	}
	s.kept.RemoveOldest()
	return 0, true
}

// Settle ends the claim. accepted says that the source knows the key: its allowance stays.
// Otherwise it is dropped once the last call that holds it has settled. Settling an empty claim
// does nothing.
func (c Claim) Settle(accepted bool) {
	if c.entry == nil {
		return
	}
	c.shard.mu.Lock()
	defer c.shard.mu.Unlock()
	c.entry.holders--
	switch {
	case c.entry.kept:
	case accepted:
		c.entry.kept = true
		delete(c.shard.pending, c.key)
		c.shard.kept.Add(c.key, c.entry)
	case c.entry.holders == 0:
		delete(c.shard.pending, c.key)
	}
}

// Len returns how many allowances there are.
func (a *Allowances) Len() int {
	n := 0
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		n += s.kept.Len() + len(s.pending)
		s.mu.Unlock()
	}
	return n
}
