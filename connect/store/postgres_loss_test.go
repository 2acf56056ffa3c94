package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// putRow stores a connection without a grant.
func putRow(t testing.TB, p *postgresDB, id string) {
	t.Helper()
	err := p.update(t.Context(), func(t *tx) error {
		_, err := t.ExecContext(context.Background(), `INSERT INTO connections (id, tenant, end_user, app, name, status,
			auth_type, via_link, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, "acme", "alice@example.com", "gmail", "Work", "pending", "o_auth", true, 1, 2, 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readIt(ctx context.Context, p *postgresDB, id string) error {
	_, _, err := p.readRow(ctx, "acme", "alice@example.com", id)
	return err
}

// wantUnavailable checks what a call on a lost server is answered with.
func wantUnavailable(t testing.TB, err error) {
	t.Helper()
	var e *vending.Error
	if !errors.Is(err, ErrUnavailable) || !errors.As(err, &e) || e.Code != vending.UpstreamUnavailable ||
		e.Origin != vending.FromVending || e.RetryAfter <= 0 {
		t.Errorf("error %v, want ErrUnavailable with Retry-After", err)
	}
}

// within runs f, and checks how long it takes.
func within(t testing.TB, most time.Duration, what string, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > most {
		t.Errorf("%s took %v, more than %v", what, took, most)
	}
}

// awaitRow reads until that works again, and returns how long it took.
func awaitRow(t testing.TB, p *postgresDB, id string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		err := readIt(t.Context(), p, id)
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("after 10 s: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestPostgresLost(t *testing.T) {
	pg := services.OwnPostgreSQL(t)
	// By default PgBouncer waits 15 s before it tries a server again.
	b := services.PgBouncer(t, pg, "server_login_retry = 1")
	for name, c := range map[string]struct {
		url        string
		lose, back func()
		first      time.Duration
	}{
		"killed":                 {pg.URL, pg.Kill, pg.Start, time.Second},
		"stopped":                {pg.URL, pg.Stop, pg.Start, time.Second},
		"hanging":                {pg.URL, pg.Freeze, pg.Thaw, rowTimeout + 500*time.Millisecond},
		"killed behind a pooler": {b.URL, pg.Kill, pg.Start, rowTimeout + 500*time.Millisecond},
		"a pooler killed":        {b.URL, b.Kill, b.Start, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := adopted(t, c.url)
			id := fmt.Sprintf("conn_%s", name)
			putRow(t, p, id)
			// Several connections, idle and in use.
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { _ = readIt(t.Context(), p, id) })
			}
			all.Wait()
			c.lose()
			within(t, c.first, "the first call", func() { wantUnavailable(t, readIt(t.Context(), p, id)) })
			within(t, 50*time.Millisecond, "20 more calls", func() {
				for range 20 {
					wantUnavailable(t, readIt(t.Context(), p, id))
				}
			})
			within(t, 50*time.Millisecond, "a write", func() {
				wantUnavailable(t, p.update(t.Context(), func(*tx) error { return nil }))
			})
			var n int
			wantUnavailable(t, p.queryRow(t.Context(), `SELECT 1`).Scan(&n))
			c.back()
			if took := awaitRow(t, p, id); took > 2*time.Second {
				t.Errorf("calls work again after %v", took)
			}
			if err := p.update(t.Context(), func(*tx) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPostgresFailover is of two servers, of which the one that takes writes changes.
func TestPostgresFailover(t *testing.T) {
	first, second := services.OwnPostgreSQL(t), services.OwnPostgreSQL(t)
	second.Query(fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD '%[2]s'; CREATE DATABASE %[1]s OWNER %[1]s ENCODING 'UTF8'
		TEMPLATE template0`, first.Database, first.Password))
	copied := fmt.Sprintf("postgres://%s:%s@%s/%[1]s?sslmode=disable", first.Database, first.Password, second.Addr)
	standby := adopted(t, copied)
	putRow(t, standby, "conn_1")
	both := fmt.Sprintf("postgres://%s:%s@%s,%s/%[1]s?sslmode=disable&target_session_attrs=read-write", first.Database,
		first.Password, first.Addr, second.Addr)
	p := adopted(t, both)
	putRow(t, p, "conn_1")
	first.Kill()
	_ = readIt(t.Context(), p, "conn_1") // which may have found the other one already
	if took := awaitRow(t, p, "conn_1"); took > 2*time.Second {
		t.Errorf("calls work again after %v", took)
	}
	// A server that has become a replica is left for the one that takes writes.
	first.Start()
	second.Query(fmt.Sprintf(`ALTER DATABASE %s SET default_transaction_read_only = on`, first.Database))
	second.Query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + first.Database + `'`)
	awaitRow(t, p, "conn_1")
	if err := p.update(t.Context(), func(t *tx) error {
		_, err := t.ExecContext(context.Background(), `UPDATE meta SET value = value WHERE name = 'tenants_version'`)
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestPostgresTerminated is of a connection that a server, or a firewall, closes: no call fails.
func TestPostgresTerminated(t *testing.T) {
	pg := services.PostgreSQL(t)
	p := adopted(t, pg.URL)
	putRow(t, p, "conn_1")
	for range 10 {
		if err := readIt(t.Context(), p, "conn_1"); err != nil {
			t.Fatal(err)
		}
		pg.Query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid()`)
	}
}

// TestPostgresHangUp checks that a client that leaves costs no connection.
func TestPostgresHangUp(t *testing.T) {
	pg := services.PostgreSQL(t)
	p := adopted(t, pg.URL)
	putRow(t, p, "conn_1")
	sessions := func() string {
		return pg.Query(`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			ORDER BY pid`)
	}
	if err := readIt(t.Context(), p, "conn_1"); err != nil {
		t.Fatal(err)
	}
	before := sessions()
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_ = readIt(ctx, p, "conn_1")
		cancel()
	}
	if err := readIt(t.Context(), p, "conn_1"); err != nil {
		t.Fatal(err)
	}
	if after := sessions(); after != before {
		t.Errorf("sessions %q, want %q", after, before)
	}
}

func TestPostgresHotRead(t *testing.T) {
	pg := services.PostgreSQL(t)
	b := services.PgBouncer(t, pg)
	direct := adopted(t, pg.URL)
	putRow(t, direct, "conn_1")
	for name, p := range map[string]*postgresDB{
		"direct": direct, "through PgBouncer": adopted(t, b.URL),
		"as the URL says": adopted(t, with(t, b.URL, "default_query_exec_mode", "exec")),
	} {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				c, sealed, err := p.readRow(t.Context(), "acme", "alice@example.com", "conn_1")
				if err != nil || sealed != nil || c.Name != "Work" || !c.ViaLink || c.NeedsReconnection ||
					c.UpdatedAt.UnixMilli() != 2 {
					t.Error(name, c, sealed, err)
				}
			})
		}
		all.Wait()
		for _, miss := range [][3]string{
			{"acme", "alice@example.com", "conn_2"}, {"acme", "bob@example.com", "conn_1"},
			{"other", "alice@example.com", "conn_1"}, {"acme", "alice@example.com", "conn_\xff"},
			{"acme", "alice@example.com", "conn_1\x00"},
		} {
			_, _, err := p.readRow(t.Context(), miss[0], miss[1], miss[2])
			var e *vending.Error
			if !errors.As(err, &e) || e.Code != vending.ConnectionDeleted {
				t.Errorf("%s: %q is %v", name, miss, err)
			}
		}
	}
}

// TestPostgresConflict checks that a transaction which the server ends for another's sake is run
// again.
func TestPostgresConflict(t *testing.T) {
	p := adopted(t, services.PostgreSQL(t).URL)
	putRow(t, p, "conn_1")
	putRow(t, p, "conn_2")
	var both, all sync.WaitGroup
	both.Add(2)
	for _, ids := range [][2]string{{"conn_1", "conn_2"}, {"conn_2", "conn_1"}} {
		all.Go(func() {
			meet := sync.OnceFunc(func() { both.Done(); both.Wait() })
			err := p.update(t.Context(), func(t *tx) error {
				for _, id := range ids {
					if _, err := t.ExecContext(context.Background(), `UPDATE connections SET version = version + 1 WHERE id = ?`,
						id); err != nil {
						return err
					}
					meet()
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var n int
	if err := p.queryRow(t.Context(), `SELECT sum(version) FROM connections`).Scan(&n); err != nil || n != 6 {
		t.Errorf("versions sum up to %d, %v, want 6", n, err)
	}
}
