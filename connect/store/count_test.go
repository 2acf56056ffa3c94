package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vendgate/vendgate/connect/store/storetest"
)

// counted is what the connections themselves say, by state.
func counted(t testing.TB, s *Store) (counts []string) {
	t.Helper()
	for _, row := range rowsOf(t, s, `SELECT app, status, needs_reconnection, count(*) FROM connections
		GROUP BY app, status, needs_reconnection`) {
		counts = append(counts, fmt.Sprint(row...))
	}
	slices.Sort(counts)
	return counts
}

// wantCounts checks ConnectionCounts against the connections.
func wantCounts(t testing.TB, s *Store, after string) {
	t.Helper()
	kept, err := s.ConnectionCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var counts []string
	for _, c := range kept {
		if c.Connections != 0 {
			needs := map[bool]int64{true: 1}[c.NeedsReconnection]
			counts = append(counts, fmt.Sprint(c.App, string(c.Status), needs, c.Connections))
		}
	}
	slices.Sort(counts)
	if want := counted(t, s); !slices.Equal(counts, want) {
		t.Errorf("after %s the counts are %q, want %q", after, counts, want)
	}
}

// TestConnectionCounts: the counts follow whatever becomes of a connection.
func TestConnectionCounts(t *testing.T) { storetest.EachAtOnce(t, testConnectionCounts) }

func testConnectionCounts(t *testing.T) {
	s := openStore(t, t.TempDir())
	wantCounts(t, s, "nothing")
	id := importGmail(t, s, "ya29.one")
	slack := gmail("bob@example.com")
	slack.App = "slack"
	must[string](t)(s.ImportConnection(t.Context(), slack, oauthGrant("xoxb", "")))
	wantCounts(t, s, "imports")
	l := createLink(t, s)
	wantCounts(t, s, "a link")
	completeLink(t, s, l, "ya29.linked")
	wantCounts(t, s, "a completed link")
	if err := linkUses["reject"](t, s, digestOf(createLink(t, s))); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, "a rejected link")
	for _, refused := range []bool{true, true, false} {
		if err := s.SetRefused(t.Context(), id, 1, refused, "refused"); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, s, fmt.Sprintf("a flag set to %t", refused))
	}
	must[int64](t)(s.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.two", "1//two"), false))
	wantCounts(t, s, "a refresh")
	must[int64](t)(s.EndGrant(t.Context(), id, 2, oauthGrant("ya29.two", ""), "ended"))
	wantCounts(t, s, "an ended grant")
	if err := s.DeleteConnection(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, "a deletion")
	execSQL(t, s, `DELETE FROM connections`)
	wantCounts(t, s, "the deletion of all")
}

// TestCountsOfAnOldDatabase: connections from before the counts are in them.
func TestCountsOfAnOldDatabase(t *testing.T) {
	dir := t.TempDir()
	old, _, _ := openSchema1(t, dir)
	s := openStore(t, dir)
	wantCounts(t, s, "the migration")
	if n := len(counted(t, s)); n != 4 {
		t.Errorf("%d states, want the four of the old database", n)
	}
	execSQL(t, old, `UPDATE connections SET status = 'expired'`)
	wantCounts(t, s, "a change by an old process")
}

// TestCountingReadsNoConnection: else it would be slower with each.
func TestCountingReadsNoConnection(t *testing.T) {
	s, notes := openTaped(t)
	wantCounts(t, s, "nothing")
	for _, st := range notes.take() {
		if steps := plan(t, s, st); st.query == countQuery && !slices.Equal(steps, []string{"SCAN connection_counts"}) {
			t.Errorf("%q\nfor %s", steps, st.query)
		}
	}
}

// BenchmarkConnectionCounts counts a million connections, of 40 apps in 5 states. The second is
// what it would take without the kept counts, over an index that covers the query.
func BenchmarkConnectionCounts(b *testing.B) {
	s := openStore(b, b.TempDir())
	fillStates(b, s, 1_000_000)
	b.Run("kept", func(b *testing.B) {
		reportTimes(b, func(int) error { _, err := s.ConnectionCounts(b.Context()); return err })
	})
	if _, err := writerOf(s).Exec(`CREATE INDEX by_state ON connections (app, status, needs_reconnection)`); err != nil {
		b.Fatal(err)
	}
	b.Run("by index", func(b *testing.B) { reportTimes(b, func(int) error { counted(b, s); return nil }) })
}

// fillStates stores n connections whose grants have the size of Google's, and do not open.
func fillStates(b *testing.B, s *Store, n int) {
	b.Helper()
	err := s.update(b.Context(), "filling", func(tx *tx) error {
		_, err := tx.ExecContext(b.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO connections (id, tenant, end_user, app, name, status, auth_type, needs_reconnection, created_at,
				updated_at, version, sealed)
			SELECT 'conn_' || i, 'tenant' || i % 1000, 'user' || i || '@example.com', 'app' || i % 40, 'A connection',
				CASE WHEN i % 50 = 0 THEN 'pending' WHEN i % 51 = 0 THEN 'expired' ELSE 'active' END, 'o_auth', i % 49 = 0,
				i, i, 1, randomblob(500) FROM n`, n)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
