package manager

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// stored imports a connection of app with fields, and describes it.
func stored(t *testing.T, s *store.Store, app, authType string, fields ...vending.Field) connect.Connection {
	t.Helper()
	id, err := s.ImportConnection(t.Context(),
		connect.Connection{Tenant: "acme", User: "a@example.com", App: app, AuthType: vending.AuthType(authType)},
		connect.NewGrant(connect.GrantValues{AccessToken: "NEVER-access", RefreshToken: "NEVER-refresh", Fields: fields}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Describe(t.Context(), "acme", "", id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestNoSecretIsOpen goes through all entries, with a connection that holds a value for every
// field, for one that no entry declares, and for the OAuth client.
func TestNoSecretIsOpen(t *testing.T) {
	apps, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	s, entries, shown := openStore(t), 0, 0
	m := New(Options{Catalog: apps, Store: s})
	for _, app := range apps.Apps() {
		entries++
		want := make(map[string]string)
		fields := []vending.Field{{Name: "undeclared", Value: "NEVER-undeclared"}}
		for _, name := range []string{"client_id", "client_secret", "consumer_key", "consumer_secret", "oauth_token_secret",
			"access_token"} {
			if !slices.ContainsFunc(app.Fields, func(f catalog.Field) bool { return f.Name == name }) {
				fields = append(fields, vending.Field{Name: name, Value: "NEVER-" + name})
			}
		}
		for i, f := range app.Fields {
			value := fmt.Sprintf("open-%d", i)
			switch {
			case f.Secret, f.Name == "client_id", f.Name == "client_secret", f.From == catalog.FromClient &&
				!slices.Contains(app.AddressFields(), f.Name):
				value = "NEVER-" + f.Name
			default:
				want[f.Name] = value
			}
			fields = append(fields, vending.Field{Name: f.Name, Value: value})
		}
		got := m.OpenFields(t.Context(), stored(t, s, app.Slug, app.AuthType, fields...))
		if shown += len(got); !maps.Equal(got, want) || strings.Contains(fmt.Sprint(got), "NEVER") {
			t.Errorf("%s: %v, want %v", app.Slug, got, want)
		}
	}
	if entries < 905 || shown < 100 {
		t.Errorf("%d entries with %d open fields", entries, shown)
	}
}

// TestOpenFields: the entry of now decides, and a secret stays one wherever it stands.
func TestOpenFields(t *testing.T) {
	app := key("acme", "Acme")
	app.Fields = append(app.Fields, catalog.Field{Name: "site"}, catalog.Field{Name: "pin", Secret: true})
	closed := app
	closed.Fields = []catalog.Field{app.Fields[0], {Name: "site", Secret: true}}
	s := openStore(t)
	field := func(name, value string) vending.Field { return vending.Field{Name: name, Value: value} }
	for name, tt := range map[string]struct {
		apps   []catalog.App
		fields []vending.Field
		want   map[string]string
	}{
		"open": {[]catalog.App{app}, []vending.Field{field("key", "sk-123456"), field("site", "eu")},
			map[string]string{"site": "eu"}},
		"secret by now": {[]catalog.App{closed}, []vending.Field{field("key", "sk-123456"), field("site", "eu")},
			nil},
		"unknown app": {[]catalog.App{key("other", "O")}, []vending.Field{field("site", "eu")}, nil},
		"the secret once more": {[]catalog.App{app},
			[]vending.Field{field("key", "sk-123456"), field("site", "sk-123456")}, nil},
		"the secret within": {[]catalog.App{app},
			[]vending.Field{field("key", "sk-123456"), field("site", "x.example/?k=sk-123456")}, nil},
		"the secret, escaped": {[]catalog.App{app},
			[]vending.Field{field("key", "sk@123/456"), field("site", "https://u:sk%40123%2f456@x.example")}, nil},
		"the secret as base64": {[]catalog.App{app},
			[]vending.Field{field("key", "sk-123456"), field("site", "Basic dTpzay0xMjM0NTY=")}, nil},
		"the token": {[]catalog.App{app}, []vending.Field{field("key", "k"), field("site", "NEVER-access")},
			nil},
		"a short secret": {[]catalog.App{app}, []vending.Field{field("pin", "eu"), field("site", "eu")}, nil},
		"a short one by chance": {[]catalog.App{app}, []vending.Field{field("pin", "u"), field("site", "eu")},
			map[string]string{"site": "eu"}},
		"under two names": {[]catalog.App{app},
			[]vending.Field{field("old_key", "sk-123456"), field("site", "sk-123456")}, nil},
		"the name in other case": {[]catalog.App{app}, []vending.Field{field("Site", "eu")}, nil},
		"a second value, a secret": {[]catalog.App{app}, []vending.Field{field("key", "a-secret-1"), field("site", "eu"),
			field("site", "a-secret-1")}, map[string]string{"site": "eu"}},
	} {
		t.Run(name, func(t *testing.T) {
			apps, err := catalog.New(tt.apps...)
			if err != nil {
				t.Fatal(err)
			}
			m := New(Options{Catalog: apps, Store: s})
			got := m.OpenFields(t.Context(), stored(t, s, "acme", "api_key", tt.fields...))
			if got == nil || !maps.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	t.Run("pending", func(t *testing.T) {
		id, err := s.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: "a@example.com", App: "acme",
			AuthType: vending.APIKey, Status: connect.Pending}, connect.Grant{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Describe(t.Context(), "acme", "", id)
		if err != nil {
			t.Fatal(err)
		}
		apps, err := catalog.New(app)
		if err != nil {
			t.Fatal(err)
		}
		if got := New(Options{Catalog: apps, Store: s}).OpenFields(t.Context(), c); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
}
