package manager

import (
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

// TestEachApp: by name, whatever its case, without those that nobody can authorize or the tenant
// may not use.
func TestEachApp(t *testing.T) {
	imported := catalog.App{
		Slug: "imported", Name: "Imported", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{TokenURL: "https://auth.example.com/token"},
	}
	m := open(t, key("z", "apple"), key("a", "Banana"), key("b", "Apple pie"), imported)
	for want, apps := range map[string][]string{"apple, Apple pie, Banana": nil, "Apple pie": {"b", "imported"}, "": {}} {
		var names []string
		m.EachApp(Caller{Tenant: &policy.Tenant{Apps: apps}}, func(a *catalog.App) { names = append(names, a.Name) })
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%v: %s, want %s", apps, got, want)
		}
	}
}
