package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
)

// lender makes connections of those of another pool, which speak its SQL.
type lender struct{ db *sql.DB }

// Driver implements driver.Connector.
func (l lender) Driver() driver.Driver { return l.db.Driver() }

// Connect implements driver.Connector.
func (l lender) Connect(ctx context.Context) (driver.Conn, error) {
	held, err := l.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	made := lent{held: held}
	err = held.Raw(func(c any) error {
		made.conn = c.(conn)
		return nil
	})
	return made, err
}

type lent struct {
	conn
	held *sql.Conn
}

// Close implements driver.Conn.
func (l lent) Close() error { return l.held.Close() }

// tapePostgres has a store note its statements. What it returns runs others, which are not noted.
func tapePostgres(t *testing.T, s *Store) (*sql.DB, *tape) {
	t.Helper()
	notes, p := new(tape), s.db.(*postgresDB)
	quiet := p.sql
	for _, pool := range []**sql.DB{&p.sql, &p.rows} {
		own := *pool
		lent := sql.OpenDB(taped{lender{own}, notes})
		lent.SetMaxIdleConns(0)
		*pool = lent
		t.Cleanup(func() {
			if err := lent.Close(); err != nil {
				t.Error(err)
			}
			*pool = own
		})
	}
	return quiet, notes
}

// step is a node of a plan, as EXPLAIN (FORMAT JSON) writes it.
type step struct {
	Type  string `json:"Node Type"`
	Table string `json:"Relation Name"`
	Index string `json:"Index Name"`
	Cond  string `json:"Index Cond"`
	Plans []step `json:"Plans"`
}

// all calls do for a step and those below it.
func (s step) all(do func(step)) {
	do(s)
	for _, p := range s.Plans {
		p.all(do)
	}
}

// fillTables gives the planner tables that are not worth reading whole, of which a part is acme's.
func fillTables(t *testing.T, s *Store) {
	t.Helper()
	const n = `FROM generate_series(1, 20000) i`
	const tenant = `CASE WHEN i % 200 = 0 THEN 'acme' ELSE 'tenant' || i % 200 END`
	const digest = `sha256(CAST(CAST(i AS TEXT) AS BYTEA))`
	for _, fill := range []string{
		`INSERT INTO connections (id, tenant, end_user, app, name, status, auth_type, created_at, updated_at, version,
			needs_reconnection) SELECT 'conn_' || i, ` + tenant + `, 'user' || i || '@example.com', 'app' || i % 40,
			'A connection', 'active', 'o_auth', i, i, 1, CASE WHEN i % 50 = 0 THEN 1 ELSE 0 END ` + n,
		`INSERT INTO links (digest, connection, status, renews, created_at, expires_at)
			SELECT ` + digest + `, 'conn_' || i, CASE WHEN i % 50 = 0 THEN 'pending' ELSE 'active' END, 0, i, 4e12 ` + n,
		`INSERT INTO attempts SELECT ` + digest + `, ` + digest + `, ` + digest + `, '', 4e12 + i ` + n,
		`INSERT INTO sessions SELECT ` + digest + `, ` + tenant + `, ` + digest + `, 4e12 + i ` + n,
		`INSERT INTO holds SELECT 'conn_' || i, 'sync', i ` + n,
		`INSERT INTO caller_keys SELECT 'key_' || i, ` + digest + `, ` + tenant + `, 'user', 'conn_' || i, '', '', '', '',
			0, '', i, 4e12 + i ` + n,
		`INSERT INTO audit (at, tenant, event, actor, request, connection, end_user, app, detail)
			SELECT i, ` + tenant + `, 'link_created', '', '', 'conn_' || i, '', '', '' ` + n,
		`INSERT INTO tenants (id, email, capabilities, created_at) SELECT 'tenant' || i, '', '', i ` + n,
	} {
		execSQL(t, s, fill)
	}
	if _, err := s.db.(*postgresDB).sql.ExecContext(t.Context(), "VACUUM ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

// planOf returns what PostgreSQL would do for a statement: it takes an index wherever one serves,
// for the rows and for their order.
func planOf(t *testing.T, db *sql.DB, st statement) step {
	t.Helper()
	var plan []struct{ Plan step }
	var raw []byte
	begun, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"seqscan", "bitmapscan", "sort"} {
		if _, err := begun.ExecContext(t.Context(), "SET LOCAL enable_"+way+" = off"); err != nil {
			t.Fatal(err)
		}
	}
	err = begun.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) "+st.query, st.args...).Scan(&raw)
	if err := errors.Join(err, begun.Rollback()); err != nil {
		t.Fatalf("%v: %s", err, st.query)
	}
	if err := json.Unmarshal(raw, &plan); err != nil || len(plan) != 1 {
		t.Fatalf("%v: %s", err, raw)
	}
	return plan[0].Plan
}

