package policy

import (
	"hash/maphash"
	"sync"
	"time"

	// golang-lru's simplelru leaves locking and eviction to us: only full allowances may go.
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// BucketKey names an allowance whose key was not known beforehand.
type BucketKey struct {
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

// Buckets holds the allowances of keys that callers name: a connection, an app, a tenant whose
// key only the source can judge. It is bounded, and forgives nothing: an allowance that is not full
// again is never dropped, and none stays for a key that no source accepted.
type Buckets struct {
	seed   maphash.Seed
	shards [shards]shard
}

// NewBuckets returns an empty set.
func NewBuckets() *Buckets {
	a := &Buckets{seed: maphash.MakeSeed()}
	for i := range a.shards {
		s := &a.shards[i]
		s.pending = make(map[BucketKey]*entry)
		// The size is never reached by Add: makeRoom comes first.
		s.kept, _ = simplelru.NewLRU[BucketKey, *entry](shardSize+1, nil)
	}
	return a
}

type shard struct {
	mu sync.Mutex
	// pending are keys that no source has accepted yet; each lives only while calls hold it.
	pending map[BucketKey]*entry
	kept    *simplelru.LRU[BucketKey, *entry]
}

type entry struct {
	allowance *Bucket
	holders   int
	kept      bool
}

// Reservation is one spent unit, waiting for the source's word on whether its key exists.
type Reservation struct {
	shard *shard
	key   BucketKey
	entry *entry
	known bool // a source had accepted the key before
}

// Spend takes one unit of the allowance called key, made with budget b at first use. If none is
// left, wait says how long until there is one; then and only then the claim is empty. Every claim
// must be settled.
func (a *Buckets) Spend(key BucketKey, b Budget, now time.Time) (c Reservation, wait time.Duration, ok bool) {
	s := &a.shards[maphash.Comparable(a.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.kept.Get(key)
	if !found {
		if e, found = s.pending[key]; !found {
			if wait, ok = s.makeRoom(now); !ok {
				return Reservation{}, wait, false
			}
			e = &entry{allowance: NewBucket(b)}
		}
	}
	e.allowance.Adjust(b, now)
	if wait, ok = e.allowance.Spend(now); !ok {
		return Reservation{}, wait, false
	}
	e.holders++
	if !e.kept {
		s.pending[key] = e
	}
	return Reservation{s, key, e, e.kept}, 0, true
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

// Commit ends the claim. accepted says that the source knows the key: its allowance stays.
// Otherwise it is dropped once the last call that holds it has settled. Settling an empty claim
// does nothing.
func (c Reservation) Commit(accepted bool) {
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
func (a *Buckets) Len() int {
	n := 0
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		n += s.kept.Len() + len(s.pending)
		s.mu.Unlock()
	}
	return n
}
