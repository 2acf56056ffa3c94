package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestAuditTrail makes every change as somebody, and reads who made it.
func TestAuditTrail(t *testing.T) { storetest.EachAtOnce(t, testAuditTrail) }

func testAuditTrail(t *testing.T) {
	openScene := scenes(t)
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			v := openScene(t)
			_, before, err := v.Audit(t.Context(), connect.AuditFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.do(connect.WithActor(t.Context(), connect.Actor{Name: "api key 0123456789ab", Request: "req-1"}),
				v); err != nil {
				t.Fatal(err)
			}
			rows, total, err := v.Audit(t.Context(), connect.AuditFilter{Limit: connect.MaxLimit})
			if err != nil || total-before != len(c.want) {
				t.Fatalf("%d rows more, %v; want %d", total-before, err, len(c.want))
			}
			for i, want := range c.want {
				got := rows[len(c.want)-1-i]
				want.ID, want.At, want.Actor, want.Request = int64(before+i+1), epoch, "api key 0123456789ab", "req-1"
				if want.User != "" {
					want.Connection = got.Connection
				}
				if want.Detail == "*" && strings.Trim(strings.TrimPrefix(strings.TrimPrefix(got.Detail, "retired "), "key "),
					"0123456789abcdef") == "" && len(got.Detail) >= 12 {
					want.Detail = got.Detail // a fingerprint
				}
				if want.Detail == "*" && strings.HasPrefix(got.Detail, connect.CallerKeyIDPrefix) &&
					len(got.Detail) == len(connect.CallerKeyIDPrefix)+11 {
					want.Detail = got.Detail // a caller key's id
				}
				if got != want || (want.User != "") != strings.HasPrefix(got.Connection, "conn_") {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
		})
	}
}

// TestNoChangeWithoutItsRow keeps rows from the audit trail: nothing may change then.
func TestNoChangeWithoutItsRow(t *testing.T) { storetest.DirectAtOnce(t, testNoChangeWithoutItsRow) }

