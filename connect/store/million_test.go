package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// The store of BenchmarkMillion: one tenant has largeTenant of the connections, and the others have
// equally many.
const (
	millionRows    = 1_000_000
	millionTenants = 10_000
	largeTenant    = 20_000
	// auditRows is how many rows of the audit trail a connection has left.
	auditRows = 4
)

// million is a store that was filled, and the connections that can be vended.
type million struct {
	*Store
	// connections and tenants are how many it is filled with.
	connections, tenants int

	url    string // empty for SQLite
	dir    string
	kek    string
	server *services.Postgres
	rows   []connect.Connection
	// refreshed is how many of them were.
	refreshed int
}

// BenchmarkMillion measures a store of a million connections of ten thousand tenants, in SQLite and
// in PostgreSQL: `make million`. It takes about 15 minutes, and 6 GB of disk.
func BenchmarkMillion(b *testing.B) {
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			m := openMillion(b, kind)
			m.connections, m.tenants = millionRows, millionTenants
			m.fill(b)
			m.measureVends(b)
			for _, size := range []string{"tenant of 100", "tenant of 20000"} {
				m.measureLists(b, size, size != "tenant of 100")
			}
			m.measureNode(b)
			m.measureSize(b)
			b.Run("gateway", m.measureGateway)
		})
	}
}

func openMillion(tb testing.TB, kind string) *million {
	tb.Helper()
	m := &million{dir: tb.TempDir()}
	m.kek, _ = vault.CreateKEK()
	o := Options{Dir: m.dir, KeyEncryptionKeys: []vault.KEK{must[vault.KEK](tb)(vault.ParseKEK(m.kek))}}
	if kind == "postgres" {
		m.server = services.OwnPostgreSQL(tb, "shared_buffers=512MB", "maintenance_work_mem=256MB", "max_wal_size=2GB")
		m.url = m.server.URL
		o.Postgres = m.url
	}
	m.Store = must[*Store](tb)(Open(tb.Context(), o))
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	return m
}

