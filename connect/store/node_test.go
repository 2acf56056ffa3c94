package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
)

// onEach runs a test on SQLite and on PostgreSQL; a store of the options has a key-encryption key.
func onEach(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	keks := []vault.KEK{newKEK(t)}
	t.Run("SQLite", func(t *testing.T) {
		test(t, Options{Dir: t.TempDir(), KeyEncryptionKeys: keks, Now: time.Now})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		test(t, Options{Dir: t.TempDir(), KeyEncryptionKeys: keks, Now: time.Now, Postgres: services.PostgreSQL(t).URL})
	})
}

// silence makes the row of a node look as if it had been written so much earlier.
func silence(t *testing.T, s *Store, d time.Duration) {
	t.Helper()
	execSQL(t, s, `UPDATE nodes SET seen_at = seen_at - ? WHERE id = ?`, d.Milliseconds(), s.node.id)
}

// stored opens n stores of one database, each of which serves calls.
func stored(t *testing.T, n int, o Options) []*Store {
	t.Helper()
	var all []*Store
	for range n {
		s := openWith(t, o)
		beat(t, s)
		all = append(all, s)
	}
	return all
}

func beat(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// beating has stores beat, as gateways do, until the function that it returns is called.
func beating(t *testing.T, stores ...*Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, s := range stores {
		running.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if err := s.Beat(ctx); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}
		})
	}
	return sync.OnceFunc(func() { cancel(); running.Wait() })
}

// nodeIDs lists the rows of nodes.
func nodeIDs(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	return must[[]string](t)(s.nodesWithout(t.Context(), "none has this"))
}

func TestNodes(t *testing.T) { onEach(t, testNodes) }

func testNodes(t *testing.T, o Options) {
	clock := new(ticker)
	o.Now = clock.now
	all := stored(t, 3, o)
	tool := openWith(t, o)
	if ids := nodeIDs(t, tool); len(ids) != 3 || !slices.Contains(ids, all[0].node.id) {
		t.Errorf("nodes %s, want those that beat", ids)
	}
	closeStore(t, all[0])
	if ids := nodeIDs(t, tool); len(ids) != 2 || slices.Contains(ids, all[0].node.id) {
		t.Errorf("nodes %s after one was closed", ids)
	}
	if err := all[0].Beat(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed store beats: %v", err)
	}
	silence(t, all[1], nodeDead/2)
	if ids := nodeIDs(t, tool); len(ids) != 2 {
		t.Errorf("nodes %s, the last of them seen 5 s ago", ids)
	}
	silence(t, all[1], nodeDead)
	if ids := nodeIDs(t, tool); !slices.Equal(ids, []string{all[2].node.id}) {
		t.Errorf("nodes %s, want the one that goes on", ids)
	}
	clock.add(nodeInterval)
	beat(t, all[1])
	if ids := nodeIDs(t, tool); len(ids) != 2 {
		t.Errorf("nodes %s after one came back", ids)
	}
	silence(t, all[1], nodeForgotten+nodeDead)
	clock.add(nodeInterval)
	beat(t, all[2])
	var rows int
	if err := tool.queryRow(t.Context(), `SELECT count(*) FROM nodes`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v; the dead one's should be gone", rows, err)
	}
}

// TestNodeOfAKeysetFile: no one waits for those who read a file.
func TestNodeOfAKeysetFile(t *testing.T) {
	s := openStore(t, t.TempDir())
	beat(t, s)
	if ids := nodeIDs(t, s); ids != nil {
		t.Errorf("nodes %s", ids)
	}
}

// TestRotateOverNodes rotates while three nodes read and write: no call fails, and the new key
// seals nothing before all have it.
func TestRotateOverNodes(t *testing.T) { onEach(t, testRotateOverNodes) }

