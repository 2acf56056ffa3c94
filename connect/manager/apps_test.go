package manager

import (
	"context"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func TestRank(t *testing.T) {
	for _, c := range []struct {
		text, search string
		want         int
	}{
		{"mail", "mail", 0}, {"mailer", "mail", 1}, {"google mail", "mail", 2}, {"big-mail", "mail", 2},
		{"a/mail", "mail", 2}, {"a.mail", "mail", 2},
		{"acme (mail)", "mail", 2}, {"gmail", "mail", 3}, {"gmail mail", "mail", 2}, {"gmailmail", "mail", 3},
		{"google sheets", "sheets", 2},
		{"google sheets", "google sh", 1}, {"post", "mail", none}, {"ma", "mail", none}, {"émail", "mail", 3},
		{"é mail", "mail", 2}, {"aaa", "aa", 1}, {"baa", "aa", 3},
	} {
		if got := rank(c.text, c.search); got != c.want {
			t.Errorf("rank(%q, %q) = %d, want %d", c.text, c.search, got, c.want)
		}
	}
}

func key(slug, name string) catalog.App {
	return catalog.App{
		Slug: slug, Name: name, AuthType: "api_key", Upstream: "https://api.example.com",
		Fields:    []catalog.Field{{Name: "key", Secret: true}},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{key}"}},
	}
}

func open(t *testing.T, apps ...catalog.App) *Manager {
	t.Helper()
	c, err := catalog.New(apps...)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Catalog: c})
}

// TestPages: what the Platform API does not let through reaches here from agents.
func TestPages(t *testing.T) {
	m := open(t, key("a", "A"), key("b", "B"))
	c := Caller{Tenant: &policy.Tenant{}}
	for _, p := range []struct {
		page, limit int
		message     string
	}{
		{0, 0, ""}, {1, 1, ""}, {1, 100, ""}, {1 << 62, 100, ""},
		{-1, 1, "page: must be a whole number from 1 to 2147483647"},
		{1, -1, "limit: must be a whole number from 1 to 100"}, {1, 101, "limit: must be a whole number from 1 to 100"},
	} {
		_, total, err := m.Apps(c, "", p.page, p.limit)
		if p.message == "" && (err != nil || total != 2) || p.message != "" &&
			(err == nil || vending.AsError(err).Text() != p.message) {
			t.Errorf("page %d of %d: %d, %v", p.page, p.limit, total, err)
		}
	}
}

// TestConnectable: by name, whatever its case, without those that no end user can authorize, that
// wait for an OAuth client or that the tenant may not use.
func TestConnectable(t *testing.T) {
	imported := catalog.App{
		Slug: "imported", Name: "Imported", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{TokenURL: "https://auth.example.com/token"},
	}
	mail := catalog.App{
		Slug: "mail", Name: "Mail", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{AuthorizeURL: "https://auth.example.com/", TokenURL: "https://auth.example.com/token"},
	}
	calendar := mail
	calendar.Slug, calendar.Name = "calendar", "Calendar"
	m := open(t, key("z", "apple"), key("a", "Banana"), key("b", "Apple pie"), imported, mail, calendar)
	m.o.Registered = func(_ context.Context, tenant string) (map[string]bool, error) {
		return map[string]bool{tenant: true}, nil
	}
	for want, apps := range map[string][]string{"apple, Apple pie, Banana, Mail": nil, "Apple pie": {"b", "imported"},
		"": {}} {
		found, err := m.Connectable(t.Context(), Caller{Tenant: &policy.Tenant{ID: "mail", Apps: apps}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, a := range found {
			names = append(names, a.Name)
		}
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%v: %s, want %s", apps, got, want)
		}
	}
}

// TestFindApp: people type a name, programs a slug.
func TestFindApp(t *testing.T) {
	m := open(t, key("z", "Apple"), key("a", "Banana"), key("b", "banana"), key("apple", "Pear"))
	for text, want := range map[string]string{
		"z": "z", "apple": "apple", "Apple": "z", strings.Repeat(" ", 3) + "pear": "apple", "Banana": "",
		"a": "a", "": "", "plum": "",
	} {
		if got := m.FindApp(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
