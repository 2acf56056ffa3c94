package command

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/store"
)

var errNoTarget = errors.New(
	"no PostgreSQL database is named: write postgres and key_encryption_key into the store block " +
		"of the configuration, and name that with --config")

func migrateCommand(parent *cobra.Command, f *storeFlags) {
	cmd := subcommand(parent, "migrate", "Moves an SQLite store to the PostgreSQL database that the configuration names",
		0,
		func(cmd *cobra.Command, _ []string) error {
			a, err := f.configuration()
			if err != nil {
				return err
			}
			if a.Store.Postgres == "" {
				return errNoTarget
			}
			o, err := a.StoreOptions()
			if err != nil {
				return err
			}
			o.Logger = commandLog(cmd)
			moved, err := store.Move(cmd.Context(), o, o, f.progress(cmd))
			if err != nil {
				return err
			}
			return f.printMoved(cmd, o.Dir, moved)
		})
	cmd.Long = `Moves the SQLite store of --data, or of data_dir in the configuration, to the database that postgres in
the store block of --config names, which must be empty. Stop all gateways on the store first. Credentials
stay sealed as they are, and the keyset is sealed into the database by key_encryption_key. All is moved in
one transaction: if anything fails, nothing is in the database. Both sides are counted, table by table.

The SQLite store is kept as it was. A file vendgate.db.moved next to it keeps gateways and commands from it,
because its refresh tokens grow old. Start the gateway with the configuration that was named.`
}

// progress tells how far a large table is, at most once a second.
func (f *storeFlags) progress(cmd *cobra.Command) store.Progress {
	var last time.Time
	return func(table string, rows, total int64) {
		if f.json || rows == total || time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		cmd.PrintErrf("%s: %d of %d\n", table, rows, total)
	}
}

func (f *storeFlags) printMoved(cmd *cobra.Command, dir string, moved []store.Moved) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"data_dir": dir, "tables": moved})
	}
	var rows [][]string
	for _, m := range moved {
		n := strconv.FormatInt(m.Rows, 10)
		rows = append(rows, []string{m.Table, n, n})
	}
	if err := printTable(cmd.OutOrStdout(), []string{"TABLE", "IN SQLITE", "IN POSTGRESQL"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(),
		"The store is in PostgreSQL now: start the gateway with this configuration.\n"+
			"The SQLite store in %s is as it was, and no gateway starts on it. Back up the database and the\n"+
			"key-encryption key, and delete %[2]s and keyset.json when you are sure.\n", dir, store.DatabaseName)
	return err
}

func adoptCommand(parent *cobra.Command, f *storeFlags) {
	cmd := subcommand(parent, "adopt", "Makes a database that pg_restore filled a store of its own", 0,
		f.withExisting(func(cmd *cobra.Command, s *store.Store, a config, _ []string) error {
			if a.Store.Postgres == "" {
				return errAdoptSQLite
			}
			if err := s.Adopt(cmd.Context(), store.Copy{}); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "The restored store is ready: start its gateways")
			return err
		}))
	cmd.Long = `Run this once on a PostgreSQL database that pg_restore has filled, before gateways start on it. It ends
what was under way when the dump was made: sign-ins to the dashboard, authorizations at providers, refreshes;
and it notes the restore in the audit trail. What an older copy means for connections is in docs/backup.md.`
}

var errAdoptSQLite = errors.New("the store is one of SQLite, of which `vendgate store restore` restores backups: " +
	"name a configuration with postgres in its store block with --config")
