package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/store"
)

func keysetCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "keyset"
	parent.Long = "The keyset seals every credential in the store. Keep a copy of it apart from the database: without " +
		"it they are lost, and\nanyone who has both can read them all."
	kekCommands(parent, &f)
	subcommand(parent, "create", "Creates the store and its keyset, unless they exist", 0,
		f.with(func(cmd *cobra.Command, store *store.Store, a config, _ []string) error {
			if f.json {
				name := "data_dir"
				if a.Store.Postgres != "" {
					name = "database"
				}
				return printJSON(cmd.OutOrStdout(), map[string]string{name: store.Place()})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The store and its keyset are in %s\n", store.Place())
			return err
		}))
	subcommand(parent, "rotate", "Adds a new key and seals every connection with it; the old keys stay for old backups", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
			resealed, err := store.RotateKeyset(cmd.Context())
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), map[string]int{"resealed": resealed})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d connections sealed with the new key\n", resealed)
			return err
		}))
}