// load adds rows to a table in one transaction, the fastest way that the database has.
func (m *million) load(tb testing.TB, table, columns string, n int, row func(i int) []any) {
	tb.Helper()
	ctx := tb.Context()
	if m.url != "" {
		conn := must[*pgx.Conn](tb)(pgx.Connect(ctx, m.url))
		_, err := conn.CopyFrom(ctx, pgx.Identifier{table}, strings.Split(columns, ", "),
			pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
		if err := errors.Join(err, conn.Close(ctx)); err != nil {
			tb.Fatal(err)
		}
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", strings.Count(columns, ",")+1), ", ")
	err := m.update(ctx, "filling", func(tx *tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO `+table+` (`+columns+`) VALUES (`+marks+`)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := 0; i < n && err == nil; i++ {
			_, err = insert.ExecContext(ctx, row(i)...)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func digestAt(kind string, i int) []byte {
	d := connect.DigestOf(fmt.Sprint(kind, i))
	return d[:]
}

// keyAt is the key of the i-th tenant.
func keyAt(i int) string { return fmt.Sprintf("%s%043d", policy.KeyPrefix, i) }

// fill stores tenants with a key and a caller key each, connections with their grants, links and
// audit trail. The connections of one tenant lie apart, as they do when tenants grow side by side.
func (m *million) fill(b *testing.B) {
	b.Helper()
	begun, at := time.Now(), time.Now().UnixMilli()
	m.load(b, "tenants", "id, email, capabilities, created_at", m.tenants, func(i int) []any {
		return []any{tenantOf(i), "ops@example.com", string(policy.CapToken), at}
	})
	m.load(b, "tenant_keys", "digest, tenant, generation, created_at", m.tenants, func(i int) []any {
		d := connect.DigestOf(keyAt(i))
		return []any{d[:], tenantOf(i), 1, at}
	})
	m.load(b, "connections", "id, tenant, end_user, app, name, status, auth_type, via_link, needs_reconnection, "+
		"verified, created_at, updated_at, version, sealed", m.connections, func(i int) []any {
		c := m.connection(i)
		var sealed []byte
		if c.Status == connect.Active {
			sealed = m.seal(b, c)
		}
		return []any{c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), string(c.AuthType), 1,
			oneIf(c.NeedsReconnection), 1, at + int64(i), at + int64(i), c.Version, sealed}
	})
	m.fillAround(b, at)
	m.settle(b)
	b.Logf("filled in %v", time.Since(begun).Round(time.Second))
}

// fillAround stores what belongs to connections.
func (m *million) fillAround(b *testing.B, at int64) {
	m.load(b, "links", "digest, connection, status, renews, created_at, expires_at", m.connections, func(i int) []any {
		return []any{digestAt("link", i), m.rows[i].ID, string(m.rows[i].Status), 0, at,
			at + connect.LinkLifetime.Milliseconds()}
	})
	m.load(b, "caller_keys", "id, digest, tenant, end_user, connection, name, apps, methods, paths, budget, created_at",
		min(m.tenants, m.connections), func(i int) []any {
			c := m.rows[i]
			return []any{connect.NewCallerKeyID(), digestAt("caller", i), c.Tenant, "", c.ID, "agent", "", "", "", 0, at}
		})
	events := [auditRows]connect.Event{connect.LinkCreated, connect.LinkOpened, connect.LinkAccepted,
		connect.ConnectionCreated}
	m.load(b, "audit", "at, tenant, event, actor, request, connection, end_user, app, detail", auditRows*m.connections,
		func(i int) []any {
			c := m.rows[i/auditRows]
			return []any{at, c.Tenant, string(events[i%auditRows]), "api key 0123456789ab",
				"7d0c5b1e-0d0e-4d8e-9b3a-0a6c5b1e0d0e", c.ID, c.User, c.App, ""}
		})
}

// settle does what the databases do by themselves within the first minutes.
func (m *million) settle(b *testing.B) {
	if m.url != "" {
		m.server.Query("VACUUM ANALYZE")
		m.server.Query("CHECKPOINT")
	}
	for range m.connections/foldAtMost + 1 {
		if _, err := m.Sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if m.url != "" { // what the folded rows leave behind, which no store has that grew in time
		m.server.Query("VACUUM FULL connection_counts")
	}
	m.rows = slices.DeleteFunc(m.rows, func(c connect.Connection) bool {
		return c.Status != connect.Active || c.Tenant == tenantOf(0)
	})
}

func oneIf(set bool) int {
	if set {
		return 1
	}
	return 0
}

// connection makes the i-th. Of a hundred, one waits for its end user, three never came to be and
// two need to be reconnected.
func (m *million) connection(i int) connect.Connection {
	tenant, n := i%m.tenants, i/m.tenants
	if every := millionRows / largeTenant; i%every == every-1 {
		tenant, n = 0, i/every
	}
	c := connect.Connection{
		ID: connect.NewConnectionID(), Tenant: tenantOf(tenant), User: fmt.Sprintf("user%d@example.com", n/5),
		App: fmt.Sprintf("app%d", i%20), Name: fmt.Sprintf("Connection %d of a customer", n), AuthType: vending.OAuth,
		Status: connect.Active, Version: 1,
	}
	switch kind := i * 7919 / 100 % 100; {
	case kind == 0:
		c.Status = connect.Pending
	case kind <= 2:
		c.Status = connect.Expired
	case kind == 3:
		c.Status = connect.Rejected
	default:
		c.NeedsReconnection = kind <= 5
	}
	m.rows = append(m.rows, c)
	return c
}

// seal returns a grant of the size of Google's: an access token of 220 bytes, a refresh token of
// 103.
func (m *million) seal(tb testing.TB, c connect.Connection) []byte {
	g := connect.NewGrant(connect.GrantValues{
		AccessToken:  "ya29." + strings.Repeat(rand.Text(), 9)[:215],
		RefreshToken: "1//" + strings.Repeat(rand.Text(), 4)[:100],
		TokenType:    "Bearer", Scope: "mail.read", Expiry: time.Now().Add(connect.LinkLifetime).UTC().Truncate(time.Second),
	})
	plain, err := g.Reveal().Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return must[[]byte](tb)(m.vault.Seal(plain, bindingOf(c).associatedData()))
}

// cpu is the CPU time of this process, and that of the sessions of the database server.
func (m *million) cpu(b *testing.B) (own, server time.Duration) {
	b.Helper()
	if m.url != "" {
		rows, err := m.db.(*postgresDB).sql.QueryContext(b.Context(),
			`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`)
		if err != nil {
			b.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var pid int
			if err := rows.Scan(&pid); err != nil {
				b.Fatal(err)
			}
			server += processCPU(b, pid)
		}
		if err := rows.Err(); err != nil {
			b.Fatal(err)
		}
	}
	return processCPU(b, os.Getpid()), server
}

// best reports percentiles of what f takes, of that tenth of the calls in which they are least: the
// rest of the machine slows the others. The CPU time is of all calls.
func (m *million) best(b *testing.B, f func(ctx context.Context, i int) error) {
	own, server := m.cpu(b)
	defer func() {
		o, s := m.cpu(b)
		b.ReportMetric(float64(o+s-own-server)/float64(time.Millisecond)/float64(b.N), "cpu-ms")
	}()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		if err := f(b.Context(), i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	least := map[int]time.Duration{}
	for part := range slices.Chunk(took, max(len(took)/10, min(len(took), 100))) {
		if len(part) < 100 && len(least) > 0 {
			continue
		}
		slices.Sort(part)
		for _, percent := range []int{50, 99} {
			at := part[len(part)*percent/100]
			if l, ok := least[percent]; !ok || at < l {
				least[percent] = at
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for percent, at := range least {
		b.ReportMetric(float64(at)/float64(time.Millisecond), fmt.Sprintf("p%d-ms", percent))
	}
}

// fewTimes reports the least time of what takes long.
func fewTimes(b *testing.B, f func(ctx context.Context) error) {
	least := time.Hour
	for range 7 {
		begun := time.Now()
		if err := f(b.Context()); err != nil {
			b.Fatal(err)
		}
		least = min(least, time.Since(begun))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(least)/float64(time.Millisecond), "least-ms")
}

// at picks one after the other, no two of which are neighbours: the factor is a prime.
func (m *million) at(i int) connect.Connection { return m.rows[i*6_700_417%len(m.rows)] }

func (m *million) measureVends(b *testing.B) {
	b.Run("vend", func(b *testing.B) {
		m.best(b, func(ctx context.Context, i int) error {
			c := m.at(i)
			_, _, err := m.Grant(ctx, c.Tenant, c.User, c.ID)
			return err
		})
	})
	b.Run("refresh", func(b *testing.B) {
		g := oauthGrant("ya29."+strings.Repeat(rand.Text(), 9)[:215], "1//"+strings.Repeat(rand.Text(), 4)[:100])
		m.best(b, func(ctx context.Context, _ int) error {
			c := m.at(m.refreshed) // each once
			m.refreshed++
			if _, err := m.AcquireRefresh(ctx, c.ID, connect.RefreshState{Version: 1}, "node", connect.MaxLease); err != nil {
				return err
			}
			_, err := m.UpdateGrant(ctx, c.ID, 1, g, false)
			return err
		})
	})
}

// measureLists reads lists of the large tenant, or of the others in turn.
func (m *million) measureLists(b *testing.B, name string, large bool) {
	ended, deep := true, 0
	if large {
		deep = largeTenant/connect.MaxLimit - 1
	}
	for _, list := range []struct {
		name   string
		filter connect.Filter
		from   func(c connect.Connection, f *connect.Filter)
	}{
		{"list", connect.Filter{}, nil},
		{"list, last page", connect.Filter{Page: deep, Limit: connect.MaxLimit}, nil},
		{"list of a user", connect.Filter{}, func(c connect.Connection, f *connect.Filter) { f.User = c.User }},
		{"search, many", connect.Filter{Search: "Customer"}, nil},
		{"search, few", connect.Filter{Search: "user3@"}, nil},
		{"search, none", connect.Filter{Search: "nowhere"}, nil},
		{"search by id", connect.Filter{}, func(c connect.Connection, f *connect.Filter) { f.Search = c.ID[:10] }},
		{"needs reconnection", connect.Filter{NeedsReconnection: &ended}, nil},
		{"expired", connect.Filter{Status: connect.Expired}, nil},
	} {
		b.Run(name+"/"+list.name, func(b *testing.B) {
			m.best(b, func(ctx context.Context, i int) error {
				c, f := m.at(i), list.filter
				if large {
					c = connect.Connection{ID: c.ID, Tenant: tenantOf(0), User: fmt.Sprintf("user%d@example.com", i%4000)}
				}
				if f.Tenant = c.Tenant; list.from != nil {
					list.from(c, &f)
				}
				_, _, err := m.Connections(ctx, f)
				return err
			})
		})
	}
}

// measureNode measures what each gateway does by itself.
func (m *million) measureNode(b *testing.B) {
	b.Run("counts", func(b *testing.B) {
		m.best(b, func(ctx context.Context, _ int) error { _, err := m.ConnectionCounts(ctx); return err })
	})
	b.Run("tenants' version", func(b *testing.B) {
		m.best(b, func(ctx context.Context, _ int) error { _, err := m.TenantsVersion(ctx); return err })
	})
	b.Run("tenants' keys", func(b *testing.B) {
		fewTimes(b, func(ctx context.Context) error { _, err := m.TenantKeys(ctx); return err })
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		stored, err := m.TenantKeys(b.Context())
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err != nil || len(stored.Tenants) != millionTenants || len(stored.Callers) != millionTenants {
			b.Fatal(len(stored.Tenants), len(stored.Callers), err)
		}
		b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/(1<<20), "MiB")
	})
	b.Run("open", func(b *testing.B) {
		fewTimes(b, func(ctx context.Context) error {
			again, err := Open(ctx, m.o)
			if err != nil {
				return err
			}
			return again.Close()
		})
	})
}

func (m *million) measureSize(b *testing.B) {
	if m.url != "" {
		b.Logf("size: %s\n%s", m.server.Query(`SELECT pg_size_pretty(pg_database_size(current_database()))`),
			m.server.Query(`SELECT relname, pg_size_pretty(pg_table_size(oid)), pg_size_pretty(pg_indexes_size(oid))
				FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
				ORDER BY pg_total_relation_size(oid) DESC LIMIT 4`))
		return
	}
	info, err := os.Stat(filepath.Join(m.dir, DatabaseName))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("size: %d MiB", info.Size()>>20)
}
