package redislimit

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"sync"
	"time"

	"github.com/vendgate/vendgate/policy"
)

const (
	// shards keeps requests of different keys from waiting for one lock.
	shards = 16
	// shardSize bounds the entries of a shard: 64 Ki in all, about 25 MiB.
	shardSize = 4096
	// keepFor is how long an entry without a lease is kept: what it knows is where a bucket begins
	// when Redis is away.
	keepFor = 2 * time.Minute
	// roomTries bounds the search for an entry that may go.
	roomTries = 64
)

// entries are the buckets that this node knows.
type entries struct {
	seed   maphash.Seed
	shards [shards]struct {
		mu  sync.Mutex
		all map[policy.BucketKey]*entry
	}
}

func newEntries() *entries {
	s := &entries{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].all = make(map[policy.BucketKey]*entry)
	}
	return s
}

// lock returns the entry of a key, made at first use, with its lock held; nil if there is no room
// for it.
func (s *entries) lock(d *policy.Draw, era uint64, now time.Time) *entry {
	shard := &s.shards[maphash.Comparable(s.seed, d.Key)%shards]
	shard.mu.Lock()
	e := shard.all[d.Key]
	switch {
	case e != nil:
	case len(shard.all) >= shardSize && !makeRoom(shard.all, now):
		shard.mu.Unlock()
	default:
		e = &entry{mu: &shard.mu, key: d.Key, name: nameOf(d.Key), budget: d.Budget, era: era, known: d.Sure}
		shard.all[d.Key] = e
	}
	return e
}

// makeRoom drops an entry that is not in use. What was spent is in Redis, so nothing is forgiven.
func makeRoom(all map[policy.BucketKey]*entry, now time.Time) bool {
	tries := 0
	for key, e := range all {
		if e.droppable(now, idleAfter) {
			delete(all, key)
			return true
		}
		if tries++; tries == roomTries {
			return false
		}
	}
	return false
}

// droppable reports whether nothing would be lost with the entry; its lock is held.
func (e *entry) droppable(now time.Time, idle time.Duration) bool {
	busy := e.holders > 0 || e.flight != nil || e.waiting > 0 || e.units > 0 || e.back > 0 ||
		e.outage.debit > 0 && now.Before(e.outage.full)
	return !busy && (now.Sub(e.used) > idle || !e.known)
}

// peek calls do with the entry of a key, under its lock, if there is one.
func (s *entries) peek(key policy.BucketKey, do func(*entry)) {
	shard := &s.shards[maphash.Comparable(s.seed, key)%shards]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if e := shard.all[key]; e != nil {
		do(e)
	}
}

// each calls do for every entry, under its lock.
func (s *entries) each(do func(e *entry) (drop bool)) {
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		for key, e := range shard.all {
			if do(e) {
				delete(shard.all, key)
			}
		}
		shard.mu.Unlock()
	}
}

// maxName is how long a name may be in a key of Redis: callers choose those of connections.
const maxName = 64

// nameOf is the key in Redis. The hash tag puts all buckets of a tenant into one slot of a Cluster.
func nameOf(key policy.BucketKey) string {
	name := key.Name
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = "sha256-" + hex.EncodeToString(sum[:])
	}
	return "vendgate:{" + key.Tenant + "}:" + key.Kind + ":" + name
}
