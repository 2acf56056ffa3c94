package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/connect"
)

// IncompleteError says that grants could not be revoked, so that what has them was kept.
type IncompleteError struct {
	// Failed is how many of them there are.
	Failed int
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%d grants could not be revoked at their providers, and their connections were kept", e.Failed)
}

// EraseUser deletes all that is kept of a tenant's end user: caller keys first, so that calls stop,
// then connections, with their grants revoked as [Manager.Revoke] does, and then the name in the
// audit trail; see [connect.Store.EraseUser]. Of r, Tenant and User say who is meant. A connection
// is deleted whatever holds it. Where a grant could not be revoked it is an *[IncompleteError], and
// it can be repeated.
func (m *Manager) EraseUser(ctx context.Context, r Revocation) (connect.Erasure, error) {
	user, err := connect.ParseUser(r.User)
	if err != nil {
		return connect.Erasure{}, err
	}
	r.User, r.App = user, ""
	if _, err := m.o.Store.RevokeUserKeys(ctx, r.Tenant, r.User); err != nil {
		return connect.Erasure{}, err
	}
	if err := m.deleteAll(ctx, r); err != nil {
		return connect.Erasure{}, err
	}
	return m.o.Store.EraseUser(ctx, r.Tenant, r.User)
}

// DeleteTenant deletes all that the store has of a tenant; see [connect.Store.DeleteTenant]. With
// connections, it disables the tenant, so that no call makes another one, and then deletes them as
// EraseUser does. Of r, Tenant says which is meant.
func (m *Manager) DeleteTenant(ctx context.Context, r Revocation, connections bool) error {
	if connections {
		// One of the configuration alone cannot be disabled.
		if err := m.o.Store.DisableTenant(ctx, r.Tenant); err != nil && !errors.Is(err, connect.ErrTenantUnknown) {
			return err
		}
		r.User, r.App = "", ""
		if err := m.deleteAll(ctx, r); err != nil {
			return err
		}
	}
	return m.o.Store.DeleteTenant(ctx, r.Tenant)
}

func (m *Manager) deleteAll(ctx context.Context, r Revocation) error {
	failed, report := 0, r.Report
	r.Delete, r.Report = true, func(done Ended) {
		if done.Err != nil {
			failed++
		}
		if report != nil {
			report(done)
		}
	}
	if err := m.Revoke(ctx, r); err != nil {
		return err
	}
	if failed > 0 {
		return &IncompleteError{failed}
	}
	return nil
}
