package local

import (
	"github.com/vendgate/vendgate/connect/store/storetest"
	"slices"
	"testing"
	"time"
)

// TestSiteNames: the names of a connection's site come along with its credential, and a refresh
// keeps them.
func TestSiteNames(t *testing.T) { storetest.DirectAtOnce(t, testSiteNames) }

func testSiteNames(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	grant := grantFor(time.Hour)
	grant.SiteNames = []string{"www.a.example", "b.example/git"}
	r := request(importApp(t, store, "gmail", grant))
	for _, r.Force = range []bool{false, true} {
		cred, err := s.Vend(t.Context(), r)
		if err != nil || !slices.Equal(cred.SiteNames(), grant.SiteNames) {
			t.Errorf("forced %t: names %q, %v", r.Force, cred.SiteNames(), err)
		}
	}
	if p.asked() != 1 {
		t.Errorf("%d refreshes, want 1", p.asked())
	}
}
