package demoprovider

// table is a map of at most maxEntries entries. It is not safe for parallel use.
type table[V any] struct {
	entries map[digest]V
	order   []digest // as they were put; some may have been removed since
}

// put adds an entry under a key that was never used before, and forgets the oldest beyond the
// bound.
func (t *table[V]) put(key digest, value V) {
	if t.entries == nil {
		t.entries = make(map[digest]V)
	}
	t.entries[key] = value
	t.order = append(t.order, key)
	if len(t.order) > maxEntries {
		delete(t.entries, t.order[0])
		t.order = t.order[1:]
	}
}

func (t *table[V]) get(key digest) (V, bool) {
	value, ok := t.entries[key]
	return value, ok
}

// set replaces the value of an entry.
func (t *table[V]) set(key digest, value V) { t.entries[key] = value }

func (t *table[V]) remove(key digest) { delete(t.entries, key) }
