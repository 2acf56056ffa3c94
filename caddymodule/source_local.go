package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(LocalSource)) }

// LocalSource is the source `local`: the embedded connection manager, in this process.
type LocalSource struct {
	// Margin is how long before its end an access token is refreshed. Default: 60s. Negative is an
	// error.
	Margin caddy.Duration `json:"margin,omitempty"`
	// RefreshTimeout bounds one call to a token endpoint. Default: 10s. Negative, or longer than
	// vend_timeout, is an error. A call whose refresh lease cannot be renewed ends sooner, within 4 s
	// of the last renewal.
	RefreshTimeout caddy.Duration `json:"refresh_timeout,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*LocalSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.local", New: func() caddy.Module { return new(LocalSource) }}
}

// checkFits implements fitChecker. No vend could wait for a refresh that may take longer than
// vend_timeout, and two local sources would refresh the grants of one store against each other.
func (s *LocalSource) checkFits(a *App, name string, others map[string]SourceModule) error {
	for _, other := range slices.Sorted(maps.Keys(others)) {
		if usesStore(others[other]) {
			return errLocalTwice(other, name)
		}
	}
	if s.RefreshTimeout > a.VendTimeout {
		return fmt.Errorf("source %s: refresh_timeout %s is longer than vend_timeout %s: write a shorter one, or a longer "+
			"vend_timeout", name, time.Duration(s.RefreshTimeout), time.Duration(a.VendTimeout))
	}
	return nil
}

func errLocalTwice(first, second string) error {
	return fmt.Errorf("sources %s and %s are of type local, and there is one store: keep one of them", first, second)
}

// usesStore implements storeUser.
func (*LocalSource) usesStore() {}

// OpenSource implements SourceModule. Token endpoints are dialled under the guard of their app.
func (s *LocalSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if s.Margin < 0 || s.RefreshTimeout < 0 {
		return nil, errors.New("margin and refresh_timeout: write positive durations, like 60s and 10s")
	}
	return local.New(local.Options{
		Store: env.store, Catalog: env.Catalog.App, Clients: env.Clients, Transport: env.Guarded,
		Margin: time.Duration(s.Margin), RefreshTimeout: time.Duration(s.RefreshTimeout), Logger: env.Logger,
		Refreshed: env.refreshed,
	}), nil
}

var (
	_ storeUser  = (*LocalSource)(nil)
	_ fitChecker = (*LocalSource)(nil)
)
