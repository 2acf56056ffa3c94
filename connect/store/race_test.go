package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// racers opens a database in so many stores, as processes do.
func racers(t testing.TB, n int, now func() time.Time) (stores []*Store) {
	t.Helper()
	dir := t.TempDir()
	for range n {
		stores = append(stores, openStoreAt(t, dir, now))
	}
	return stores
}

// atOnce runs f in n goroutines, on one store or the other, and returns their errors.
func atOnce(stores []*Store, n int, f func(s *Store, i int) error) []error {
	errs := make([]error, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			errs[i] = f(stores[i%len(stores)], i)
		})
	}
	close(begin)
	all.Wait()
	return errs
}

// wantOne checks that one of them succeeded and all others failed as told.
func wantOne(t testing.TB, errs []error, others func(error) bool) {
	t.Helper()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !others(err):
			t.Errorf("error %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d succeeded, want 1", won, len(errs))
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func hasCode(code vending.Code) func(error) bool {
	return func(err error) bool {
		var e *vending.Error
		return errors.As(err, &e) && e.Code == code
	}
}

func count(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.queryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// rounds is how often each race is run.
var rounds = flag.Int("rounds", 6, "how often each race is run")

// TestRaces has two nodes do at once what one writer of SQLite does in order.
func TestRaces(t *testing.T) { storetest.EachAtOnce(t, testRaces) }

func testRaces(t *testing.T) {
	stores := racers(t, 2, func() time.Time { return epoch })
	s := stores[0]
	ctx := t.Context()
	for name, race := range map[string]func(t *testing.T, round int){
		"rotating a tenant key": func(t *testing.T, round int) {
			id := fmt.Sprintf("rotating%d", round)
			must[string](t)(s.CreateTenant(ctx, connect.Tenant{ID: id, Email: "ops@example.com"}))
			wantOne(t, atOnce(stores, 4, func(s *Store, _ int) error { _, err := s.RotateKey(ctx, id); return err }),
				is(connect.ErrTwoKeys))
			wantOne(t, atOnce(stores, 4, func(s *Store, _ int) error { return s.PromoteKey(ctx, id) }), is(connect.ErrOneKey))
			if n := count(t, s, `SELECT count(*) FROM tenant_keys WHERE tenant = ?`, id); n != 1 {
				t.Errorf("%d keys", n)
			}
		},
		"enabling a tenant": func(t *testing.T, round int) {
			id := fmt.Sprintf("enabling%d", round)
			must[string](t)(s.CreateTenant(ctx, connect.Tenant{ID: id, Email: "ops@example.com"}))
			if err := s.DisableTenant(ctx, id); err != nil {
				t.Fatal(err)
			}
			wantOne(t, atOnce(stores, 4, func(s *Store, _ int) error { _, err := s.EnableTenant(ctx, id, true); return err }),
				is(connect.ErrTenantEnabled))
		},
		"changing tenants": func(t *testing.T, _ int) {
			before := must[int64](t)(s.TenantsVersion(ctx))
			for i, err := range atOnce(stores, 8, func(s *Store, i int) error {
				_, err := s.CreateTenant(ctx, connect.Tenant{ID: fmt.Sprintf("many%d", i), Email: "ops@example.com"})
				if err == nil {
					err = s.DeleteTenant(ctx, fmt.Sprintf("many%d", i))
				}
				return err
			}) {
				if err != nil {
					t.Error(i, err)
				}
			}
			if after := must[int64](t)(s.TenantsVersion(ctx)); after != before+16 {
				t.Errorf("the version went from %d to %d in 16 changes", before, after)
			}
		},
		"setting an oauth client": func(t *testing.T, round int) {
			for _, err := range atOnce(stores, 6, func(s *Store, i int) error {
				return s.SetOAuthClient(ctx, "acme", "slack",
					connect.OAuthClient{ID: fmt.Sprint("client", i), Secret: vending.NewSecret(fmt.Sprint("secret", i))})
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			c := must[connect.OAuthClient](t)(s.OAuthClient(ctx, "acme", "slack"))
			if strings.TrimPrefix(c.ID, "client") != strings.TrimPrefix(c.Secret.Reveal(), "secret") {
				t.Error("the id is of one client and the secret of another")
			}
			if n := count(t, s, `SELECT version FROM oauth_clients WHERE tenant = 'acme'`); n != 6*(round+1) {
				t.Errorf("version %d after %d changes", n, 6*(round+1))
			}
		},
		"issuing an mcp url": func(t *testing.T, _ int) {
			for _, err := range atOnce(stores, 4, func(s *Store, _ int) error {
				_, err := s.IssueMCPURL(ctx, "acme")
				return err
			}) {
				if err != nil {
					t.Error(err)
				}
			}
		},
		"signing in": func(t *testing.T, round int) {
			for _, err := range atOnce(stores, 24, func(s *Store, i int) error {
				return s.BeginSession(ctx, connect.DigestOf(fmt.Sprint(round, i)), connect.Session{Tenant: "acme"})
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM sessions`); n > maxSessions {
				t.Errorf("%d sessions", n)
			}
		},
		"deleting a connection": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			wantOne(t, atOnce(stores, 4, func(s *Store, _ int) error { return s.DeleteConnection(ctx, "acme", id) }),
				hasCode(vending.ConnectionDeleted))
		},
		"holding and deleting": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			errs := atOnce(stores, 2, func(s *Store, i int) error {
				if i == 0 {
					return s.DeleteConnection(ctx, "acme", id)
				}
				_, err := s.Hold(ctx, "acme", "", id, "sync")
				return err
			})
			wantOne(t, errs, func(err error) bool {
				return hasCode(vending.ConnectionDeleted)(err) || hasCode(vending.ConnectionInUse)(err)
			})
		},
		"a caller key of a deleted connection": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			for _, err := range atOnce(stores, 6, func(s *Store, i int) error {
				if i == 0 {
					return s.DeleteConnection(ctx, "acme", id)
				}
				_, _, err := s.CreateCallerKey(ctx, callerKey(id), true)
				return err
			}) {
				if err != nil && !hasCode(vending.ConnectionDeleted)(err) {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM caller_keys WHERE connection = ?`, id); n != 0 {
				t.Errorf("%d caller keys are left", n)
			}
		},
		"renewing a link": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			for _, err := range atOnce(stores, 6, func(s *Store, _ int) error {
				_, err := s.RenewLink(ctx, "acme", "alice@example.com", id)
				return err
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM links WHERE connection = ? AND status = 'pending'`, id); n != 1 {
				t.Errorf("%d links are pending", n)
			}
		},
		"completing, rejecting and renewing a link": func(t *testing.T, _ int) {
			l := createLink(t, s)
			errs := atOnce(stores, 6, func(s *Store, i int) error {
				switch i {
				case 0:
					_, err := s.RejectLink(ctx, digestOf(l), alices)
					return err
				default:
					_, err := s.CompleteLink(ctx, digestOf(l), alices, vending.OAuth, oauthGrant("a", fmt.Sprint(i)))
					return err
				}
			})
			wantOne(t, errs, is(connect.ErrLinkEnded))
		},
		"opening a link": func(t *testing.T, _ int) {
			l := createLink(t, s)
			for _, err := range atOnce(stores, 6, func(s *Store, _ int) error {
				_, err := s.OpenLink(ctx, digestOf(l))
				return err
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM audit WHERE event = ? AND connection = ?`, string(connect.LinkOpened),
				l.Connection.ID); n != 1 {
				t.Errorf("it was opened %d times", n)
			}
		},
		"a callback": func(t *testing.T, round int) {
			l, state := createLink(t, s), connect.DigestOf(fmt.Sprint("state", round))
			if err := s.CreateAuthRequest(ctx, state, alices, connect.AuthRequest{Link: digestOf(l)}); err != nil {
				t.Fatal(err)
			}
			wantOne(t, atOnce(stores, 6, func(s *Store, _ int) error {
				_, err := s.ConsumeAuthRequest(ctx, state, alices)
				return err
			}), is(connect.ErrNoAuthRequest))
		},
		"many authorization requests": func(t *testing.T, round int) {
			l := createLink(t, s)
			for _, err := range atOnce(stores, 30, func(s *Store, i int) error {
				return s.CreateAuthRequest(ctx, connect.DigestOf(fmt.Sprint("many", round, i)), alices,
					connect.AuthRequest{Link: digestOf(l)})
			}) {
				if err != nil {
					t.Error(err)
				}
			}
			if n := count(t, s, `SELECT count(*) FROM attempts a JOIN links l ON l.digest = a.link WHERE l.connection = ?`,
				l.Connection.ID); n > maxAuthRequests {
				t.Errorf("%d requests", n)
			}
		},
		"storing a grant": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			wantOne(t, atOnce(stores, 6, func(s *Store, i int) error {
				_, err := s.UpdateGrant(ctx, id, 1, oauthGrant(fmt.Sprint("new", i), "r"), false)
				return err
			}), is(connect.ErrStale))
		},
		"taking over a lapsed refresh lease": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			execSQL(t, s, `UPDATE connections SET lease_owner = 'dead', lease_until = 1 WHERE id = ?`, id)
			errHeld := errors.New("held")
			wantOne(t, atOnce(stores, 8, func(s *Store, i int) error {
				seen := connect.RefreshState{Version: 1, Owner: "dead"}
				ok, err := s.AcquireRefresh(ctx, id, seen, fmt.Sprint("node", i), 10*time.Second)
				if err == nil && !ok {
					err = errHeld
				}
				return err
			}), is(errHeld))
		},
		"refreshing, replacing and reconnecting": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			seen, l := describe(t, s, id), renewLink(t, s, id)
			version := int64(1)
			for _, err := range atOnce(stores, 4, func(s *Store, i int) (err error) {
				switch i {
				case 0:
					_, err = s.UpdateGrant(ctx, id, 1, oauthGrant("refreshed", "r"), false)
				case 1:
					_, err = s.ReplaceGrant(ctx, seen, oauthGrant("replaced", "r"), "")
				case 2:
					_, err = s.CompleteLink(ctx, digestOf(l), alices, vending.OAuth, oauthGrant("reconnected", "r"))
				default:
					_, err = s.EndGrant(ctx, id, 1, oauthGrant("ended", ""), "why")
				}
				return err
			}) {
				switch {
				case err == nil:
					version++
				case !errors.Is(err, connect.ErrStale):
					t.Error(err)
				}
			}
			c, _, err := s.Grant(ctx, "acme", "alice@example.com", id)
			if err != nil || c.Version != version || c.RefreshPending {
				t.Errorf("version %d of %d grants that were stored, %v", c.Version, version, err)
			}
		},
		"taking a connection while it is refreshed": func(t *testing.T, _ int) {
			id := importGmail(t, s, "old")
			var taken connect.Grant
			errs := atOnce(stores, 2, func(s *Store, i int) (err error) {
				if i == 0 {
					_, taken, err = s.TakeConnection(ctx, "acme", "", id)
					return err
				}
				_, err = s.UpdateGrant(ctx, id, 1, oauthGrant("new", "r"), false)
				return err
			})
			want := "old"
			if errs[1] == nil {
				want = "new" // else what the provider gave would never be revoked
			}
			if got := taken.Reveal().AccessToken; errs[0] != nil || got != want ||
				errs[1] != nil && !hasCode(vending.ConnectionDeleted)(errs[1]) {
				t.Errorf("%v; token %q was taken, want %q", errs, got, want)
			}
		},
		"the last hold": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			execSQL(t, s, `WITH RECURSIVE n (i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				INSERT INTO holds (connection, name, created_at) SELECT ?, 'hold ' || i, 0 FROM n`, maxHolds, id)
			wantOne(t, atOnce(stores, 4, func(s *Store, i int) error {
				_, err := s.Hold(ctx, "acme", "", id, fmt.Sprint("new ", i))
				return err
			}), hasCode(vending.InvalidRequest))
		},
		"erasing an end user": func(t *testing.T, round int) {
			user := fmt.Sprintf("carol%d@example.com", round)
			if err := s.Record(ctx, connect.AuditRow{Event: connect.LinkFailed, Tenant: "acme", User: user,
				Detail: "for " + user}); err != nil {
				t.Fatal(err)
			}
			erased := 0
			for _, err := range atOnce(stores, 4, func(s *Store, _ int) error {
				_, err := s.EraseUser(ctx, "acme", user)
				return err
			}) {
				switch {
				case err == nil:
					erased++
				case !errors.Is(err, connect.ErrUserUnknown): // another one came first
					t.Error(err)
				}
			}
			if erased == 0 {
				t.Error("no one erased the end user")
			}
			if n := count(t, s, `SELECT count(*) FROM audit WHERE end_user = ? OR detail LIKE ?`, user, "%"+user+"%"); n != 0 {
				t.Errorf("%d rows name the end user", n)
			}
			if n := count(t, s, `SELECT count(DISTINCT end_user) FROM audit WHERE event = ?
				AND at >= ?`, string(connect.UserErased), 0); n != round+1 {
				t.Errorf("%d pseudonyms of %d end users", n, round+1)
			}
		},
		"taking the refresh lease": func(t *testing.T, _ int) {
			id := importGmail(t, s, "token")
			errHeld := errors.New("held")
			wantOne(t, atOnce(stores, 8, func(s *Store, i int) error {
				ok, err := s.AcquireRefresh(ctx, id, connect.RefreshState{Version: 1}, fmt.Sprint("node", i), 10*time.Second)
				if err == nil && !ok {
					err = errHeld
				}
				return err
			}), is(errHeld))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range *rounds {
				race(t, round)
			}
		})
	}
}

