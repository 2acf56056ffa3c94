package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
)

// tape notes statements with their arguments.
type tape struct {
	mu   sync.Mutex
	seen []statement
}

type statement struct {
	query string
	args  []any
}

func (l *tape) note(query string, args []driver.NamedValue) {
	if strings.HasPrefix(query, explain) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := statement{query: query}
	for _, a := range args {
		s.args = append(s.args, a.Value)
	}
	l.seen = append(l.seen, s)
}

// take returns what was noted since it was last asked.
func (l *tape) take() []statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	l.seen = nil
	return seen
}

// taped is a connector that notes what its connections run.
type taped struct {
	driver.Connector
	tape *tape
}

func (c taped) Connect(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := made.(conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T does less than the store asks", made), made.Close())
	}
	return tapedConn{whole, c.tape}, nil
}

// conn is what database/sql asks of the driver's connections here.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.QueryerContext
	driver.ExecerContext
}

type tapedConn struct {
	conn
	tape *tape
}

func (c tapedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.tape.note(query, args)
	return c.conn.QueryContext(ctx, query, args)
}

func (c tapedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.tape.note(query, args)
	return c.conn.ExecContext(ctx, query, args)
}

// openTaped opens a store that notes its statements.
func openTaped(t *testing.T) (*Store, *tape) {
	t.Helper()
	s := openStore(t, t.TempDir())
	var file string
	if err := writerOf(s).QueryRow(`SELECT file FROM pragma_database_list`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	notes := new(tape)
	db := s.db.(*sqliteDB)
	for _, p := range []struct {
		pool **sql.DB
		how  access
	}{{&db.writer, writing}, {&db.pool, reading}} {
		c, err := newConnector(file, p.how)
		if err := errors.Join(err, (*p.pool).Close()); err != nil {
			t.Fatal(err)
		}
		*p.pool = sql.OpenDB(taped{c, notes})
		(*p.pool).SetMaxOpenConns(1)
	}
	return s, notes
}

const explain = "EXPLAIN QUERY PLAN "

// plan returns what SQLite would do for a statement.
func plan(t *testing.T, s *Store, st statement) (steps []string) {
	t.Helper()
	rows, err := writerOf(s).QueryContext(t.Context(), explain+st.query, st.args...)
	if err != nil {
		t.Fatalf("%v: %s", err, st.query)
	}
	defer rows.Close()
	for rows.Next() && err == nil {
		var id, parent, unused int
		var detail string
		err = rows.Scan(&id, &parent, &unused, &detail)
		steps = append(steps, detail)
	}
	if err := errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestNoTableIsScanned runs what tenants and end users can cause, and asks SQLite how it finds the
// rows: none may read a whole table, nor sort what it lists, or it would be slower with every
// connection that some other tenant makes.
func TestNoTableIsScanned(t *testing.T) {
	s, notes := openTaped(t)
	held, uses := usesOf(t, s)
	for _, c := range uses {
		t.Run(c.name, func(t *testing.T) {
			for _, st := range c.statements(t, notes) {
				checkPlan(t, s, st)
			}
		})
	}
	t.Run("grant", func(t *testing.T) {
		checkPlan(t, s, statement{grantQuery, []any{held, "acme", "alice@example.com"}})
	})
}

// use is something that a tenant or an end user can cause.
type use struct {
	name string
	do   func() error
}

// statements are those that it runs.
func (u use) statements(t *testing.T, notes *tape) []statement {
	t.Helper()
	notes.take()
	if err := u.do(); err != nil {
		t.Fatal(err)
	}
	seen := notes.take()
	if len(seen) == 0 {
		t.Fatal("no statement was noted")
	}
	return seen
}

// usesOf are all uses of a store, in their order, and the id of the connection that they are about.
func usesOf(t *testing.T, s *Store) (held string, uses []use) {
	t.Helper()
	const tenant, user = "acme", "alice@example.com"
	ended := true
	held = importGmail(t, s, "ya29.one")
	l := createLink(t, s)
	setClient(t, s, tenant, "gmail", client("id", "secret"))
	list := func(f connect.Filter) func() error {
		f.Tenant = tenant
		return func() error { _, _, err := s.Connections(t.Context(), f); return err }
	}
	audit := func(f connect.AuditFilter) func() error {
		return func() error { _, _, err := s.Audit(t.Context(), f); return err }
	}
	return held, []use{
		{"list", list(connect.Filter{})},
		{"list of a user", list(connect.Filter{User: user})},
		{"list of an app", list(connect.Filter{App: "gmail"})},
		{"list of a user's app", list(connect.Filter{User: user, App: "gmail"})},
		{"list of pending", list(connect.Filter{Status: connect.Pending})},
		{"list of expired", list(connect.Filter{Status: connect.Expired})},
		{"list of active", list(connect.Filter{Status: connect.Active})},
		{"list of those to reconnect", list(connect.Filter{NeedsReconnection: &ended})},
		{"list of a user's to reconnect", list(connect.Filter{User: user, NeedsReconnection: &ended})},
		{"search of those to reconnect", list(connect.Filter{NeedsReconnection: &ended, App: "gmail", Search: "work"})},
		{"list of a user's others", list(connect.Filter{User: user, NeedsReconnection: new(bool)})},
		{"search", list(connect.Filter{Search: "work"})},
		{"search of a user", list(connect.Filter{User: user, Search: "work"})},
		{"search by id", list(connect.Filter{Search: held})},
		{"all together", list(connect.Filter{User: user, App: "gmail", Status: connect.Active, Search: "Work"})},
		{"describe", func() error { _, err := s.Describe(t.Context(), tenant, user, held); return err }},
		{"audit", audit(connect.AuditFilter{Tenant: tenant})},
		{"audit of a connection", audit(connect.AuditFilter{Tenant: tenant, Connection: held})},
		{"audit of an event", audit(connect.AuditFilter{Tenant: tenant, Event: connect.LinkCreated, Since: epoch})},
		{"open link", func() error { _, err := s.OpenLink(t.Context(), digestOf(l)); return err }},
		{"accept link", func() error { _, err := s.AcceptLink(t.Context(), digestOf(l)); return err }},
		{"status of a link", func() error { _, err := s.Link(t.Context(), digestOf(l)); return err }},
		{"create authorization request", func() error {
			return s.CreateAuthRequest(t.Context(), state, alices, authRequestOf(l))
		}},
		{"consume authorization request", func() error {
			_, err := s.ConsumeAuthRequest(t.Context(), state, alices)
			return err
		}},
		{"complete link", func() error { return linkUses["complete"](t, s, digestOf(l)) }},
		{"renew link", func() (err error) { l, err = s.RenewLink(t.Context(), tenant, user, held); return err }},
		{"reject link", func() error { return linkUses["reject"](t, s, digestOf(l)) }},
		{"make link", func() error { _, err := s.CreateLink(t.Context(), gmail(user)); return err }},
		{"sweep", func() error { _, err := s.Sweep(t.Context()); return err }},
		{"refresh", func() error {
			_, err := s.AcquireRefresh(t.Context(), held, connect.RefreshState{Version: 1}, "owner", connect.MaxLease)
			_, renewErr := s.RenewRefresh(t.Context(), held, "owner", connect.MaxLease)
			return errors.Join(err, renewErr, s.ReleaseRefresh(t.Context(), held, "owner"))
		}},
		{"state of a refresh", func() error { _, err := s.RefreshState(t.Context(), held); return err }},
		{"end of a refresh", func() error {
			_, err := s.UpdateGrant(t.Context(), held, 1, oauthGrant("t", "r"), true)
			return err
		}},
		{"replace grant", func() error {
			seen := describe(t, s, held)
			_, err := s.ReplaceGrant(t.Context(), seen, oauthGrant("t", "r"), "")
			return err
		}},
		{"hold", func() error { _, err := s.Hold(t.Context(), tenant, user, held, "sync"); return err }},
		{"holds", func() error { _, err := s.Holds(t.Context(), held); return err }},
		{"release", func() error { _, err := s.Release(t.Context(), tenant, user, held, "sync"); return err }},
		{"make caller key", func() error { _, _, err := s.CreateCallerKey(t.Context(), callerKey(held), true); return err }},
		{"delete", func() error { _, _, err := s.TakeConnection(t.Context(), tenant, user, held); return err }},
		{"sign in", func() error {
			return s.BeginSession(t.Context(), connect.DigestOf("cookie"), connect.Session{Tenant: tenant})
		}},
		{"session", func() error { _, err := s.Session(t.Context(), connect.DigestOf("cookie")); return err }},
		{"sign out", func() error { return s.EndSession(t.Context(), connect.DigestOf("cookie")) }},
		{"issue mcp url", func() error { _, err := s.IssueMCPURL(t.Context(), tenant); return err }},
		{"oauth client", func() error { _, err := s.OAuthClient(t.Context(), tenant, "gmail"); return err }},
		{"oauth clients", func() error { _, err := s.OAuthClients(t.Context(), tenant); return err }},
		{"tenants' version", func() error { _, err := s.TenantsVersion(t.Context()); return err }},
		{"mcp url", func() error {
			if _, err := s.MCPTenant(t.Context(), connect.DigestOf("x")); !errors.Is(err, connect.ErrNoMCPURL) {
				return err
			}
			return nil
		}},
		{"tenant", func() error {
			if _, err := s.Tenant(t.Context(), tenant); !errors.Is(err, connect.ErrTenantUnknown) {
				return err
			}
			return nil
		}},
	}
}

func checkPlan(t *testing.T, s *Store, st statement) {
	t.Helper()
	steps := plan(t, s, st)
	for _, step := range steps {
		scans := strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW"
		sorts := strings.Contains(step, "TEMP B-TREE") && !strings.Contains(st.query, "FROM oauth_clients") // of a few
		if scans || sorts {
			t.Errorf("%s\nfor %s", strings.Join(steps, "\n"), st.query)
		}
	}
}

// TestKeysAreNotSorted checks that the database does not sort what each gateway reads after a
// change of a tenant.
func TestKeysAreNotSorted(t *testing.T) {
	s, notes := openTaped(t)
	if _, err := s.TenantKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := notes.take()
	if len(seen) != 4 {
		t.Fatalf("%d statements, want those of version, tenants, keys and caller keys", len(seen))
	}
	for _, st := range seen {
		for _, step := range plan(t, s, st) {
			if strings.Contains(step, "TEMP B-TREE") {
				t.Errorf("%s\nfor %s", step, st.query)
			}
		}
	}
}

// TestSearchReadsTheIndexAlone checks that searching a tenant's connections does not read the rows
// that do not match: they hold the grants. The rows of a page are read for what is shown of them.
func TestSearchReadsTheIndexAlone(t *testing.T) {
	s, notes := openTaped(t)
	for _, f := range []connect.Filter{{Search: "x"}, {Search: "conn_x"}, {Status: connect.Active},
		{Status: connect.Expired}, {App: "gmail"}} {
		f.Tenant, f.Limit = "acme", 1
		countAndRead(t, s, f)
		for i, st := range notes.take() {
			want := []string{"COVERING INDEX", "INDEX", "INDEX"}[i]
			steps := plan(t, s, st)
			if len(steps) == 0 ||
				!strings.HasPrefix(steps[0], "SEARCH c USING "+want+" connections_by_tenant (tenant=?)") {
				t.Errorf("%v\nfor %s", steps, st.query)
			}
		}
	}
}

// countAndRead runs the three statements that a list can have: its count, and a page in each order.
func countAndRead(t *testing.T, s *Store, f connect.Filter) {
	t.Helper()
	err := s.view(t.Context(), "listing connections", func(tx *tx) error {
		l := tx.list(f, epoch.UnixMilli())
		_, err := l.count(t.Context())
		for _, by := range []order{newestFirst, oldestFirst} {
			_, readErr := l.read(t.Context(), f.Limit, 0, by)
			err = errors.Join(err, readErr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestListReadsOnce checks that a tenant's connections are not read a second time where the page
// says how many there are, nor all of them for a page at their end.
func TestListReadsOnce(t *testing.T) {
	s, notes := openTaped(t)
	for range 5 {
		importGmail(t, s, "ya29.one")
	}
	count := []any{"count"}
	for name, c := range map[string]struct {
		filter connect.Filter
		// want are limit and offset of each statement that is no count.
		want []any
	}{
		"a search that finds none": {connect.Filter{Search: "nowhere"}, []any{[]any{int64(20), int64(0)}}},
		"a search that finds few":  {connect.Filter{Search: "WORK"}, []any{[]any{int64(20), int64(0)}}},
		"a full page":              {connect.Filter{Limit: 2}, []any{[]any{int64(2), int64(0)}, count}},
		"the page of the middle":   {connect.Filter{Limit: 2, Page: 2}, []any{count, []any{int64(2), int64(1)}}},
		"the page before the last": {connect.Filter{Limit: 1, Page: 4}, []any{count, []any{int64(1), int64(1)}}},
		"the last page":            {connect.Filter{Limit: 2, Page: 3}, []any{count, []any{int64(1), int64(0)}}},
		"a page past the end":      {connect.Filter{Limit: 2, Page: 4}, []any{count}},
	} {
		t.Run(name, func(t *testing.T) {
			c.filter.Tenant = "acme"
			notes.take()
			if _, _, err := s.Connections(t.Context(), c.filter); err != nil {
				t.Fatal(err)
			}
			var got []any
			for _, st := range notes.take() {
				if strings.HasPrefix(st.query, "SELECT count(*)") {
					got = append(got, count)
				} else {
					got = append(got, st.args[len(st.args)-2:])
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("limit and offset are %v, want %v", got, c.want)
			}
		})
	}
}

// TestReconnectReadsItsIndex checks that a tenant's connections that need reconnection are found
// without the rows of the others, of which there may be a million.
func TestReconnectReadsItsIndex(t *testing.T) {
	s, notes := openTaped(t)
	id, ended := importGmail(t, s, "ya29.one"), true
	must[int64](t)(s.EndGrant(t.Context(), id, 1, oauthGrant("t", "r"), "why"))
	for _, f := range []connect.Filter{{}, {App: "gmail"}, {Search: "work"}} {
		f.Tenant, f.NeedsReconnection, f.Limit = "acme", &ended, 1
		notes.take()
		if _, total, err := s.Connections(t.Context(), f); err != nil || total != 1 {
			t.Fatalf("%d found, %v", total, err)
		}
		seen := notes.take()
		for i, want := range []string{
			"SEARCH c USING INDEX connections_to_reconnect (tenant=?)",
			"SEARCH c USING COVERING INDEX connections_to_reconnect (tenant=?)",
		} {
			if steps := plan(t, s, seen[i]); steps[0] != want {
				t.Errorf("%v\nfor %s", steps, seen[i].query)
			}
		}
	}
}
