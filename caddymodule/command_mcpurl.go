package caddymodule

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
)

// issuedMCPURL is the URL that an MCP client needs no key for, as it is shown, once.
type issuedMCPURL struct {
	Tenant string `json:"tenant"`
	Path   string `json:"path"`
	// URL is there where it is known under which origin the gateway is reached.
	URL string `json:"mcp_url,omitempty"`
}

// mcpURLCommand adds `tenant mcp-url`.
func mcpURLCommand(parent *cobra.Command, f *storeFlags) {
	var origin string
	cmd := subcommand(parent, "mcp-url NAME",
		"Makes the URL by which an MCP client acts for a tenant, and prints it, once; the one before ends", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, a *App, args []string) error {
			base, err := a.origin(origin)
			if err != nil {
				return err
			}
			if err := a.mustKnow(cmd.Context(), store, args[0]); err != nil {
				return err
			}
			issued, err := issueMCPURL(cmd.Context(), store, args[0], base)
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), issued)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), base+issued.Path)
			return err
		}))
	cmd.Long = "Who has the URL needs no key: it acts for the tenant's own address. It cannot be shown again."
	originFlag(cmd, &origin)
}

// issueMCPURL makes the URL of a tenant that is known; origin may be empty.
func issueMCPURL(ctx context.Context, store *connect.Store, tenant, origin string) (issuedMCPURL, error) {
	token, err := store.IssueMCPURL(ctx, tenant)
	if err != nil {
		return issuedMCPURL{}, err
	}
	issued := issuedMCPURL{Tenant: tenant, Path: connect.MCPPath(token.Reveal())}
	if origin != "" {
		issued.URL = origin + issued.Path
	}
	return issued, nil
}
