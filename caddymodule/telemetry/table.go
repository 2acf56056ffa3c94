package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"
)

// table keeps values by key, for keys that are few. Readers take no lock: all calls would share it.
// The zero table is empty.
type table[K comparable, V any] struct {
	adding sync.Mutex
	kept   atomic.Pointer[map[K]V] // replaced, never changed
}

func (t *table[K, V]) find(key K) (V, bool) {
	m := t.kept.Load()
	if m == nil {
		var none V
		return none, false
	}
	v, ok := (*m)[key]
	return v, ok
}

func (t *table[K, V]) len() int {
	if m := t.kept.Load(); m != nil {
		return len(*m)
	}
	return 0
}

// add returns what is kept for key, which is v if there was nothing. A new key is not kept where
// there are limit others, and added is false then.
func (t *table[K, V]) add(key K, v V, limit int) (kept V, added bool) {
	t.adding.Lock()
	defer t.adding.Unlock()
	if kept, ok := t.find(key); ok {
		return kept, true
	}
	if t.len() >= limit {
		return v, false
	}
	next := map[K]V{key: v}
	if m := t.kept.Load(); m != nil {
		maps.Copy(next, *m)
	}
	t.kept.Store(&next)
	return v, true
}
