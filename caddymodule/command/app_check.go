package command

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/catalog"
)

// undocumented says what an OAuth app lacks to be compared with its provider's own page again; ""
// if that is nothing. Endpoints and scopes change, and sources may agree on what is outdated.
func undocumented(app *catalog.App) string {
	switch {
	case app.OAuth2 == nil && app.OAuth1 == nil, app.Checked != "":
		return ""
	case app.Docs == "":
		return "no docs: set docs to the provider's page about OAuth, and checked to the day on which you compared it"
	}
	return "no checked: compare the app with the page in docs, and set checked to the day, like 2026-11-30"
}

// warnUndocumented names the OAuth apps of a file that lack documentation, and counts those of the
// binary: an operator may look at the provider's page before they rely on one.
func warnUndocumented(w io.Writer, apps []caddymodule.AppEntry) error {
	for i := range apps {
		if lack := undocumented(&apps[i].App); lack != "" {
			if _, err := fmt.Fprintf(w, "warning: %s: app %q has %s\n", apps[i].DefinedAt, apps[i].Slug, lack); err != nil {
				return err
			}
		}
	}
	if !slices.ContainsFunc(apps, func(e caddymodule.AppEntry) bool { return e.OAuth2 != nil || e.OAuth1 != nil }) {
		return nil // it says nothing of such a file
	}
	embedded, err := catalog.Embedded()
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

// printAdvice tells what is probably a mistake in apps that have passed their check.
func printAdvice(cmd *cobra.Command, apps []caddymodule.AppEntry) error {
	embedded, err := catalog.Embedded("*")
	if err != nil {
		return err
	}
	others := make([]*catalog.App, 0, len(apps))
	own := map[string]bool{}
	for i := range apps {
		others = append(others, &apps[i].App)
		own[apps[i].Slug] = true
	}
	for _, app := range embedded.Apps() {
		if !own[app.Slug] {
			others = append(others, app)
		}
	}
	for i := range apps {
		for _, text := range catalog.Advice(&apps[i].App, others) {
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s: %s\n", apps[i].DefinedAt, text); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkFile(cmd *cobra.Command, args []string) error {
	if _, err := os.Stat(args[0]); err != nil {
		return err
	}
	apps, mistakes := caddymodule.ReadCatalog(args[0])
	if err := warnUndocumented(cmd.ErrOrStderr(), apps); err != nil {
		return err
	}
	for _, mistake := range mistakes {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), mistake); err != nil {
			return err
		}
	}
	if err := printAdvice(cmd, apps); err != nil {
		return err
	}
	if len(apps)+len(mistakes) == 0 {
		return fmt.Errorf("%s contains no app: write one JSON object per line", args[0])
	}
	switch len(mistakes) {
	case 0:
		noun := "apps"
		if len(apps) == 1 {
			noun = "app"
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "ok: %d %s\n", len(apps), noun)
		return err
	case 1:
		return fmt.Errorf("%s has a mistake", args[0])
	}
	return fmt.Errorf("%s has %d mistakes", args[0], len(mistakes))
}
