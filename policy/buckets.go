package policy

import (
	"hash/maphash"
	"sync"
	"time"

	// golang-lru's simplelru leaves locking and eviction to us: only full buckets may go.
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// BucketKey names a bucket whose key was not known beforehand.
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
	// shardSize bounds the buckets of a shard: 64 Ki in all, about 20 MiB.
	shardSize = 4096
)

// Buckets holds the buckets of keys that callers name: a connection, an app, a tenant whose
// key only the source can verify. It is bounded, and forgives nothing: a bucket that is not full
// again is never dropped, and none stays for a key that no source accepted.
type Buckets struct {
	seed   maphash.Seed
	shards [shards]shard
}

// NewBuckets returns an empty set.
func NewBuckets() *Buckets {
	b := &Buckets{seed: maphash.MakeSeed()}
	for i := range b.shards {
		s := &b.shards[i]
		s.pending = make(map[BucketKey]*entry)
		// The size is never reached by Add: makeRoom comes first.
		s.kept, _ = simplelru.NewLRU[BucketKey, *entry](shardSize+1, nil)
	}
	return b
}

type shard struct {
	mu sync.Mutex
	// pending are keys that no source has accepted yet; each lives only while calls hold it.
	pending map[BucketKey]*entry
	kept    *simplelru.LRU[BucketKey, *entry]
}

type entry struct {
	shard   *shard
	key     BucketKey
	bucket  *Bucket
	holders int
	kept    bool
}

// Spend takes one unit of the bucket called key, made with budget b at first use. If none is left,
// wait says how long until there is one; then and only then the reservation is empty. Every
// reservation must be committed.
func (b *Buckets) Spend(key BucketKey, budget Budget, now time.Time) (r Reservation, wait time.Duration, ok bool) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.kept.Get(key)
	if !found {
		if e, found = s.pending[key]; !found {
			if wait, ok = s.makeRoom(now); !ok {
				return Reservation{}, wait, false
			}
			e = &entry{shard: s, key: key, bucket: NewBucket(budget)}
		}
	}
	e.bucket.Adjust(budget, now)
	if wait, ok = e.bucket.Spend(now); !ok {
		return Reservation{}, wait, false
	}
	e.holders++
	if !e.kept {
		s.pending[key] = e
	}
	return Reservation{Holder: e, Known: e.kept}, 0, true
}

func (b *Buckets) shard(key BucketKey) *shard {
	return &b.shards[maphash.Comparable(b.seed, key)%shards]
}

// makeRoom drops the bucket that was used longest ago, if the shard is full. If that one is not
// full again, no other may be dropped in its place: the new key must wait for it.
func (s *shard) makeRoom(now time.Time) (wait time.Duration, ok bool) {
	if s.kept.Len()+len(s.pending) < shardSize {
		return 0, true
	}
	_, oldest, found := s.kept.GetOldest()
	if !found || !oldest.bucket.full(now) {
		wait = time.Second
		if found {
			_, wait = oldest.bucket.Left(now)
		}
		return wait, false
	}
	s.kept.RemoveOldest()
	return 0, true
}

// Commit implements [Holder]. The bucket of a key that no source accepts is dropped once the last
// call that holds it has ended.
func (e *entry) Commit(accepted bool) {
	e.shard.mu.Lock()
	defer e.shard.mu.Unlock()
	e.release(accepted)
}

// Return implements [Holder].
func (e *entry) Return() {
	e.shard.mu.Lock()
	defer e.shard.mu.Unlock()
	e.bucket.giveBack()
	e.release(false)
}

func (e *entry) release(accepted bool) {
	e.holders--
	switch {
	case e.kept:
	case accepted:
		e.kept = true
		delete(e.shard.pending, e.key)
		e.shard.kept.Add(e.key, e)
	case e.holders == 0:
		delete(e.shard.pending, e.key)
	}
}

// Len returns how many buckets there are.
func (b *Buckets) Len() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += s.kept.Len() + len(s.pending)
		s.mu.Unlock()
	}
	return n
}
