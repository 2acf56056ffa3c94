package store

import (
	"context"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
)

// TestSweepLetsOthersWrite: a sweep of many batches holds the lock nearly all the time; a store of
// another process still gets its turn before it gives up.
func TestSweepLetsOthersWrite(t *testing.T) { storetest.EachAtOnce(t, testSweepLetsOthersWrite) }

func testSweepLetsOthersWrite(t *testing.T) {
	dir := t.TempDir()
	sweeper, other := openStore(t, dir), openStore(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wrote := make(chan error, 1)
	begun, over := false, false
	_, err := sweeper.inBatches(ctx, func(ctx context.Context, tx *tx) (int, error) {
		if !begun {
			begun = true
			go func() { wrote <- other.BeginSession(ctx, connect.DigestOf("cookie"), connect.Session{Tenant: "acme"}) }()
		}
		select {
		case err := <-wrote:
			over = true
			return 0, err
		default:
		}
		// As much work as a batch on a slow disk.
		var n int
		return sweepBatch, tx.QueryRowContext(ctx, `WITH RECURSIVE many(i) AS (SELECT 1 UNION ALL
			SELECT i + 1 FROM many WHERE i < 100000) SELECT count(*) FROM many`).Scan(&n)
	})
	if err != nil || !over {
		t.Errorf("the other store has written: %v, %v", over, err)
	}
}
