package policy

import (
	"fmt"
	"testing"
	"time"
)

// TestFullShards: at the bound only what is full again goes, the oldest first, and all others stay.
func TestFullShards(t *testing.T) {
	const bound = shards * shardSize
	start := time.Now()
	a := NewBuckets()
	spent := connection("spent")
	left(a, spent, 600, start) // the oldest, and full again only in a minute
	other := 0
	fill := func(n int, now time.Time) (refused int, longest time.Duration) {
		for range n {
			other++
			c, wait, ok := a.Spend(connection(fmt.Sprint("other", other)), 600, now)
			if !ok {
				refused++
				longest = max(longest, wait)
			}
			c.Commit(true)
		}
		return refused, longest
	}
	refused, wait := fill(2*bound, start)
	if a.Len() != bound || refused != bound+1 {
		t.Fatalf("%d buckets, %d keys refused", a.Len(), refused)
	}
	if wait < time.Minute || wait > time.Minute+2*time.Millisecond {
		t.Errorf("told to wait %v at most: the oldest of one shard needs a minute", wait)
	}
	// All but one are full again now; its shard stays closed, for what it spent must not be forgiven.
	later := start.Add(time.Second)
	refused, wait = fill(1600, later)
	if a.Len() != bound || refused == 0 || refused > 400 || wait < 58*time.Second {
		t.Errorf("%d buckets, %d of 1600 keys refused, wait %v", a.Len(), refused, wait)
	}
	if n := left(a, spent, 600, later); n != 10 {
		t.Errorf("%d units of the spent key, want the 10 of one second", n)
	}
}

// TestFullShardWait: who waits as long as told finds room.
func TestFullShardWait(t *testing.T) {
	now := time.Now()
	a := NewBuckets()
	for i := range 2 * shards * shardSize {
		c, _, _ := a.Spend(connection(fmt.Sprint(i)), 600, now)
		c.Commit(true)
	}
	_, wait, ok := a.Spend(connection("new"), 600, now)
	if ok || wait <= 0 || wait > time.Second {
		t.Fatalf("%t, wait %v", ok, wait)
	}
	if _, _, ok = a.Spend(connection("new"), 600, now.Add(wait/2)); ok {
		t.Error("room before the oldest was full again")
	}
	spendOne(t, a, connection("new"), 600, now.Add(wait)).Commit(true)
}

// TestFullOfPending: calls under way are never dropped; a new key waits a second for them.
func TestFullOfPending(t *testing.T) {
	now := time.Now()
	a := NewBuckets()
	var reserved []Reservation
	refused := 0
	for i := range 2 * shards * shardSize {
		c, wait, ok := a.Spend(connection(fmt.Sprint(i)), 600, now)
		if ok {
			reserved = append(reserved, c)
			continue
		}
		if refused++; wait != time.Second {
			t.Fatalf("wait %v", wait)
		}
	}
	if a.Len() != shards*shardSize || refused != shards*shardSize {
		t.Errorf("%d buckets, %d refused", a.Len(), refused)
	}
	for _, c := range reserved {
		c.Commit(false)
	}
	if a.Len() != 0 {
		t.Errorf("%d stay", a.Len())
	}
}

// TestDroppedWhileHeld: a full bucket may go while a slow call holds it; its word then changes
// nothing.
func TestDroppedWhileHeld(t *testing.T) {
	now := time.Now()
	a := NewBuckets()
	spendOne(t, a, connection("slow"), 600, now).Commit(true)
	held := spendOne(t, a, connection("slow"), 600, now)
	later := now.Add(time.Second)
	for i := range 2 * shards * shardSize {
		c, _, _ := a.Spend(connection(fmt.Sprint(i)), 600, later)
		c.Commit(true)
	}
	n := a.Len()
	held.Commit(true)
	held = Reservation{}
	held.Commit(false)
	if a.Len() != n || n != shards*shardSize {
		t.Errorf("%d buckets, then %d", n, a.Len())
	}
}
