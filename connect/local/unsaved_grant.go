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
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// unsavedGrants holds grants that a provider has rotated and the store has not taken, at most one a
// connection. It is the one place that holds a credential between two vends: the refresh token in
// the store is spent, so without this copy the end user would have to connect again because a disk
// was full for a while. Nothing is vended from here. A grant leaves when it is stored, when the
// connection turns out to have a newer grant or to be deleted, and at Close. Until then the saver
// retries.
type unsavedGrants struct {
	mu     sync.Mutex
	grants map[string]unsavedGrant // by connection id
	// size is len(grants), for the vends that find nothing here, nearly all: they take no lock.
	size atomic.Int64
}

// unsavedGrant is a grant that belongs in the place of the stored one, of that version.
type unsavedGrant struct {
	version int64
	grant   connect.Grant
	// owner is the name of the refresh lease that brought it.
	owner string
	since time.Time
}

// add takes g if the provider has rotated, or may have ended the token that was renewed. Otherwise
// the stored refresh token still works, and there is nothing to lose. It reports whether it did.
func (u *unsavedGrants) add(h connectionGrant, g connect.Grant, owner string) bool {
	if !h.renews() && g.Reveal().RefreshToken == h.values.RefreshToken {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.grants == nil {
		u.grants = make(map[string]unsavedGrant)
	}
	u.grants[h.ID] = unsavedGrant{h.Version, g, owner, time.Now()}
	u.size.Store(int64(len(u.grants)))
	return true
}

// find returns what is to be stored in the place of h.
func (u *unsavedGrants) find(h connectionGrant) (connect.Grant, bool) {
	if u.size.Load() == 0 {
		return connect.Grant{}, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	r, ok := u.grants[h.ID]
	return r.grant, ok && r.version == h.Version
}

func (u *unsavedGrants) has(h connectionGrant) bool {
	_, ok := u.find(h)
	return ok
}

// dropOlder drops the grant of a connection that has reached version: what is stored is newer.
func (u *unsavedGrants) dropOlder(id string, version int64) {
	if u.size.Load() == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if r, ok := u.grants[id]; ok && r.version < version {
		delete(u.grants, id)
		u.size.Store(int64(len(u.grants)))
	}
}

// drop forgets the grant that was to follow version.
func (u *unsavedGrants) drop(id string, version int64) { u.dropOlder(id, version+1) }

// all returns a copy of the grants.
func (u *unsavedGrants) all() map[string]unsavedGrant {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.grants)
}

// takeAll returns all grants and forgets them.
func (u *unsavedGrants) takeAll() map[string]unsavedGrant {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.grants
	u.grants = nil
	u.size.Store(0)
	return all
}

// retrySave stores what an earlier refresh of h could not, and returns h as it is then. That comes
// before any call of the provider: a spent refresh token looks like theft to it, and may end the
// grant. It tries once, as the grant is kept for the next vend, and callers with a valid token
// should not wait for a disk. The version guards it, so that it needs no lease.
func (s *Source) retrySave(ctx context.Context, h connectionGrant) (_ connectionGrant, stored bool, err error) {
	g, ok := s.unsaved.find(h)
	if !ok {
		return h, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	version, err := s.o.Store.UpdateGrant(ctx, h.ID, h.Version, g, false)
	switch {
	case err == nil:
		s.unsaved.drop(h.ID, h.Version)
		h.Version, h.grant, h.values = version, g, g.Reveal()
		return h, true, nil
	case isSuperseded(err):
		s.unsaved.drop(h.ID, h.Version)
		return h, false, nil // the refresh will see it, too
	}
	s.o.Logger.Error("retrying to store a refreshed grant", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "error",
		err)
	return h, false, notSaved(fmt.Errorf("retrying to store a refreshed grant: %w", err))
}

// saveAll tries once more what would be lost with the source, such as at a reload of the
// configuration. For a database server that is lost it waits.
func (s *Source) saveAll() {
	ctx, cancel := context.WithTimeout(context.Background(), s.o.RefreshTimeout)
	defer cancel()
	for id, r := range s.unsaved.takeAll() {
		if err := s.saveLast(ctx, id, r); err != nil {
			s.o.Logger.Error("a rotated grant is lost", "connection", id, "error", err)
		}
	}
}

// saveLast stores r, or returns why it is lost.
func (s *Source) saveLast(ctx context.Context, id string, r unsavedGrant) error {
	for {
		_, err := s.o.Store.UpdateGrant(ctx, id, r.version, r.grant, false)
		switch {
		case err == nil || isSuperseded(err):
			return nil
		case !errors.Is(err, store.ErrUnavailable):
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(firstSaveWait):
		}
	}
}

// isSuperseded reports whether err says that there is no longer a grant of that version.
func isSuperseded(err error) bool {
	return errors.Is(err, connect.ErrStale) || vending.AsError(err).Code == vending.ConnectionDeleted
}
