package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// updateCommand adds `connection update`.
func updateCommand(parent *cobra.Command, f *storeFlags) {
	var tenant string
	var in credentialInput
	update := subcommand(parent, "update ID --tenant NAME",
		"Replaces what a connection holds by fields or tokens on standard input", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			c, err := updateConnection(cmd, store, a, tenant, args[0], in)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(cmd.OutOrStdout(), storedRow{c.ID, c.Verified})
			}
			return printUpdated(cmd.OutOrStdout(), c)
		}))
	update.Long = "Replaces what a connection holds by a JSON object, read from standard input or --file and never\n" +
		"from " + credentialHelp + `

The connection keeps its id, its address, its holds and its caller keys, and no longer needs
reconnection. It must be active. A link that is open to renew it stays open. Where something else
stored new credentials meanwhile, those stay, and the command says so.`
	tenantFlag(update, &tenant)
	in.add(update)
}

func printUpdated(w io.Writer, c connect.Connection) (err error) {
	if c.Verified {
		_, err = fmt.Fprintf(w, "updated; %s accepts the credential\n", c.App)
	} else {
		_, err = fmt.Fprintln(w, "updated; "+notVerified)
	}
	return err
}

func updateConnection(cmd *cobra.Command, store *store.Store, a config, tenant, id string,
	in credentialInput) (connect.Connection, error) {
	c, err := store.Describe(cmd.Context(), tenant, "", id)
	if err == nil {
		err = c.CheckUpdate()
	}
	if err != nil {
		return c, err
	}
	app, err := a.CatalogApp(c.App)
	if err == nil {
		err = a.mustConnect(cmd.Context(), store, tenant)
	}
	if err != nil {
		return c, err
	}
	grant, err := in.read(cmd, store, a, tenant, app)
	if err != nil {
		return c, err
	}
	// read only now: typing may take longer than a refresh
	c, held, err := store.Grant(cmd.Context(), tenant, c.User, id)
	if err != nil {
		return c, err
	}
	moved, err := checkMove(app, held, grant)
	if err == nil {
		grant, err = in.try.replacement(cmd.Context(), a, app, held, grant)
	}
	if err != nil {
		return c, err
	}
	c.AuthType = vending.AuthType(app.AuthType)
	updated, err := store.ReplaceGrant(cmd.Context(), c, grant, moved)
	if errors.Is(err, connect.ErrStale) {
		err = errors.New("something else has stored new credentials of the connection in the meantime, and they stay: " +
			"look at it with `connection list`, and run the command again if it is still needed")
	}
	return updated, err
}

// checkMove refuses a grant that is for another address than the connection's, and says of one
// whose provider names another, for the audit trail, what has changed.
func checkMove(app *catalog.App, held, grant connect.Grant) (moved string, err error) {
	bound, fields := authorize.AddressFields(app, held.Reveal().Fields), grant.Reveal().Fields
	var problem *authorize.Error
	if err := authorize.CheckAddress(app, bound, fields); errors.As(err, &problem) {
		return "", fmt.Errorf("the credential's %q is for another address than the connection's, which cannot change: "+
			"import it as another connection", problem.Field)
	} else if err != nil {
		return "", err
	}
	if from, to, differs := authorize.AddressChange(app, bound, fields); differs {
		moved = "from " + from + " to " + to
	}
	return moved, nil
}
