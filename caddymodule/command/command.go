// Package command adds Vendgate's commands to Caddy's: tenant, user, connection, caller-key, app,
// oauth-client, audit, health, store and keyset. They work on the store and go by a configuration,
// of which they run nothing; the server need not run.
//
// A command must never take a secret as an argument, which other users of the machine could see,
// and never print one twice.
package command

import (
	"fmt"
	"io"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/help"
)

func init() {
	for _, c := range []struct {
		name, short string
		build       func(*cobra.Command)
	}{
		{"tenant", "Manages Vendgate's tenants and their keys", tenantCommands},
		{"user", "Shows and deletes what is kept of one end user", userCommands},
		{"connection", "Manages Vendgate's connections", connectionCommands},
		{"caller-key", "Manages Vendgate's caller keys, which reach one connection each", callerKeyCommands},
		{"app", "Shows the catalog of apps, and checks one of your own", appCommands},
		{"oauth-client", "Manages the OAuth clients in Vendgate's store", oauthClientCommands},
		{"audit", "Shows what was changed in Vendgate's store, and by whom", auditCommand},
		{"store", "Backs up, restores and upgrades Vendgate's store", storeCommands},
		{"health", "Asks a running server whether it is ready", healthCommand},
		{"keyset", "Manages the keyset that seals Vendgate's store", keysetCommands},
	} {
		caddycmd.RegisterCommand(caddycmd.Command{Name: c.name, Short: c.short, CobraFunc: func(cmd *cobra.Command) {
			c.build(cmd)
			if cmd.HasSubCommands() {
				cmd.Args, cmd.RunE, cmd.SilenceUsage = cobra.ArbitraryArgs, noSubcommand, true
			}
			refuseEmpty(cmd)
			help.Finish(cmd)
		}})
	}
}

// noSubcommand shows the help of a command that only has others; a misspelt one must not pass for
// done.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s has no command %q; `%[1]s --help` lists them", cmd.Name(), args[0])
	}
	return cmd.Help()
}

// readInput reads a file, or standard input where its name is "-": secrets never come as arguments,
// which other users of the machine could see. Its errors name what was to be read, never a part of
// it.
func readInput(cmd *cobra.Command, file, what string, limit int64) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }() // it was only read
		in = opened
	}
	raw, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the %s: %w", what, err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("the %s is larger than %d bytes: check that you passed the right file", what, limit)
	}
	return raw, nil
}

// subcommand adds a command that takes exactly the named arguments.
func subcommand(parent *cobra.Command, use, short string, args int,
	run func(*cobra.Command, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: run, SilenceUsage: true}
	parent.AddCommand(cmd)
	return cmd
}