func testRotateOverNodes(t *testing.T, o Options) {
	all := stored(t, 3, o)
	tool := openWith(t, o)
	var ids []string
	for range resealBatch + 3 {
		ids = append(ids, importGmail(t, tool, "ya29.first"))
	}
	stop := beating(t, all...)
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var load sync.WaitGroup
	for n, s := range all {
		load.Go(func() {
			version := int64(1)
			for i := 0; ctx.Err() == nil; i++ {
				if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", ids[i%len(ids)]); err != nil {
					t.Errorf("node %d: %v", n, err)
					return
				}
				if i%20 != 0 {
					continue
				}
				var err error
				if version, err = s.UpdateGrant(t.Context(), ids[n], version, oauthGrant("ya29.first", ""), false); err != nil {
					t.Errorf("node %d: %v", n, err)
					return
				}
			}
		})
	}
	const rotations = 3
	for range rotations {
		if _, err := tool.RotateKeyset(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	load.Wait()
	stop()
	if n := len(tool.vault.Keys()); n != rotations+1 {
		t.Errorf("%d keys, want %d", n, rotations+1)
	}
	for _, s := range all {
		wantPrimary(t, tool, importGmail(t, s, "ya29.last"))
	}
	var old int
	err := tool.queryRow(t.Context(), `SELECT count(*) FROM connections WHERE `+ofOldKeys, vault.PrefixLen,
		tool.vault.Prefix()).Scan(&old)
	if err != nil || old != 0 {
		t.Errorf("%d rows are of old keys, %v", old, err)
	}
}

// TestRotationWaits: until the last live node has read the key, the old one seals, on each of them.
func TestRotationWaits(t *testing.T) { onEach(t, testRotationWaits) }

func testRotationWaits(t *testing.T, o Options) {
	all := stored(t, 2, o)
	tool := openWith(t, o)
	tool.patience = 200 * time.Millisecond
	first := tool.vault.Primary()
	stop := beating(t, all[0])
	_, err := tool.RotateKeyset(t.Context())
	stop()
	var missing *NodesError
	if !errors.As(err, &missing) || !slices.Equal(missing.Missing, []string{all[1].node.id}) ||
		!strings.Contains(err.Error(), all[1].node.id) {
		t.Fatalf("error %v, want one that names %s", err, all[1].node.id)
	}
	for _, s := range all {
		importGmail(t, s, "ya29.one")
	}
	if tool.vault.Primary() != first || all[0].vault.Primary() != first || len(all[0].vault.Keys()) != 2 {
		t.Errorf("keys %d; key %d seals, want %d", all[0].vault.Keys(), tool.vault.Primary(), first)
	}
	// The next one goes on with the same key, and does not wait for a node that is dead.
	silence(t, all[1], nodeDead+time.Second)
	if _, err := tool.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(tool.vault.Keys()); n != 2 {
		t.Errorf("%d keys, want 2: the interrupted rotation's was to be used", n)
	}
	// The one that was not waited for reads the keyset when it meets the key, and before it seals.
	wantAccess(t, all[1], importGmail(t, tool, "ya29.two"), "ya29.two")
	wantPrimary(t, tool, importGmail(t, all[1], "ya29.three"))
}

// TestNodeWithoutTheKey: a node that cannot read the keyset any more says so, and is waited for.
func TestNodeWithoutTheKey(t *testing.T) { onEach(t, testNodeWithoutTheKey) }

func testNodeWithoutTheKey(t *testing.T, o Options) {
	old, next := o.KeyEncryptionKeys[0], newKEK(t)
	node := stored(t, 1, o)[0]
	id := importGmail(t, node, "ya29.one")
	both := o
	both.KeyEncryptionKeys = []vault.KEK{next, old}
	tool := openWith(t, both)
	tool.patience = 10 * time.Millisecond
	var missing *NodesError
	if _, err := tool.ChangeKEK(t.Context()); !errors.As(err, &missing) ||
		!strings.Contains(err.Error(), "the key-encryption key "+next.Fingerprint()) {
		t.Fatalf("changed under a node that does not have the key: %v", err)
	}
	closeStore(t, node)
	must[KeySeal](t)(tool.ChangeKEK(t.Context()))

	// One that comes up late, with the old key alone, and was open before.
	late := must[*Store](t)(New(o))
	var refusal *vault.KEKError
	if err := late.Beat(t.Context()); !errors.As(err, &refusal) {
		t.Errorf("a node with the old key: %v", err)
	}
	closeStore(t, late)
	wantAccess(t, tool, id, "ya29.one")
}

// TestRotateSealedTogether rotates in two stores while nodes work: no key may get lost.
func TestRotateSealedTogether(t *testing.T) { onEach(t, testRotateSealedTogether) }

func testRotateSealedTogether(t *testing.T, o Options) {
	server := stored(t, 1, o)[0]
	stop := beating(t, server)
	defer stop()
	id := importGmail(t, server, "ya29.one")
	done := make(chan error, 2)
	for range 2 {
		s := openWith(t, o)
		go func() {
			var err error
			for i := 0; i < 3 && err == nil; i++ {
				_, err = s.RotateKeyset(t.Context())
			}
			done <- err
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	wantAccess(t, server, id, "ya29.one")
	s := openWith(t, o)
	wantAccess(t, s, id, "ya29.one")
	if n := len(s.vault.Keys()); n < 4 || n > 7 {
		t.Errorf("%d keys, want those of three rotations at least", n)
	}
}