// TestRotationRace seals and stores grants on one node while the other rotates the keyset:
// no grant is lost, and none stays sealed by an old key.
func TestRotationRace(t *testing.T) { storetest.EachAtOnce(t, testRotationRace) }

func testRotationRace(t *testing.T) {
	stores := racers(t, 2, func() time.Time { return epoch })
	s := stores[0]
	var ids []string
	for range 8 {
		ids = append(ids, importGmail(t, s, "token"))
	}
	stop, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	last := make([]string, len(ids))
	for i, id := range ids {
		all.Go(func() {
			for version := int64(1); stop.Err() == nil; version++ {
				last[i] = fmt.Sprint("token", version)
				if _, err := stores[1].UpdateGrant(t.Context(), id, version, oauthGrant(last[i], "r"), false); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Go(func() {
		for stop.Err() == nil {
			importGmail(t, stores[1], "more")
		}
	})
	for range 3 {
		if _, err := s.RotateKeyset(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	all.Wait()
	for i, id := range ids {
		wantAccess(t, s, id, last[i])
	}
	if err := s.view(t.Context(), "looking", func(tx *tx) error {
		rows, err := s.rowsOfOldKeys(t.Context(), tx, "")
		if len(rows) > 0 {
			t.Errorf("%d rows are sealed by an old key", len(rows))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// TestSweepRace sweeps on all nodes at once: each link expires once.
func TestSweepRace(t *testing.T) { storetest.EachAtOnce(t, testSweepRace) }

func testSweepRace(t *testing.T) {
	var clock ticker
	stores := racers(t, 3, clock.now)
	const links = 450
	for _, err := range atOnce(stores, 9, func(s *Store, _ int) error {
		for range links / 9 {
			if _, err := s.CreateLink(t.Context(), gmail("alice@example.com")); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	clock.set(connect.LinkLifetime)
	var mu sync.Mutex
	expired := 0
	for _, err := range atOnce(stores, 6, func(s *Store, _ int) error {
		n, err := s.Sweep(t.Context())
		mu.Lock()
		defer mu.Unlock()
		expired += n
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	n := count(t, stores[0], `SELECT count(*) FROM audit WHERE event = ?`, string(connect.LinkExpired))
	left := count(t, stores[0], `SELECT count(*) FROM links WHERE status = 'pending'`)
	if n != links || expired != links || left != 0 {
		t.Errorf("%d links expired, %d rows in the trail, %d left; want %d", expired, n, left, links)
	}
	counts := must[[]connect.ConnectionCount](t)(stores[0].ConnectionCounts(t.Context()))
	for _, c := range counts {
		if want := map[connect.Status]int64{connect.Expired: links}[c.Status]; c.Connections != want {
			t.Errorf("counted %+v, want %d", c, want)
		}
	}
}

// TestErasureRace erases two end users whom the same row names.
func TestErasureRace(t *testing.T) { storetest.EachAtOnce(t, testErasureRace) }

func testErasureRace(t *testing.T) {
	stores := racers(t, 2, func() time.Time { return epoch })
	users := []string{"alice@example.com", "bob@example.com"}
	for range 100 {
		if err := stores[0].Record(t.Context(), connect.AuditRow{
			Event: connect.TenantChanged, Tenant: "acme", Detail: users[0] + " to " + users[1],
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range atOnce(stores, 2, func(s *Store, i int) error {
		_, err := s.EraseUser(t.Context(), "acme", users[i])
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := count(t, stores[0], `SELECT count(*) FROM audit WHERE detail LIKE '%@%'`); n != 0 {
		t.Errorf("%d rows name an end user who was erased", n)
	}
}

// TestPostgresFoldedCounts checks that a sweep keeps the sums and little else.
func TestPostgresFoldedCounts(t *testing.T) { storetest.On(t, testFoldedCounts, storetest.PostgreSQL) }

func testFoldedCounts(t *testing.T) {
	s := racers(t, 1, func() time.Time { return epoch })[0]
	execSQL(t, s, `INSERT INTO connection_counts SELECT 'gmail', 'active', 0, 1 FROM generate_series(1, 2500)`)
	execSQL(t, s, `INSERT INTO connection_counts SELECT 'gmail', 'active', 0, -1 FROM generate_series(1, 500)`)
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM connection_counts`); n != 1 {
		t.Errorf("%d rows are left", n)
	}
	counts := must[[]connect.ConnectionCount](t)(s.ConnectionCounts(t.Context()))
	if len(counts) != 1 || counts[0].Connections != 2000 {
		t.Errorf("counted %+v", counts)
	}
}
