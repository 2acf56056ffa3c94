package policy

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func connection(name string) BucketKey {
	return BucketKey{Tenant: "acme", Kind: "connection", Name: name}
}

// spendOne spends a unit that must be there.
func spendOne(t *testing.T, b *Buckets, key BucketKey, budget Budget, now time.Time) Reservation {
	t.Helper()
	c, wait, ok := b.Spend(key, budget, now)
	if !ok || wait != 0 {
		t.Fatalf("%v: refused, wait %v", key, wait)
	}
	return c
}

// left spends what is left of key and returns how much that was.
func left(b *Buckets, key BucketKey, budget Budget, now time.Time) int {
	for n := 0; ; n++ {
		c, _, ok := b.Spend(key, budget, now)
		if !ok {
			return n
		}
		c.Commit(true)
	}
}

func TestCommit(t *testing.T) {
	type word bool
	const yes, no word = true, false
	for name, c := range map[string]struct {
		words     []word // of calls that all hold the key at once
		len, left int
	}{
		"accepted":              {[]word{yes}, 1, 9},
		"rejected":              {[]word{no}, 0, 10},
		"all rejected":          {[]word{no, no, no}, 0, 10},
		"accepted, rejected":    {[]word{yes, no, no}, 1, 7},
		"rejected, accepted":    {[]word{no, no, yes}, 1, 7},
		"accepted in the midst": {[]word{no, yes, no}, 1, 7},
		"all accepted":          {[]word{yes, yes, yes}, 1, 7},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			b := NewBuckets()
			var reserved []Reservation
			for range c.words {
				reserved = append(reserved, spendOne(t, b, connection("c1"), 10, now))
			}
			if b.Len() != 1 {
				t.Errorf("%d while calls are under way", b.Len())
			}
			for i, w := range c.words {
				reserved[i].Commit(bool(w))
			}
			if b.Len() != c.len {
				t.Errorf("%d stay, want %d", b.Len(), c.len)
			}
			if n := left(b, connection("c1"), 10, now); n != c.left {
				t.Errorf("%d left, want %d", n, c.left)
			}
		})
	}
}

func TestCommitEmptyReservation(t *testing.T) {
	Reservation{}.Commit(true)
	now := time.Now()
	b := NewBuckets()
	spendOne(t, b, connection("c1"), 1, now).Commit(true)
	c, wait, ok := b.Spend(connection("c1"), 1, now)
	if ok || wait <= 0 || c != (Reservation{}) {
		t.Errorf("reservation %+v, wait %v, %t", c, wait, ok)
	}
	c.Commit(false)
	if b.Len() != 1 {
		t.Error("a refusal dropped what was spent")
	}
}

// TestUnacceptedIsBounded: before the source's word, too, no more than the budget is under way.
func TestUnacceptedIsBounded(t *testing.T) {
	now := time.Now()
	b := NewBuckets()
	var reserved []Reservation
	for range 3 {
		reserved = append(reserved, spendOne(t, b, connection("c1"), 3, now))
	}
	for _, c := range reserved {
		if _, wait, ok := b.Spend(connection("c1"), 3, now); ok || wait < 20*time.Second || b.Len() != 1 {
			t.Errorf("a fourth unit of three, wait %v, %d buckets", wait, b.Len())
		}
		c.Commit(false)
	}
	if b.Len() != 0 {
		t.Errorf("%d stay", b.Len())
	}
}

func TestKeysAreApart(t *testing.T) {
	now := time.Now()
	b := NewBuckets()
	keys := []BucketKey{
		{"acme", "connection", "x"}, {"acme", "app", "x"}, {"acme", "token", ""}, {"acme", "connection", ""},
		{"other", "connection", "x"},
		{"", "connection", "x"}, {"", "", ""}, {"acmeconnection", "", "x"}, {"acme", "connectionx", ""},
	}
	for _, key := range keys {
		if n := left(b, key, 5, now); n != 5 {
			t.Errorf("%q: %d left of a fresh key", key, n)
		}
	}
	if b.Len() != len(keys) {
		t.Errorf("%d keys of %d", b.Len(), len(keys))
	}
}

func TestBucketsAdjust(t *testing.T) {
	now := time.Now()
	b := NewBuckets()
	left(b, connection("c1"), 60, now)
	if n := left(b, connection("c1"), 600, now); n != 540 {
		t.Errorf("%d units of a larger budget, want 540", n)
	}
	if n := left(b, connection("c1"), 600, now.Add(1001*time.Millisecond)); n != 10 {
		t.Errorf("%d units after a second, want 10", n)
	}
}

// TestFreshKeyParallel: callers who make a bucket at the same time share it, whatever the
// source says.
func TestFreshKeyParallel(t *testing.T) {
	const callers, budget = 1000, 600
	now := time.Now()
	b := NewBuckets()
	var spent atomic.Int64
	var wg, committed sync.WaitGroup
	commit := make(chan struct{})
	for i := range callers {
		wg.Add(1)
		committed.Go(func() {
			c, _, ok := b.Spend(connection("c1"), budget, now)
			if ok {
				spent.Add(1)
			}
			wg.Done()
			<-commit
			c.Commit(i%2 == 0)
		})
	}
	wg.Wait()
	close(commit)
	committed.Wait()
	if spent.Load() != budget || b.Len() != 1 {
		t.Errorf("%d spent of %d, %d buckets", spent.Load(), budget, b.Len())
	}
	if n := left(b, connection("c1"), budget, now); n != 0 {
		t.Errorf("%d left", n)
	}
}

// TestAcceptedKeyParallel: the same where some calls commit while others begin.
func TestAcceptedKeyParallel(t *testing.T) {
	const callers, budget = 1000, 600
	now := time.Now()
	b := NewBuckets()
	var spent atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if c, _, ok := b.Spend(connection("c1"), budget, now); ok {
				spent.Add(1)
				c.Commit(true)
			}
		})
	}
	wg.Wait()
	if spent.Load() != budget || b.Len() != 1 {
		t.Errorf("%d spent of %d, %d buckets", spent.Load(), budget, b.Len())
	}
}

// TestRejectedKeysLeaveNothing: a million distinct keys that no source knows (hostile case 39).
func TestRejectedKeysLeaveNothing(t *testing.T) {
	const keys, window = 1_000_000, 100
	now := time.Now()
	b := NewBuckets()
	before := heap()
	var under [window]Reservation
	for i := range keys {
		under[i%window].Commit(false)
		under[i%window] = spendOne(t, b, connection(fmt.Sprint(i)), 10, now)
		if i%100_000 == 0 && b.Len() > window {
			t.Fatalf("%d buckets with %d calls under way", b.Len(), window)
		}
	}
	for _, c := range under {
		c.Commit(false)
	}
	if b.Len() != 0 {
		t.Errorf("%d buckets stay", b.Len())
	}
	clear(under[:])
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("%d bytes stay", grown)
	}
	runtime.KeepAlive(b)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
