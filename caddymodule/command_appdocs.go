package caddymodule

import (
	"fmt"
	"io"
	"slices"

	"github.com/vendgate/vendgate/catalog"
)

// undocumented says what an OAuth app lacks to be compared with its provider's own page again; ""
// if that is nothing. Endpoints and scopes change, and sources may agree on what is outdated.
func undocumented(app *catalog.App) string {
	switch {
	case app.OAuth2 == nil && app.OAuth1 == nil, app.Checked != "":
		return ""
	case app.Docs == "":
		return "no docs: write the provider's page about OAuth, and in checked the day on which you compared it"
	}
	return "no checked: compare the page in docs, and write the day like 2026-11-30"
}

// warnUndocumented names the OAuth apps of a file that lack documentation, and counts those of the
// binary: an operator may look at the provider's page before they rely on one.
func warnUndocumented(w io.Writer, apps []AppEntry) error {
	for i := range apps {
		if lack := undocumented(&apps[i].App); lack != "" {
			if _, err := fmt.Fprintf(w, "warning: %s: app %q has %s\n", apps[i].DefinedAt, apps[i].Slug, lack); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(apps, func(e AppEntry) bool { return e.OAuth2 != nil || e.OAuth1 != nil }) {
		return nil // it says nothing of such a file
	}
	embedded, err := new(Catalog).embedded()
	if err != nil {
		return err
	}
	total, lacking := 0, 0
	for _, app := range embedded.Apps() {
		if app.OAuth2 == nil && app.OAuth1 == nil {
			continue
		}
		total++
		if undocumented(app) != "" {
			lacking++
		}
	}
	_, err = fmt.Fprintf(w,
		"note: of the binary's %d verified OAuth apps, %d were not compared with the provider's own page; "+
			"`app show SLUG` shows docs and checked\n", total, lacking)
	return err
}
