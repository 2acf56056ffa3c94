package manager

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// The bounds of what a caller may send, in bytes.
const (
	maxAppID  = 64
	maxName   = 200
	maxSearch = 100
)

// checkText refuses a text that is empty, too long or not UTF-8. The message names the field and
// never repeats its value.
func checkText(field, text string, most int) error {
	if text == "" || len(text) > most || !utf8.ValidString(text) {
		return vending.Refuse(vending.InvalidRequest, fmt.Sprintf("%s: must be 1 to %d bytes of text", field, most))
	}
	return nil
}

// App returns the app of an id or slug: `unknown_app` if the catalog has no such app,
// `policy_denied` if the tenant may not call it. A caller key learns nothing of apps that it may
// not call: they are unknown. An app's id is its slug: both are stable, and it keeps a list of
// connections readable.
func (m *Manager) App(c Caller, id string) (*catalog.App, error) {
	app, ok := m.o.Catalog.App(id)
	switch {
	case !ok, c.Key != nil && !(c.Key.MayCall(app.Slug) && c.Tenant.MayCall(app.Slug)):
		return nil, vending.Refuse(vending.UnknownApp, "")
	case !c.Tenant.MayCall(app.Slug):
		return nil, vending.Refuse(vending.PolicyDenied, "this tenant may not use the app")
	}
	return app, nil
}

// AppName is what people call an app; one that has left the catalog is called by its slug.
func (m *Manager) AppName(slug string) string {
	if app, ok := m.o.Catalog.App(slug); ok {
		return app.Name
	}
	return slug
}

// Apps returns one page of the apps that the caller may call, and how many there are. Without a
// search they are in the order of their slugs, else the best match comes first.
func (m *Manager) Apps(c Caller, search string, page, limit int) (found []*catalog.App, total int, err error) {
	if err := connect.CheckPage(&page, &limit); err != nil {
		return nil, 0, err
	}
	if search != "" {
		if err := checkText("search", search, maxSearch); err != nil {
			return nil, 0, err
		}
	}
	found = slices.DeleteFunc(m.o.Catalog.Apps(), func(a *catalog.App) bool { return !c.Tenant.MayCall(a.Slug) })
	if search = strings.ToLower(strings.TrimSpace(search)); search != "" {
		found = matching(found, search)
	}
	if page-1 > len(found)/limit {
		return nil, len(found), nil
	}
	first := min((page-1)*limit, len(found))
	return found[first:min(first+limit, len(found))], len(found), nil
}

// Connectable returns the apps that the caller may connect by a link, in the order of their names.
// An app whose end users sign in at its provider is one only where the tenant has an OAuth client.
func (m *Manager) Connectable(ctx context.Context, c Caller) ([]*catalog.App, error) {
	registered, err := m.o.Registered(ctx, c.Tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("listing the apps with an oauth client: %w", err)
	}
	apps := slices.DeleteFunc(m.o.Catalog.Apps(), func(a *catalog.App) bool {
		return !c.Tenant.MayCall(a.Slug) || !a.CanAuthorize() || needsClient(a) && !registered[a.Slug]
	})
	slices.SortStableFunc(apps, func(a, b *catalog.App) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return apps, nil
}

// needsClient reports whether connections of an app are made by an OAuth client of the tenant's.
func needsClient(a *catalog.App) bool {
	return a.AuthType == string(vending.OAuth) && !a.ClientCredentials()
}

// FindApp returns the slug of the app that people mean by text: its slug, or its name in any case.
// It is empty where no app has it, or several have that name.
func (m *Manager) FindApp(text string) (slug string) {
	text = strings.TrimSpace(text)
	if app, ok := m.o.Catalog.App(text); ok {
		return app.Slug
	}
	return m.byName[strings.ToLower(text)]
}

// matching returns the apps that match, the best first; of equals, by slug.
func matching(apps []*catalog.App, search string) []*catalog.App {
	type match struct {
		app  *catalog.App
		rank int
	}
	var matches []match
	for _, a := range apps {
		if r := min(rank(a.Slug, search), rank(strings.ToLower(a.Name), search)); r < none {
			matches = append(matches, match{a, r})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int { return cmp.Compare(a.rank, b.rank) })
	found := make([]*catalog.App, len(matches))
	for i := range matches {
		found[i] = matches[i].app
	}
	return found
}

// none is the rank of what does not match.
const none = 4

// rank is 0 for the text itself, 1 where it begins with the search, 2 where a word of it does, 3
// where it contains the search.
func rank(text, search string) int {
	at := strings.Index(text, search)
	switch {
	case at < 0:
		return none
	case text == search:
		return 0
	case at == 0:
		return 1
	}
	for ; at >= 0; at = nextIndex(text, search, at) {
		if strings.ContainsRune(" -(./", rune(text[at-1])) {
			return 2
		}
	}
	return 3
}

// nextIndex finds search in text behind at, or returns -1.
func nextIndex(text, search string, at int) int {
	next := strings.Index(text[at+1:], search)
	if next < 0 {
		return -1
	}
	return at + 1 + next
}
