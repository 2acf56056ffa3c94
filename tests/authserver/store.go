package main

import (
	"context"

	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
)

// store is fosite's memory store that remembers what was rotated: fosite answers a spent refresh
// token and a revoked one alike, and a test must tell them apart.
//
// It is not safe for parallel use: [provider] holds the lock. (The memory store has locks of its
// own, but its RevokeRefreshToken writes a map that another one guards.)
type store struct {
	*storage.MemoryStore
	// rotated are the signatures of refresh tokens that a successor replaced.
	rotated map[string]bool
}

var _ oauth2.TokenRevocationStorage = (*store)(nil)

func newStore() *store {
	return &store{MemoryStore: storage.NewMemoryStore(), rotated: make(map[string]bool)}
}

// RotateRefreshToken revokes the refresh token and the access token of the grant; fosite then
// stores their successors.
func (s *store) RotateRefreshToken(ctx context.Context, requestID, signature string) error {
	s.rotated[signature] = true
	return s.MemoryStore.RotateRefreshToken(ctx, requestID, signature)
}
