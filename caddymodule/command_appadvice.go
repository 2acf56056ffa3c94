package caddymodule

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
)

// printAdvice tells what is probably a mistake in apps that have passed their check.
func printAdvice(cmd *cobra.Command, apps []AppEntry) error {
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
