package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
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