func testNoChangeWithoutItsRow(t *testing.T) {
	openScene := scenes(t)
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			v := openScene(t)
			storetest.Refuse(t, v.at, "audit", "INSERT")
			before := dump(t, v.Store)
			if err := c.do(t.Context(), v); err == nil || !strings.Contains(err.Error(), string(c.want[0].Event)) {
				t.Errorf("error %v, want one that names %s", err, c.want[0].Event)
			}
			after := dump(t, v.Store)
			if name == "rotate keyset" && storetest.Of(t) != storetest.SQLite { // the key is there, and seals nothing yet
				before, after = withoutMeta(before), withoutMeta(after)
			}
			if after != before {
				t.Errorf("the store changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// TestNoRowWithoutItsChange keeps changes from each table in turn.
func TestNoRowWithoutItsChange(t *testing.T) {
	storetest.DirectAtOnce(t, testNoRowWithoutItsChange)
}

func testNoRowWithoutItsChange(t *testing.T) {
	openScene := scenes(t)
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			v := openScene(t)
			query := storetest.Touched(t, v.at, "meta", "tenants", "tenant_keys", "connections", "links", "attempts", "holds",
				"oauth_clients", "sessions", "mcp_urls", "caller_keys")
			if err := c.do(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			touched := rowsOf(t, v.Store, query)
			if len(touched) == 0 {
				t.Error("no table has any part in it")
			}
			for _, row := range touched {
				table := row[0].(string)
				v := openScene(t)
				storetest.Refuse(t, v.at, table, "INSERT", "UPDATE", "DELETE")
				before := dump(t, v.Store)
				if err := c.do(t.Context(), v); err == nil {
					t.Errorf("without %s it succeeds", table)
				}
				if name == "rotate keyset" && table != "meta" {
					continue // the key is there, and what was refused is a later transaction
				}
				if after := dump(t, v.Store); after != before {
					t.Errorf("without %s the store changed from\n%s\nto\n%s", table, before, after)
				}
			}
		})
	}
}

// withoutMeta leaves out the rows of meta from a dump.
func withoutMeta(dump string) string { return metaRow.ReplaceAllString(dump, "") }

var metaRow = regexp.MustCompile(`(?m)^meta .*\n`)

// dump writes all rows of all tables.
func dump(t *testing.T, s *Store) string {
	t.Helper()
	var tables []string
	query := `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`
	if storetest.Of(t) != storetest.SQLite {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`
	}
	for _, name := range rowsOf(t, s, query) {
		tables = append(tables, name[0].(string))
	}
	var b strings.Builder
	for _, name := range tables {
		for _, row := range rowsOf(t, s, `SELECT * FROM `+name+` ORDER BY 1, 2`) {
			fmt.Fprintf(&b, "%s %x\n", name, row)
		}
	}
	return b.String()
}

func rowsOf(t testing.TB, s *Store, query string) (found [][]any) {
	t.Helper()
	err := s.update(t.Context(), "reading rows", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(t.Context(), query)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		columns, err := rows.Columns()
		for rows.Next() && err == nil {
			row, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				dest[i] = &row[i]
			}
			err = rows.Scan(dest...)
			found = append(found, row)
		}
		return errors.Join(err, rows.Err())
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestRefusedChangesLeaveNoRow makes changes that are refused for what they ask.
func TestRefusedChangesLeaveNoRow(t *testing.T) {
	storetest.EachAtOnce(t, testRefusedChangesLeaveNoRow)
}

func testRefusedChangesLeaveNoRow(t *testing.T) {
	openScene := scenes(t)
	for name, do := range map[string]func(ctx context.Context, v *scene) error{
		"delete what is held": func(ctx context.Context, v *scene) error { return v.DeleteConnection(ctx, "acme", v.held) },
		"complete by nothing": func(ctx context.Context, v *scene) error {
			_, err := v.CompleteLink(ctx, digestOf(v.link), alices, vending.OAuth, connect.Grant{})
			return err
		},
		"stale failure": func(ctx context.Context, v *scene) error {
			_, err := v.UpdateGrant(ctx, v.active, 7, oauthGrant("x", ""), true)
			return err
		},
		"tenant twice": func(ctx context.Context, v *scene) error {
			_, err := v.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: "ops@acme.example"})
			return err
		},
		"a third key":  func(ctx context.Context, v *scene) error { _, err := v.RotateKey(ctx, "two"); return err },
		"the only key": func(ctx context.Context, v *scene) error { return v.PromoteKey(ctx, "acme") },
		"nobody":       func(ctx context.Context, v *scene) error { return v.DisableTenant(ctx, "nobody") },
		"nobody's":     func(ctx context.Context, v *scene) error { return v.SetBrand(ctx, "nobody", connect.Brand{}) },
		"no client":    func(ctx context.Context, v *scene) error { return v.DeleteOAuthClient(ctx, "acme", "gmail") },
		"a bad client": func(ctx context.Context, v *scene) error {
			return v.SetOAuthClient(ctx, "acme", "gmail", connect.OAuthClient{})
		},
		"session twice": func(ctx context.Context, v *scene) error {
			return v.BeginSession(ctx, v.cookie, connect.Session{Tenant: "acme"})
		},
		"caller left": func(ctx context.Context, v *scene) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return v.EndSession(ctx, v.cookie)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := openScene(t)
			before := dump(t, v.Store)
			if err := do(t.Context(), v); err == nil {
				t.Error("no error")
			}
			if after := dump(t, v.Store); after != before {
				t.Errorf("the store changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

// TestVendFailedOnce has a backend ask again and again for what has ended.
func TestVendFailedOnce(t *testing.T) { storetest.EachAtOnce(t, testVendFailedOnce) }

func testVendFailedOnce(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	version := int64(1)
	for _, ended := range []bool{true, true, true, false, true, true} {
		var err error
		if version, err = s.UpdateGrant(t.Context(), id, version, oauthGrant("ya29.one", ""), ended); err != nil {
			t.Fatal(err)
		}
	}
	wantEvents(t, s, connect.AuditFilter{}, connect.ConnectionImported, connect.VendFailed, connect.VendFailed)
}

func TestAuditPages(t *testing.T) { storetest.EachAtOnce(t, testAuditPages) }

func testAuditPages(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	for i, r := range []connect.AuditRow{
		{Event: connect.KeyMinted, Tenant: "acme", Detail: "a"},
		{Event: connect.GrantRevoked, Tenant: "acme", Connection: "conn_1", Detail: "b"},
		{Event: connect.GrantRevoked, Tenant: "evil", Connection: "conn_2", Detail: "c"},
		{Event: connect.KeysetRotated, Detail: "d"},
		{Event: connect.RevocationFailed, Tenant: "acme", Connection: "conn_1", Detail: "e"},
	} {
		clock.set(time.Duration(i) * time.Minute)
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		filter connect.AuditFilter
		want   string
		total  int
	}{
		"all":                     {connect.AuditFilter{}, "edcba", 5},
		"a tenant":                {connect.AuditFilter{Tenant: "acme"}, "eba", 3},
		"a connection":            {connect.AuditFilter{Connection: "conn_1"}, "eb", 2},
		"another's connection":    {connect.AuditFilter{Tenant: "acme", Connection: "conn_2"}, "", 0},
		"an event":                {connect.AuditFilter{Event: connect.GrantRevoked}, "cb", 2},
		"since":                   {connect.AuditFilter{Since: epoch.Add(2 * time.Minute)}, "edc", 3},
		"since a moment after":    {connect.AuditFilter{Since: epoch.Add(2*time.Minute + time.Millisecond)}, "ed", 2},
		"a tenant's event, since": {connect.AuditFilter{Tenant: "acme", Event: connect.GrantRevoked, Since: epoch}, "b", 1},
		"first page":              {connect.AuditFilter{Limit: 2}, "ed", 5},
		"last page":               {connect.AuditFilter{Limit: 2, Page: 3}, "a", 5},
		"past the end":            {connect.AuditFilter{Limit: 2, Page: 4}, "", 5},
		"far past":                {connect.AuditFilter{Limit: 100, Page: 1<<63 - 1}, "", 5},
		"nobody's":                {connect.AuditFilter{Tenant: "nobody"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			rows, total, err := s.Audit(t.Context(), c.filter)
			got := ""
			for _, r := range rows {
				got += r.Detail
			}
			if err != nil || got != c.want || total != c.total {
				t.Errorf("%q of %d, %v; want %q of %d", got, total, err, c.want, c.total)
			}
		})
	}
	for name, f := range map[string]connect.AuditFilter{"page -1": {Page: -1}, "limit -1": {Limit: -1},
		"limit 101": {Limit: 101}} {
		if _, _, err := s.Audit(t.Context(), f); vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
}

// TestAuditText checks that what comes from outside is bounded, and cannot speak to the terminal
// that prints it.
func TestAuditText(t *testing.T) { storetest.DirectAtOnce(t, testAuditText) }

func testAuditText(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":          {"zażółć", "zażółć"},
		"long":           {strings.Repeat("x", 1000), strings.Repeat("x", 300)},
		"cut in a rune":  {strings.Repeat("x", 299) + "é", strings.Repeat("x", 299)},
		"not UTF-8":      {"a\xffb", "ab"},
		"escape, line":   {"a\x1b[2J\r\nb", "a[2Jb"},
		"C1, and DEL":    {"a\u009bb\x7f", "ab"},
		"nothing at all": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			ctx := connect.WithActor(t.Context(), connect.Actor{Name: "x" + c.text, Request: c.text})
			if err := s.Record(ctx, connect.AuditRow{Event: connect.GrantRevoked, Detail: c.text}); err != nil {
				t.Fatal(err)
			}
			rows, _, err := s.Audit(t.Context(), connect.AuditFilter{})
			if err != nil || rows[0].Detail != c.want || rows[0].Request != c.want || len(rows[0].Actor) > maxAuditText {
				t.Errorf("%+v, %v; want %q", rows, err, c.want)
			}
		})
	}
	s := openStore(t, t.TempDir())
	importGmail(t, s, "ya29.one")
	if rows, _, err := s.Audit(t.Context(), connect.AuditFilter{}); err != nil || rows[0].Actor != "system" ||
		rows[0].Request != "" {
		t.Errorf("of nobody: %+v, %v", rows, err)
	}
}

// TestNoSecretInTheAuditTrail looks for what the store was given. What it hands out,
// TestNothingInTheClear looks for.
func TestNoSecretInTheAuditTrail(t *testing.T) {
	storetest.DirectAtOnce(t, testNoSecretInTheAuditTrail)
}

func testNoSecretInTheAuditTrail(t *testing.T) {
	openScene := scenes(t)
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			v := openScene(t)
			if err := c.do(t.Context(), v); err != nil {
				t.Fatal(err)
			}
			for _, row := range rowsOf(t, v.Store, `SELECT * FROM audit`) {
				for i, canary := range []string{"canary", v.link.Token.Reveal(), v.open.Token.Reveal()} {
					if strings.Contains(fmt.Sprint(row...), canary) {
						t.Errorf("canary %d stands in %v", i, row)
					}
				}
			}
		})
	}
}
