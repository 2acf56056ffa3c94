package store

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func TestImportedConnection(t *testing.T) { storetest.EachAtOnce(t, testImportedConnection) }

func testImportedConnection(t *testing.T) {
	s := openStore(t, t.TempDir())
	c := gmail("  Alice@Example.COM ")
	c.ViaLink, c.RefreshPending, c.NeedsReconnection = true, true, true
	g := oauthGrant("ya29.one", "1//one")
	id, err := s.ImportConnection(t.Context(), c, g)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^conn_[0-9A-Za-z]{22}$`).MatchString(id) {
		t.Errorf("id %q", id)
	}
	want := connect.Connection{
		ID: id, Tenant: "acme", User: "alice@example.com", App: "gmail", Name: "Work Gmail", Status: connect.Active,
		AuthType: vending.OAuth,
		ViaLink:  true, NeedsReconnection: true, RefreshPending: true, CreatedAt: epoch, UpdatedAt: epoch, Version: 1,
	}
	got, grant, err := s.Grant(t.Context(), "acme", "alice@example.com", id)
	if err != nil || got != want || !reflect.DeepEqual(grant, g) {
		t.Errorf("Grant: %+v, %v; want %+v", got, err, want)
	}
	if got, err := s.Connection(t.Context(), "acme", "alice@example.com", id); err != nil || got != want {
		t.Errorf("Connection: %+v, %v; want %+v", got, err, want)
	}
	if page, total, err := s.Connections(t.Context(), connect.Filter{}); err != nil || total != 1 || page[0] != want {
		t.Errorf("Connections: %+v, %d, %v; want %+v", page, total, err, want)
	}
}

func TestImportRefuses(t *testing.T) { storetest.EachAtOnce(t, testImportRefuses) }

func testImportRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	for name, c := range map[string]struct {
		change func(*connect.Connection)
		grant  connect.GrantValues
		want   vending.Code
	}{
		"no user": {func(c *connect.Connection) {
			c.User = ""
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"named address": {func(c *connect.Connection) {
			c.User = "Alice <alice@example.com>"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"angle brackets": {func(c *connect.Connection) {
			c.User = "<alice@example.com>"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"two addresses": {func(c *connect.Connection) {
			c.User = "a@example.com,b@example.com"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"comment": {func(c *connect.Connection) {
			c.User = "a@example.com(x)"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"Kelvin sign": {func(c *connect.Connection) {
			c.User = "\u212aim@example.com"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"long address": {func(c *connect.Connection) {
			c.User = strings.Repeat("a", 243) + "@example.com"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidUserEmail},
		"no tenant": {func(c *connect.Connection) {
			c.Tenant = ""
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"upper-case tenant": {func(c *connect.Connection) {
			c.Tenant = "Acme"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"slug of two hyphens": {func(c *connect.Connection) {
			c.App = "a--b"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"slug with slash": {func(c *connect.Connection) {
			c.App = "gmail/x"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"name with break": {func(c *connect.Connection) {
			c.Name = "a\nb"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"long name": {func(c *connect.Connection) {
			c.Name = strings.Repeat("a", 201)
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"unknown status": {func(c *connect.Connection) {
			c.Status = "gone"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"unknown type": {func(c *connect.Connection) {
			c.AuthType = "magic"
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"no token": {func(*connect.Connection) {}, connect.GrantValues{TokenType: "Bearer"}, vending.InvalidRequest},
		"no fields": {func(c *connect.Connection) {
			c.AuthType = vending.APIKey
		}, connect.GrantValues{AccessToken: "a"}, vending.InvalidRequest},
		"empty field": {func(c *connect.Connection) {
			c.AuthType = vending.APIKey
		}, connect.GrantValues{Fields: []vending.Field{{Name: "api_key"}}}, vending.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			conn := gmail("alice@example.com")
			c.change(&conn)
			_, err := s.ImportConnection(t.Context(), conn, connect.NewGrant(c.grant))
			if e := new(vending.Error); !errors.As(err, &e) || e.Code != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	if _, total, err := s.Connections(t.Context(), connect.Filter{}); err != nil || total != 0 {
		t.Errorf("%d connections were stored, %v", total, err)
	}
}

func TestPendingHasNoGrant(t *testing.T) { storetest.EachAtOnce(t, testPendingHasNoGrant) }

func testPendingHasNoGrant(t *testing.T) {
	s := openStore(t, t.TempDir())
	c := gmail("alice@example.com")
	c.Status = connect.Pending
	id, err := s.ImportConnection(t.Context(), c, connect.Grant{})
	if err != nil {
		t.Fatal(err)
	}
	got, g, err := s.Grant(t.Context(), "acme", "alice@example.com", id)
	if err != nil || got.Status != connect.Pending || !g.IsZero() {
		t.Errorf("%+v, %v, %v; want a pending connection without a grant", got, g, err)
	}
}

// TestWhoseConnection checks that nobody learns whether a connection of somebody else exists.
func TestWhoseConnection(t *testing.T) { storetest.EachAtOnce(t, testWhoseConnection) }

func testWhoseConnection(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	for name, c := range map[string]struct{ tenant, user, id string }{
		"unknown":        {"acme", "alice@example.com", "conn_0000000000000000000000"},
		"empty":          {"acme", "alice@example.com", ""},
		"other tenant":   {"evil", "alice@example.com", id},
		"other end user": {"acme", "mallory@example.com", id},
		"other case":     {"acme", "alice@example.com", strings.ToUpper(id)},
		"wildcard":       {"acme", "alice@example.com", "%"},
		"NUL appended":   {"acme", "alice@example.com", id + "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			want := vending.Errorf(vending.ConnectionDeleted, nil)
			_, g, err := s.Grant(t.Context(), c.tenant, c.user, c.id)
			if !reflect.DeepEqual(err, error(want)) || !g.IsZero() {
				t.Errorf("Grant: %#v, want %#v", err, want)
			}
			if _, err := s.Connection(t.Context(), c.tenant, c.user, c.id); !reflect.DeepEqual(err, error(want)) {
				t.Errorf("Connection: %#v, want %#v", err, want)
			}
		})
	}
}

func TestDeleteConnection(t *testing.T) { storetest.EachAtOnce(t, testDeleteConnection) }

func testDeleteConnection(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	var e *vending.Error
	if err := s.DeleteConnection(t.Context(), "evil", id); !errors.As(err, &e) || e.Code != vending.ConnectionDeleted {
		t.Errorf("another tenant: %v", err)
	}
	wantAccess(t, s, id, "ya29.one")
	if err := s.DeleteConnection(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteConnection(t.Context(), "acme", id); !errors.As(err, &e) || e.Code != vending.ConnectionDeleted {
		t.Errorf("again: %v", err)
	}
	if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id); !errors.As(err, &e) ||
		e.Code != vending.ConnectionDeleted {
		t.Errorf("Grant: %v", err)
	}
}

func TestConnectionsPages(t *testing.T) { storetest.EachAtOnce(t, testConnectionsPages) }

func testConnectionsPages(t *testing.T) {
	now := epoch
	s := openStoreAt(t, t.TempDir(), func() time.Time { return now })
	for i, c := range []connect.Connection{
		{Tenant: "acme", User: "alice@example.com", App: "gmail", Name: "a"},
		{Tenant: "acme", User: "alice@example.com", App: "slack", Name: "b"},
		{Tenant: "acme", User: "bob@example.com", App: "gmail", Name: "c"},
		{Tenant: "evil", User: "alice@example.com", App: "gmail", Name: "d"},
		{Tenant: "acme", User: "alice@example.com", App: "gmail", Name: "e"},
	} {
		now = epoch.Add(time.Duration(i) * time.Minute)
		c.AuthType = vending.OAuth
		if _, err := s.ImportConnection(t.Context(), c, oauthGrant("t", "r")); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		filter connect.Filter
		want   string
		total  int
	}{
		"all":          {connect.Filter{}, "edcba", 5},
		"a tenant":     {connect.Filter{Tenant: "acme"}, "ecba", 4},
		"an end user":  {connect.Filter{Tenant: "acme", User: "alice@example.com"}, "eba", 3},
		"an app":       {connect.Filter{Tenant: "acme", User: "alice@example.com", App: "gmail"}, "ea", 2},
		"first page":   {connect.Filter{Tenant: "acme", Limit: 3}, "ecb", 4},
		"last page":    {connect.Filter{Tenant: "acme", Limit: 3, Page: 2}, "a", 4},
		"past the end": {connect.Filter{Tenant: "acme", Limit: 3, Page: 3}, "", 4},
		"far past":     {connect.Filter{Page: 1<<63 - 1, Limit: 100}, "", 5},
		"nobody's":     {connect.Filter{Tenant: "nobody"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			page, total, err := s.Connections(t.Context(), c.filter)
			got := ""
			for _, p := range page {
				got += p.Name
			}
			if err != nil || got != c.want || total != c.total {
				t.Errorf("%q of %d, %v; want %q of %d", got, total, err, c.want, c.total)
			}
		})
	}
	for _, f := range []connect.Filter{{}, {Tenant: "acme"}, {Search: "gmail"}, {Tenant: "acme", Search: "alice"}} {
		checkPages(t, s, f)
	}
	for name, f := range map[string]connect.Filter{"page -1": {Page: -1}, "limit -1": {Limit: -1},
		"limit 101": {Limit: 101}} {
		if _, _, err := s.Connections(t.Context(), f); vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
}

// checkPages checks that each page is the part of the whole list that its number says.
func checkPages(t *testing.T, s *Store, f connect.Filter) {
	t.Helper()
	all, want, err := s.Connections(t.Context(), f)
	if err != nil || want != len(all) {
		t.Fatalf("%d of %d, %v", len(all), want, err)
	}
	for f.Limit = 1; f.Limit <= want+1; f.Limit++ {
		for f.Page = 1; f.Page <= want+1; f.Page++ {
			page, total, err := s.Connections(t.Context(), f)
			from := min((f.Page-1)*f.Limit, want)
			if part := all[from:min(from+f.Limit, want)]; err != nil || total != want || !slices.Equal(page, part) {
				t.Errorf("page %d of %d each: %v of %d, %v; want %v of %d", f.Page, f.Limit, page, total, err, part, want)
			}
		}
	}
}
