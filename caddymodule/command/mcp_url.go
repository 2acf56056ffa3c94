package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

// mcpURLCommand adds `tenant mcp-url`.
func mcpURLCommand(parent *cobra.Command, f *storeFlags) {
	var origin string
	var end bool
	cmd := subcommand(parent, "mcp-url NAME",
		"Creates the URL by which an MCP client acts for a tenant, and prints it, once; the earlier one ends", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			if end {
				return endMCPURL(cmd, store, args[0])
			}
			base, err := a.origin(origin)
			if err != nil {
				return err
			}
			if err := a.mustKnow(cmd.Context(), store, args[0]); err != nil {
				return err
			}
			issued, err := operator.IssueMCPURL(cmd.Context(), store, args[0], base)
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), issued)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), base+issued.Path)
			return err
		}))
	cmd.Long = "Anyone who has the URL needs no key: it acts for the tenant's own address. It cannot be shown again."
	originFlag(cmd, &origin)
	cmd.Flags().BoolVar(&end, "end", false, "end the URL that there is, and create none")
	cmd.MarkFlagsMutuallyExclusive("end", "public-url")
}

func endMCPURL(cmd *cobra.Command, store *store.Store, tenant string) error {
	err := store.EndMCPURL(cmd.Context(), tenant)
	if errors.Is(err, connect.ErrNoMCPURL) {
		return fmt.Errorf("tenant %s has no MCP URL: there is nothing to end", tenant)
	}
	return err
}
