package outage

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

const (
	alice = "alice@example.com"
	acme  = "acme"
)

// node is what a gateway process has of its own: a store over the database, and a keyring that
// follows it.
type node struct {
	*store.Store
	keyring *policy.Keyring
}

// open opens the store of a node; dir has the keyset.
func open(t testing.TB, dir, url, listenURL string) *store.Store {
	t.Helper()
	key := must[vault.KEK](t)(vault.ParseKEK(kek))
	s := must[*store.Store](t)(store.Open(t.Context(), store.Options{Dir: dir, Postgres: url, ListenURL: listenURL,
		KeyEncryptionKeys: []vault.KEK{key}}))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newNode starts a node.
func newNode(t testing.TB, dir, url, listenURL string) *node {
	t.Helper()
	s := open(t, dir, url, listenURL)
	admit := func(s policy.StoredTenant) *policy.Tenant { return &policy.Tenant{ID: s.ID} }
	n := &node{s, policy.NewKeyring(nil, s, admit, slog.New(slog.DiscardHandler))}
	check(t, n.keyring.Load(t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { n.keyring.Watch(ctx) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	return n
}

// takes reports whether a call by the key would be served: its connection is read in each.
func (n *node) takes(t testing.TB, key, connection string) bool {
	var err error
	if policy.IsCallerKey(key) {
		_, _, err = n.keyring.Caller(t.Context(), policy.DigestOf(key))
	} else {
		var tenant *policy.Tenant
		if tenant, err = n.keyring.Lookup(t.Context(), policy.DigestOf(key)); err == nil && tenant == nil {
			return false
		}
	}
	if err == nil {
		_, _, err = n.Grant(t.Context(), acme, alice, connection)
	}
	var refusal *vending.Error
	if err != nil && (!errors.As(err, &refusal) || refusal.Code == vending.UpstreamUnavailable) {
		t.Error(err)
	}
	return err == nil
}

// refusedAfter changes something at the first node, and returns how long each still takes the key,
// and how many calls were taken.
func refusedAfter(t testing.TB, nodes []*node, key, connection string, change func()) (took []time.Duration,
	taken int64) {
	t.Helper()
	for i, n := range nodes { // which have perhaps been asked for another one a moment ago
		for began := time.Now(); !n.takes(t, key, connection); time.Sleep(time.Millisecond) {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("node %d refuses a good key", i)
			}
		}
	}
	change()
	began := time.Now()
	took = make([]time.Duration, len(nodes))
	var all sync.WaitGroup
	var calls atomic.Int64
	for i, n := range nodes {
		all.Go(func() {
			for n.takes(t, key, connection) && time.Since(began) < 10*time.Second {
				calls.Add(1)
				time.Sleep(time.Millisecond)
			}
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	return took, calls.Load()
}

// awaitListening waits until so many sessions of a database listen.
func awaitListening(t testing.TB, pg *services.Postgres, n int) {
	t.Helper()
	query := `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = '` + pg.Database + `'`
	for began := time.Now(); pg.Query(query) != strconv.Itoa(n); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s sessions listen, not %d", pg.Query(query), n)
		}
	}
}

func connectAlice(t testing.TB, s *store.Store) string {
	t.Helper()
	c := connect.Connection{Tenant: acme, User: alice, App: "gmail", AuthType: vending.OAuth}
	return must[string](t)(s.ImportConnection(t.Context(), c, connect.NewGrant(connect.GrantValues{
		AccessToken: "canary-access-0", RefreshToken: "canary-refresh-0", TokenType: "Bearer",
		Expiry: time.Now().Add(-time.Minute),
	})))
}

// TestChangesAreSeen is of what is taken away at one of three nodes: that one refuses it at once,
// the others within 100 ms if they hear of it, else within a second. Through a pooler in
// transaction mode nothing is heard.
func TestChangesAreSeen(t *testing.T) {
	const polled = 1100 * time.Millisecond // a second, and the time of a query
	for name, c := range map[string]struct {
		pooled, listening bool
		most              time.Duration
	}{
		"direct":                              {false, true, 100 * time.Millisecond},
		"through a pooler, with a listen_url": {true, true, 100 * time.Millisecond},
		"through a pooler":                    {true, false, polled},
	} {
		t.Run(name, func(t *testing.T) {
			pg, dir := services.PostgreSQL(t), t.TempDir()
			url, listenURL := pg.URL, ""
			if c.pooled {
				url = services.PgBouncer(t, pg).URL
			}
			if c.pooled && c.listening {
				listenURL = pg.URL
			}
			nodes := []*node{newNode(t, dir, url, listenURL), newNode(t, dir, url, listenURL),
				newNode(t, dir, url, listenURL)}
			first := nodes[0]
			key := must[string](t)(first.CreateTenant(t.Context(), connect.Tenant{ID: acme, Email: "owner@acme.example"}))
			if c.listening {
				awaitListening(t, pg, len(nodes))
			}
			id := connectAlice(t, first.Store)
			var own, all []time.Duration
			for range 5 {
				secret, made, err := first.CreateCallerKey(t.Context(), connect.CallerKey{Tenant: acme, User: alice,
					Connection: id}, true)
				check(t, err)
				took, _ := refusedAfter(t, nodes, secret.Reveal(), id, func() {
					check(t, first.RevokeCallerKey(t.Context(), made.ID))
				})
				own, all = append(own, took[0]), append(all, took[1:]...)

				second := must[string](t)(first.RotateKey(t.Context(), acme))
				took, _ = refusedAfter(t, nodes, key, id, func() { check(t, first.PromoteKey(t.Context(), acme)) })
				own, all = append(own, took[0]), append(all, took[1:]...)
				key = second
			}
			slices.Sort(own)
			slices.Sort(all)
			t.Logf("refused on the others after %v (median), %v at most", all[len(all)/2], all[len(all)-1])
			// The medians, because a busy machine is late now and then: who hears of nothing takes half a
			// second and more.
			if got := own[len(own)/2]; got > 100*time.Millisecond {
				t.Errorf("the node that ended keys takes them for %v", own)
			}
			if got := all[len(all)/2]; got > c.most {
				t.Errorf("revoked keys are taken for %v, more than %v", all, c.most)
			}
			if got := all[len(all)*9/10]; got > polled {
				t.Errorf("revoked keys are taken for %v, more than %v", all, polled)
			}
			took, taken := refusedAfter(t, nodes, key, id, func() {
				check(t, first.DeleteConnection(t.Context(), acme, id))
			})
			if taken > 0 {
				t.Errorf("a deleted connection is used %d times, for %v", taken, took)
			}
		})
	}
}