// checkPostgresPlan refuses a plan that reads a whole table or a whole index, or sorts.
func checkPostgresPlan(t *testing.T, db *sql.DB, st statement) {
	t.Helper()
	if strings.HasPrefix(st.query, "SELECT pg_") { // locks and announcements
		return
	}
	planOf(t, db, st).all(func(s step) {
		whole := s.Type == "Seq Scan" || strings.HasPrefix(s.Type, "Index") && s.Cond == ""
		sorts := s.Type == "Sort" && !strings.Contains(st.query, "FROM oauth_clients") // of a few
		if whole && s.Table != "connection_counts" || sorts && !strings.Contains(st.query, "connection_counts") {
			t.Errorf("%s of %s by %q\nfor %s", s.Type, s.Table, s.Index, st.query)
		}
	})
}

// TestNoTableIsScannedOnPostgres is TestNoTableIsScanned as PostgreSQL plans it.
func TestNoTableIsScannedOnPostgres(t *testing.T) { storetest.On(t, testPlans, storetest.PostgreSQL) }

func testPlans(t *testing.T) {
	s := openStore(t, t.TempDir())
	fillTables(t, s)
	db, notes := tapePostgres(t, s)
	held, uses := usesOf(t, s)
	for _, c := range uses {
		t.Run(c.name, func(t *testing.T) {
			for _, st := range c.statements(t, notes) {
				checkPostgresPlan(t, db, st)
			}
		})
	}
	t.Run("grant", func(t *testing.T) {
		checkPostgresPlan(t, db, statement{hotQuery, []any{held, "acme", "alice@example.com"}})
	})
	page := use{"", listOf(t, s, connect.Filter{Page: 3})}
	checkPage(t, planOf(t, db, page.statements(t, notes)[1]), "connections_by_tenant")
	ended := true
	for _, f := range []connect.Filter{{Search: "x"}, {Search: "conn_x"}, {Status: connect.Active},
		{Status: connect.Expired}, {App: "gmail"}} {
		checkIndex(t, s, db, notes, f, "connections_by_tenant")
	}
	for _, f := range []connect.Filter{{}, {App: "gmail"}, {Search: "work"}} {
		f.NeedsReconnection = &ended
		checkIndex(t, s, db, notes, f, "connections_to_reconnect")
	}
}

// checkIndex checks that the connections of a filter are counted without the rows that do not
// match: they hold the grants.
func checkIndex(t *testing.T, s *Store, db *sql.DB, notes *tape, f connect.Filter, index string) {
	t.Helper()
	f.Tenant, f.Limit = "acme", 20
	notes.take()
	countAndRead(t, s, f)
	for i, st := range notes.take() {
		plan := planOf(t, db, st)
		if i > 0 {
			if f.Status != connect.Expired { // which takes a look at links
				checkPage(t, plan, index)
			}
			continue
		}
		var used []string
		plan.all(func(s step) {
			if s.Table == "connections" {
				used = append(used, s.Type+" "+s.Index)
			}
		})
		if want := []string{"Index Only Scan " + index}; !slices.Equal(used, want) {
			t.Errorf("%+v: %q, want %q", f, used, want)
		}
	}
}

func listOf(t *testing.T, s *Store, f connect.Filter) func() error {
	f.Tenant = "acme"
	return func() error { _, _, err := s.Connections(t.Context(), f); return err }
}

// checkPage checks that a page is found by an index alone, and that the links of those connections
// that come before it are not looked for.
func checkPage(t *testing.T, plan step, index string) {
	t.Helper()
	pages := 0
	plan.all(func(limit step) {
		var used []string
		limit.all(func(s step) {
			if s.Table != "" {
				used = append(used, s.Type+" "+s.Index)
			}
		})
		finds := slices.ContainsFunc(used, func(s string) bool { return strings.HasSuffix(s, " "+index) })
		if limit.Type != "Limit" || !finds {
			return
		}
		pages++
		if want := []string{"Index Only Scan " + index}; !slices.Equal(used, want) {
			t.Errorf("a page is found by %q, want %q", used, want)
		}
	})
	if pages == 0 {
		t.Errorf("no page is found by %s", index)
	}
}
