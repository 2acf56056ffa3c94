package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// unstored holds grants that a provider has rotated and the store has not taken, at most one a
// connection. It is the one place that holds a credential between two vends: the refresh token in
// the store is spent, so without this copy the end user would have to connect again because a disk
// was full for a while. Nothing is vended from here. A grant leaves when it is stored, when the
// connection turns out to have moved on or to be gone, and at Close. Until then the keeper goes on
// trying.
type unstored struct {
	mu     sync.Mutex
	grants map[string]rotation // by connection id
	// kept is len(grants), for the vends that find nothing here, nearly all: they take no lock.
	kept atomic.Int64
}

// rotation is a grant that belongs in the place of the stored one, of that version.
type rotation struct {
	version int64
	grant   connect.Grant
	// owner is the name of the refresh lease that brought it.
	owner string
	since time.Time
}

// keep takes g if the provider has rotated, or may have ended the token that was renewed. Otherwise
// the stored refresh token still works, and there is nothing to lose. It reports whether it did.
func (u *unstored) keep(h holding, g connect.Grant, owner string) bool {
	if !h.renews() && g.Reveal().RefreshToken == h.values.RefreshToken {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.grants == nil {
		u.grants = make(map[string]rotation)
	}
	u.grants[h.ID] = rotation{h.Version, g, owner, time.Now()}
	u.kept.Store(int64(len(u.grants)))
	return true
}

// of returns what is to be stored in the place of h.
func (u *unstored) of(h holding) (connect.Grant, bool) {
	if u.kept.Load() == 0 {
		return connect.Grant{}, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.grants[h.ID]
	return r.grant, ok && r.version == h.Version
}

func (u *unstored) has(h holding) bool {
	_, ok := u.of(h)
	return ok
}

// observe drops the grant of a connection that has reached version: what is stored is newer.
func (u *unstored) observe(id string, version int64) {
	if u.kept.Load() == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if r, ok := u.grants[id]; ok && r.version < version {
		delete(u.grants, id)
		u.kept.Store(int64(len(u.grants)))
	}
}

// drop forgets the grant that was to follow version.
func (u *unstored) drop(id string, version int64) { u.observe(id, version+1) }

// all returns a copy of what is kept.
func (u *unstored) all() map[string]rotation {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.grants)
}

// takeAll returns all grants and forgets them.
func (u *unstored) takeAll() map[string]rotation {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.grants
	u.grants = nil
	u.kept.Store(0)
	return all
}

// retrySave stores what an earlier refresh of h could not, and returns h as it is then. That comes
// before any call of the provider: a spent refresh token looks like theft to it, and may end the
// grant. It tries once, as the grant is kept for the next vend, and callers with a valid token
// should not wait for a disk. The version guards it, so that it needs no lease.
func (s *Source) retrySave(ctx context.Context, h holding) (_ holding, stored bool, err error) {
	g, ok := s.unstored.of(h)
	if !ok {
		return h, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	version, err := s.o.Store.UpdateGrant(ctx, h.ID, h.Version, g, false)
	switch {
	case err == nil:
		s.unstored.drop(h.ID, h.Version)
		h.Version, h.grant, h.values = version, g, g.Reveal()
		return h, true, nil
	case movedOn(err):
		s.unstored.drop(h.ID, h.Version)
		return h, false, nil // the refresh will see it, too
	}
	s.o.Logger.Error("storing a kept grant", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "error", err)
	return h, false, vending.Errorf(vending.InternalError, fmt.Errorf("storing a kept grant: %w", err))
}

// rescueAll tries once more what would be lost with the source, such as at a reload of the
// configuration.
func (s *Source) rescueAll() {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.RefreshTimeout)
	defer cancel()
	for id, r := range s.unstored.takeAll() {
		_, err := s.o.Store.UpdateGrant(ctx, id, r.version, r.grant, false)
		if err != nil && !movedOn(err) {
			s.o.Logger.Error("a rotated grant is lost", "connection", id, "error", err)
		}
	}
}

// movedOn reports whether err says that there is no longer a grant of that version.
func movedOn(err error) bool {
	return errors.Is(err, connect.ErrStale) || vending.AsError(err).Code == vending.ConnectionDeleted
}
