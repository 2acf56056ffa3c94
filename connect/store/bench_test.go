package store

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// The size of Google's tokens: an access token of 220 bytes, a refresh token of 103.
func benchGrant() connect.Grant {
	return oauthGrant("ya29."+rand.Text()+string(make([]byte, 190)), "1//"+string(make([]byte, 100)))
}

// fill stores n connections in one transaction, dealt out to so many tenants in turn, with the
// links that made them. A tenant's end users have five each. The connections of one tenant lie
// apart in the database, as they do when tenants grow side by side.
func fill(tb testing.TB, s *Store, n, tenants int) (found []connect.Connection) {
	tb.Helper()
	err := s.update(tb.Context(), "filling", func(tx *tx) error {
		for i := range n {
			c := gmail(fmt.Sprintf("user%d@example.com", i/tenants/5))
			c.Tenant, c.Name = tenantOf(i%tenants), fmt.Sprintf("Connection %d of a customer", i)
			if err := c.Normalize(); err != nil {
				return err
			}
			c.ID, c.Version, c.ViaLink = connect.NewConnectionID(), 1, true
			if err := s.insert(tb.Context(), tx, c, benchGrant()); err != nil {
				return err
			}
			digest := connect.DigestOf(c.ID)
			if _, err := tx.ExecContext(tb.Context(), `INSERT INTO links
				(digest, connection, status, renews, created_at, expires_at) VALUES (?, ?, 'active', 0, ?, ?)`,
				digest[:], c.ID, epoch.UnixMilli(), epoch.Add(connect.LinkLifetime).UnixMilli()); err != nil {
				return err
			}
			found = append(found, c)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func tenantOf(i int) string { return fmt.Sprintf("tenant%d", i) }

// openFilled opens a store whose clock goes on by a millisecond a reading, so that times differ as
// they do in life.
func openFilled(tb testing.TB, n, tenants int) (*Store, []connect.Connection) {
	tb.Helper()
	var clock ticker
	s := openStoreAt(tb, tb.TempDir(), func() time.Time { clock.add(time.Millisecond); return clock.now() })
	return s, fill(tb, s, n, tenants)
}

// reportTimes reports the median and the 99th percentile of what f takes, in microseconds.
func reportTimes(b *testing.B, f func(i int) error) {
	b.Helper()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		if err := f(i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	reportPercentiles(b, "", took)
}

func reportPercentiles(b *testing.B, name string, took []time.Duration) {
	slices.Sort(took)
	for _, percent := range []int{50, 99} {
		at := took[min(len(took)*percent/100, len(took)-1)]
		b.ReportMetric(float64(at)/float64(time.Microsecond), fmt.Sprintf("%sp%d-µs", name, percent))
	}
}

// BenchmarkConnections lists and searches 100,000 connections of 1,000 tenants, and 20,000 of one
// among others.
func BenchmarkConnections(b *testing.B) {
	for _, size := range []struct{ rows, tenants int }{{100_000, 1_000}, {100_000, 5}} {
		s, found := openFilled(b, size.rows, size.tenants)
		// 7919 is a prime: one tenant after the other, and no two that are neighbours.
		of := func(f connect.Filter) func(i int) connect.Filter {
			return func(i int) connect.Filter {
				f.Tenant, f.Limit = tenantOf(i*7919%size.tenants), connect.MaxLimit
				return f
			}
		}
		for _, c := range []struct {
			name   string
			filter func(i int) connect.Filter
		}{
			{"user", func(i int) connect.Filter {
				c := found[i*7919%len(found)]
				return connect.Filter{Tenant: c.Tenant, User: c.User}
			}},
			{"tenant", of(connect.Filter{})},
			{"tenant, last page", of(connect.Filter{Page: size.rows / size.tenants / connect.MaxLimit})},
			{"active", of(connect.Filter{Status: connect.Active})},
			{"expired", of(connect.Filter{Status: connect.Expired})},
			{"search many", of(connect.Filter{Search: "Customer"})},
			{"search few", of(connect.Filter{Search: "user3@"})},
			{"search none", of(connect.Filter{Search: "nobody"})},
		} {
			b.Run(fmt.Sprintf("%s, %d a tenant", c.name, size.rows/size.tenants), func(b *testing.B) {
				reportTimes(b, func(i int) error {
					_, _, err := s.Connections(b.Context(), c.filter(i))
					return err
				})
			})
		}
	}
}

// BenchmarkGrant reads grants of a small and of a large store in turn, so that whatever else the
// machine does slows both.
func BenchmarkGrant(b *testing.B) {
	type store struct {
		*Store
		found []connect.Connection
		took  []time.Duration
	}
	var stores []*store
	sizes := []int{10, 100_000}
	for _, n := range sizes {
		s, found := openFilled(b, n, min(n, 1000))
		stores = append(stores, &store{Store: s, found: found})
	}
	read := func(s *store, i int) error {
		c := s.found[i*7919%len(s.found)]
		_, _, err := s.Grant(b.Context(), c.Tenant, c.User, c.ID)
		return err
	}
	for i := range 20_000 { // until every reader's page cache is full
		for _, s := range stores {
			if err := read(s, i); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("in turn", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			for _, s := range stores {
				begun := time.Now()
				if err := read(s, i); err != nil {
					b.Fatal(err)
				}
				s.took = append(s.took, time.Since(begun))
			}
		}
		for i, s := range stores {
			reportPercentiles(b, fmt.Sprintf("rows=%d-", sizes[i]), s.took)
		}
	})
	for i, s := range stores {
		b.Run(fmt.Sprintf("rows=%d", sizes[i]), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := read(s, i); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("rows=%d/parallel", sizes[i]), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := read(s, i); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkUpdateGrant(b *testing.B) {
	s, found := openFilled(b, 1, 1)
	g := oauthGrant("ya29.x", "1//x")
	version := int64(1)
	for b.Loop() {
		var err error
		if version, err = s.UpdateGrant(b.Context(), found[0].ID, version, g, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTenantsVersion(b *testing.B) {
	s := openStore(b, b.TempDir())
	for b.Loop() {
		if _, err := s.TenantsVersion(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens the store of a directory that has one, as each command does.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := Open(b.Context(), Options{Dir: dir})
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
