package store

import (
	"context"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
)

func announce(t testing.TB, p *postgresDB) {
	t.Helper()
	if err := p.update(t.Context(), func(t *tx) error {
		_, err := t.ExecContext(context.Background(), pgserver.AnnounceQuery)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func wantSignal(t testing.TB, changed <-chan struct{}, within time.Duration) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(within):
		t.Errorf("no signal within %v", within)
	}
}

func TestPostgresListen(t *testing.T) {
	pg := services.PostgreSQL(t)
	b := services.PgBouncer(t, pg)
	adopted(t, pg.URL)
	through := func(url, listen string) *postgresDB {
		s := must[*Store](t)(New(Options{Dir: t.TempDir(), Postgres: url, ListenURL: listen,
			KeyEncryptionKeys: []vault.KEK{newKEK(t)}}))
		s.ready.Store(true)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s.db.(*postgresDB)
	}
	for name, p := range map[string]*postgresDB{
		"direct": through(pg.URL, ""), "with an address of its own": through(b.URL, pg.URL),
	} {
		t.Run(name, func(t *testing.T) {
			changed := p.store.Changed(t.Context())
			wantSignal(t, changed, 5*time.Second) // of the beginning
			announce(t, p)
			wantSignal(t, changed, 100*time.Millisecond)
			pg.Query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`)
			wantSignal(t, changed, 5*time.Second) // what was missed
			announce(t, p)
			wantSignal(t, changed, 100*time.Millisecond)
		})
	}
	t.Run("through PgBouncer", func(t *testing.T) {
		p := through(b.URL, "")
		changed := p.store.Changed(t.Context())
		announce(t, p)
		announce(t, p)
		select {
		case <-changed:
			t.Error("a signal through PgBouncer")
		default:
		}
		if got := pg.Query(`SELECT count(*) FROM pg_stat_activity
			WHERE query LIKE 'LISTEN%' AND datname = current_database()`); got != "2" {
			t.Errorf("%s sessions listen, want the two of before", got)
		}
	})
}

// TestPostgresAnnounced checks that another node hears of a new tenant.
func TestPostgresAnnounced(t *testing.T) {
	storetest.On(t, testPostgresAnnounced, storetest.PostgreSQL)
}

func testPostgresAnnounced(t *testing.T) {
	stores := racers(t, 2, nil)
	changed := stores[1].Changed(t.Context())
	wantSignal(t, changed, 5*time.Second) // of the beginning
	must[string](t)(stores[0].CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@example.com"}))
	wantSignal(t, changed, time.Second)
}
