package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// storeFlags say which store a command works on.
type storeFlags struct {
	dir, config, adapter string
	json                 bool
}

func (f *storeFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.dir, "data", "",
		"directory of an SQLite store (default: what --config names, or vendgate in Caddy's data directory)")
	flags.StringVar(&f.config, "config", "", "configuration file whose store and apps apply")
	flags.StringVar(&f.adapter, "adapter", "", "adapter of the configuration file, if it is not JSON or a Caddyfile")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// configuration reads the one that the flags name, with the data directory that they say.
func (f *storeFlags) configuration() (config, error) {
	a, err := readConfig(f.config, f.adapter)
	if f.dir != "" {
		a.DataDir = f.dir
	}
	return a, err
}

// openAs opens the store that the flags name.
func (f *storeFlags) openAs(cmd *cobra.Command, o store.Options) (*store.Store, config, error) {
	a, err := f.configuration()
	if err != nil {
		return nil, a, err
	}
	named, err := f.named(a)
	if err != nil {
		return nil, a, err
	}
	named.Existing, named.KeepSchema, named.Logger = o.Existing, o.KeepSchema, commandLog(cmd)
	s, err := store.Open(cmd.Context(), named)
	if errors.Is(err, store.ErrNoStore) && named.Postgres != "" {
		err = errors.New("there is no store in the database that the configuration names: create one with `keyset create`, " +
			"or start the gateway")
	}
	if errors.Is(err, store.ErrNoStore) {
		err = fmt.Errorf("there is no store in %s: name its directory with --data or --config, or create one with "+
			"`keyset create`", a.StoreDir())
	}
	return s, a, err
}

// named are the options of the store that the flags name.
func (f *storeFlags) named(a config) (store.Options, error) {
	if f.dir != "" && a.Store.Postgres != "" {
		return store.Options{},
			errors.New("--data names the directory of an SQLite store, and the store of --config is in a " +
				"database of PostgreSQL: leave one of them out")
	}
	return a.StoreOptions()
}

func commandLog(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
}

// asOperator is the context of what the one who runs a command changes.
func asOperator(ctx context.Context) context.Context {
	return connect.WithActor(ctx, connect.Actor{Name: "operator"})
}

// storeRun is what a command does with the open store.
type storeRun = func(cmd *cobra.Command, store *store.Store, a config, args []string) error

// with makes a command's RunE of run; it creates a store that is missing, and leaves the
// schema of one as it is.
func (f *storeFlags) with(run storeRun) func(*cobra.Command, []string) error {
	return f.runAs(store.Options{KeepSchema: true}, run)
}

// withExisting is with for commands that a store has to be there for: in a mistyped directory they
// would else make an empty one and find nothing in it.
func (f *storeFlags) withExisting(run storeRun) func(*cobra.Command, []string) error {
	return f.runAs(store.Options{Existing: true, KeepSchema: true}, run)
}

// runAs makes a command's RunE of run, on the store that is opened with o.
func (f *storeFlags) runAs(o store.Options, run storeRun) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		cmd.SetContext(asOperator(cmd.Context()))
		store, a, err := f.openAs(cmd, o)
		if err != nil {
			return err
		}
		defer func() {
			if closeErr := store.Close(); err == nil {
				err = closeErr
			}
		}()
		return withAdvice(run(cmd, store, a, args))
	}
}

// withAdvice adds what an operator can do where a command finds no such tenant in its store. Codes
// are for programs that call the API, and go.
func withAdvice(err error) error {
	var refusal *vending.Error
	if errors.As(err, &refusal) && err.Error() == refusal.Error() &&
		(refusal.Err == nil || refusal.Err.Error() == refusal.Text()) {
		return errors.New(refusal.Text())
	}
	if errors.Is(err, connect.ErrTenantUnknown) {
		return fmt.Errorf("%w in this store: create it with `tenant create`, name its store with --data or --config, "+
			"or change its tenant block, if it is one of the configuration", err)
	}
	return err
}

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
