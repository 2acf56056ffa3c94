package policy

import (
	"context"
	"sync"
)

// memoryStore is a KeyStore whose tenants a test changes.
type memoryStore struct {
	mu       sync.Mutex
	version  int64
	tenants  []StoredTenant
	callers  map[Digest]*CallerKey
	err      error // of TenantsVersion
	loadErr  error
	versions int // calls
	loads    int
	gate     chan struct{} // if not nil, TenantsVersion waits for it or for its context
}

func (s *memoryStore) TenantsVersion(ctx context.Context) (int64, error) {
	s.mu.Lock()
	s.versions++
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version, s.err
}

func (s *memoryStore) TenantKeys(context.Context) (Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads++
	return Stored{s.version, s.tenants, s.callers}, s.loadErr
}

// put replaces all tenants.
func (s *memoryStore) put(tenants ...StoredTenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.tenants = tenants
}

// putCallers replaces all caller keys.
func (s *memoryStore) putCallers(callers map[Digest]*CallerKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.callers = callers
}

// fail makes the store fail from now on.
func (s *memoryStore) fail(version, load error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.loadErr = version, load
}

func (s *memoryStore) asked() (versions, loads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.versions, s.loads
}

func stored(id string, keys ...string) StoredTenant {
	s := StoredTenant{ID: id, Capabilities: AllCapabilities}
	for _, key := range keys {
		s.Keys = append(s.Keys, DigestOf(key))
	}
	return s
}

func admit(s StoredTenant) *Tenant { return &Tenant{ID: s.ID, Capabilities: s.Capabilities} }
