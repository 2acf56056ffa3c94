package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/store"
)

func storeCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "store"
	parent.Long = "The store is one SQLite database, or one of PostgreSQL. What it holds of credentials is sealed by " +
		"its keyset, which is a " +
		"file " +
		"of its own,\nor sealed in the database. Run these commands as the user who owns the data directory."
	backupCommand(parent, &f)
	verifyCommand(parent, &f)
	restoreCommand(parent, &f)
	upgradeCommand(parent, &f)
	checkCommand(parent, &f)
	migrateCommand(parent, &f)
	adoptCommand(parent, &f)
}

func checkCommand(parent *cobra.Command, f *storeFlags) {
	cmd := subcommand(parent, "check", "Reads all of the store, and tells what is damaged in it", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
			c, err := store.Check(cmd.Context())
			if err != nil {
				return err
			}
			if err := f.printChecked(cmd, c); err != nil || len(c.Problems) == 0 {
				return err
			}
			return fmt.Errorf("the store is damaged: %d problems were found", len(c.Problems)+max(0, c.Unopened-len(c.Problems)))
		}))
	cmd.Long = `Reads each page of the database, opens each row that is sealed, and counts what must agree. It
changes nothing, and a gateway may be running. A million connections take about a minute. Where anything is
wrong, the command says what to do, and ends with 1.

A start does not read the whole store. A gateway that was not stopped, but killed, reads it in the
background at its next start, and logs what it finds.`
}

// printChecked prints what was read and what is wrong.
func (f *storeFlags) printChecked(cmd *cobra.Command, c store.Checked) error {
	if f.json {
		if c.Problems == nil {
			c.Problems = []store.Problem{}
		}
		return printJSON(cmd.OutOrStdout(), c)
	}
	var text strings.Builder
	if len(c.Problems) == 0 {
		fmt.Fprintf(&text, "The store is in order: %d tenants, %d connections; all %d sealed rows open\n", c.Tenants,
			c.Connections, c.Sealed)
	}
	if _, err := cmd.OutOrStdout().Write([]byte(text.String())); err != nil || len(c.Problems) == 0 {
		return err
	}
	var rows [][]string
	for _, p := range c.Problems {
		rows = append(rows, []string{p.What, p.Advice})
	}
	return printTable(cmd.OutOrStdout(), []string{"PROBLEM", "WHAT TO DO"}, rows)
}
