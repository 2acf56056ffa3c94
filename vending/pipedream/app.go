package pipedream

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
)

// App is what Pipedream calls an app of the catalog.
type App struct {
	// NameSlug is the app's `name_slug` there, such as `slack_v2`.
	NameSlug string `json:"name_slug"`
	// Fields map its custom fields to fields of the catalog's app, or to `-`: what has no entry
	// counts by its own name. A custom field that names a server other than the app's ends the
	// vend, since the token is for that server; `-` says that calls do not go there, so that the
	// field does not count.
	Fields map[string]string `json:"fields,omitempty"`
}

// ignored is the value in [App.Fields] of a custom field that does not matter to calls.
const ignored = "-"

// checkApps reports the first entry that no account could ever match.
func checkApps(apps *catalog.Catalog, entries map[string]App) error {
	for _, slug := range slices.Sorted(maps.Keys(entries)) {
		entry := entries[slug]
		app, ok := apps.App(slug)
		if !ok {
			return fmt.Errorf("app %q is not in the catalog: correct the slug, or define it with an app block", slug)
		}
		if !validNameSlug(entry.NameSlug) {
			return fmt.Errorf("app %s: write the name_slug that Pipedream has for it, like google_sheets", slug)
		}
		ours := make(map[string]string)
		for _, theirs := range slices.Sorted(maps.Keys(entry.Fields)) {
			field := entry.Fields[theirs]
			switch other, twice := ours[field]; {
			case theirs == "" || isPipedreams(theirs) && theirs != clientID:
				return fmt.Errorf("app %s: %q is not a custom field: write the name that Pipedream has for it", slug, theirs)
			case field == ignored:
				continue
			case !declares(app, field):
				return fmt.Errorf("app %s: %s=%s: the app has no such field: write one that it declares", slug, theirs, field)
			case twice:
				return fmt.Errorf("app %s: %s and %s both become %s: keep one of them", slug, other, theirs, field)
			}
			ours[field] = theirs
		}
	}
	return nil
}

func validNameSlug(s string) bool {
	return s != "" && len(s) <= maxID && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

func declares(app *catalog.App, field string) bool {
	return slices.ContainsFunc(app.CredentialFields(), func(f catalog.Field) bool { return f.Name == field })
}

// isApp reports whether an account of the app that Pipedream calls nameSlug may be used for ours. A
// name that an entry gives to an app means that app alone: the operator says that the two catalogs
// mean different things by it.
func (s *Source) isApp(nameSlug, slug string) bool {
	if entry, ok := s.apps[slug]; ok {
		return nameSlug == entry.NameSlug
	}
	return nameSlug != "" && !s.named[nameSlug] && strings.ReplaceAll(nameSlug, "_", "-") == slug
}
