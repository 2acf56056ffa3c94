package gateway

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// TestRoutesOpenOnce: many first calls at once get one route, an unknown app gets none, and nothing
// is kept of it.
func TestRoutesOpenOnce(t *testing.T) {
	apps, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	g := New(Options{Catalog: apps, Transport: func(*catalog.App) http.RoundTripper { return nil }})
	slugs := append([]string{"no-such-app"}, apps.Slugs()[:20]...)
	var mu sync.Mutex
	seen := make(map[*appRoute]bool)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for _, slug := range slugs {
				route, err := g.route(slug)
				if (err == nil) != apps.Has(slug) || err != nil && vending.AsError(err).Code != vending.UnknownApp {
					t.Errorf("%s: %v", slug, err)
				}
				if err == nil {
					mu.Lock()
					seen[route] = true
					mu.Unlock()
				}
			}
		})
	}
	callers.Wait()
	kept := 0
	g.routes.opened.Range(func(any, any) bool { kept++; return true })
	if len(seen) != 20 || kept != 20 {
		t.Errorf("%d routes were seen and %d are kept, want 20", len(seen), kept)
	}
}

func TestRouteOfCommunity(t *testing.T) {
	apps, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, slug := range all.Slugs() {
		if !apps.Off(slug) {
			continue
		}
		_, err := New(Options{Catalog: apps}).route(slug)
		if e := vending.AsError(err); e.Code != vending.UnknownApp ||
			!strings.Contains(e.Text(), "write `community "+slug+"` in the block `catalog`") {
			t.Fatalf("%s: %v", slug, err)
		}
	}
}
