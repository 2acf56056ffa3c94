package local

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/backup"
	"github.com/vendgate/vendgate/vending"
)

// TestRestoredGrant: a provider that rotates has ended the refresh token of a backup. The restored
// connection needs reconnection after one call of the provider, however many ask for it and however
// often: an old token that is offered again and again looks like theft, and a provider that detects
// reuse ends more than this grant.
func TestRestoredGrant(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	store := openStore(t, dir)
	id := importApp(t, store, "gmail", grantFor(30*time.Second))
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := backup.Write(t.Context(), store, file, nil); err != nil {
		t.Fatal(err)
	}
	source := newSource(t, p, store)
	if _, err := source.Vend(t.Context(), request(id)); err != nil {
		t.Fatal(err)
	}
	source.Close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), backup.Options{File: file, Dir: dir, Replace: true}); err != nil {
		t.Fatal(err)
	}
	restored := openStore(t, dir)
	// Its token has ended, as that of a backup has after an hour.
	source = newSource(t, p, restored, func(o *Options) {
		o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	})
	before := p.asked()
	for range 3 {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := source.Vend(t.Context(), request(id)); codeOf(err) != vending.NeedsReconnection {
					t.Errorf("error %v, want %s", err, vending.NeedsReconnection)
				}
			})
		}
		wg.Wait()
	}
	if n := p.asked() - before; n != 1 {
		t.Errorf("the provider was asked %d times, want once", n)
	}
	if c, _ := stored(t, restored, id); !c.NeedsReconnection || c.Status != connect.Active {
		t.Errorf("the connection is %s, needs reconnection: %v", c.Status, c.NeedsReconnection)
	}
}
