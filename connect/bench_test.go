package connect

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"testing"
)

// fill imports n connections in one transaction.
func fill(b *testing.B, s *Store, n int) (ids []string) {
	b.Helper()
	err := s.update(b.Context(), "filling", func(tx *sql.Tx) error {
		for range n {
			c := gmail("alice@example.com")
			if err := c.normalize(); err != nil {
				return err
			}
			c.ID, c.Version = newConnectionID(), 1
			// The sizes of Google's: an access token of 220 bytes, a refresh token of 103.
			if err := s.insert(b.Context(), tx, c, oauthGrant("ya29."+rand.Text()+string(make([]byte, 190)), "1//"+string(make([]byte, 100)))); err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return ids
}

func BenchmarkGrant(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		s := openStore(b, b.TempDir())
		ids := fill(b, s, n)
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, _, err := s.Grant(b.Context(), "acme", "alice@example.com", ids[i*7919%n]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("rows=%d/parallel", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, _, err := s.Grant(b.Context(), "acme", "alice@example.com", ids[i*7919%n]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkUpdateGrant(b *testing.B) {
	s := openStore(b, b.TempDir())
	id := fill(b, s, 1)[0]
	g := oauthGrant("ya29.x", "1//x")
	version := int64(1)
	for b.Loop() {
		var err error
		if version, err = s.UpdateGrant(b.Context(), id, version, g, false); err != nil {
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
