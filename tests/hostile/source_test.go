package hostile

import (
	"context"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(scripted)) }

// scripted is the source `scripted`: it counts, and vends what the running case tells it to.
type scripted struct{}

func (*scripted) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.scripted", New: func() caddy.Module { return new(scripted) }}
}

func (*scripted) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*scripted) OpenSource(*caddymodule.SourceEnv) (vending.Source, error) { return script, nil }

var (
	_ caddymodule.SourceModule = (*scripted)(nil)
	_ caddyfile.Unmarshaler    = (*scripted)(nil)
	_ vending.Source           = (*scriptedSource)(nil)
)

// script is what `scripted` does at the moment: modules are made by Caddy, so that a case cannot
// reach its own.
var script = new(scriptedSource)

type vendFunc func(vending.Request) (vending.Credential, error)

type scriptedSource struct {
	mu    sync.Mutex
	next  vendFunc
	vends int
}

// play makes next answer every vend from now on, and starts to count anew.
func (s *scriptedSource) play(next vendFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next, s.vends = next, 0
}

func (s *scriptedSource) vended() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vends
}

func (s *scriptedSource) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	s.mu.Lock()
	s.vends++
	next := s.next
	s.mu.Unlock()
	if next == nil {
		return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
	}
	return next(r)
}

// fields vends named values, given as name and value in turn.
func fields(authType vending.AuthType, pairs ...string) vendFunc {
	return func(r vending.Request) (vending.Credential, error) {
		var list []vending.Field
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, vending.Field{Name: pairs[i], Value: pairs[i+1]})
		}
		return vending.NewFields(r.App, authType, list), nil
	}
}
