package caddymodule

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/gateway"
)

func init() {
	for _, c := range []struct {
		name, short string
		build       func(*cobra.Command)
	}{
		{"tenant", "Manages Vendgate's tenants and their keys", tenantCommands},
		{"connection", "Manages Vendgate's connections", connectionCommands},
		{"caller-key", "Manages the keys that reach one connection of Vendgate's each", callerKeyCommands},
		{"app", "Shows the catalog of apps, and checks one of your own", appCommands},
		{"oauth-client", "Manages the OAuth clients in Vendgate's store", oauthClientCommands},
		{"audit", "Shows what was changed in Vendgate's store, and by whom", auditCommand},
		{"keyset", "Manages the keyset that seals Vendgate's store", keysetCommands},
		{"playground", "Runs Vendgate with a demonstration provider, to try it out", playgroundCommand},
	} {
		caddycmd.RegisterCommand(caddycmd.Command{Name: c.name, Short: c.short, CobraFunc: func(cmd *cobra.Command) {
			c.build(cmd)
			if cmd.HasSubCommands() {
				cmd.Args, cmd.RunE, cmd.SilenceUsage = cobra.ArbitraryArgs, noSubcommand, true
			}
			refuseEmpty(cmd)
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

// storeFlags say which store a command works on.
type storeFlags struct {
	dir, config, adapter string
	json                 bool
}

func (f *storeFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.dir, "data", "",
		"directory of the store (default: data_dir of --config, or vendgate in Caddy's data directory)")
	flags.StringVar(&f.config, "config", "", "configuration file whose data_dir and apps apply")
	flags.StringVar(&f.adapter, "adapter", "", "adapter of the configuration file, if it is not JSON or a Caddyfile")
	flags.BoolVar(&f.json, "json", false, "print JSON")
}

// app returns the vendgate app of the configuration, or the zero app.
func (f *storeFlags) app() (*App, error) {
	a := new(App)
	if f.config == "" {
		return a, nil
	}
	raw, _, _, err := caddycmd.LoadConfig(f.config, f.adapter)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.config, err)
	}
	config := struct {
		Apps struct {
			Vendgate *App `json:"vendgate"`
		} `json:"apps"`
	}{}
	config.Apps.Vendgate = a
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.config, err)
	}
	return a, nil
}

// open opens the store. If there is none it makes it, or says so if mustExist.
func (f *storeFlags) open(cmd *cobra.Command, mustExist bool) (*connect.Store, *App, error) {
	a, err := f.app()
	if err != nil {
		return nil, nil, err
	}
	if f.dir != "" {
		a.DataDir = f.dir
	}
	if mustExist && !connect.Exists(a.dataDir()) {
		return nil, nil, fmt.Errorf("there is no store in %s; `keyset create` makes one", a.dataDir())
	}
	store, err := connect.Open(cmd.Context(),
		connect.Options{Dir: a.dataDir(), Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))})
	return store, a, err
}

// storeRun is what a command does with the open store.
type storeRun = func(cmd *cobra.Command, store *connect.Store, a *App, args []string) error

// with makes a command's RunE of run; it makes the store if there is none.
func (f *storeFlags) with(run storeRun) func(*cobra.Command, []string) error {
	return f.runE(run, false)
}

// withExisting is with for commands that a store has to be there for: in a mistyped directory they
// would else make an empty one and find nothing in it.
func (f *storeFlags) withExisting(run storeRun) func(*cobra.Command, []string) error {
	return f.runE(run, true)
}

func (f *storeFlags) runE(run storeRun, mustExist bool) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		cmd.SetContext(connect.WithActor(cmd.Context(), connect.Actor{Name: "operator"}))
		store, a, err := f.open(cmd, mustExist)
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

// withAdvice adds what an operator can do where a command finds no such tenant in its store.
func withAdvice(err error) error {
	if errors.Is(err, connect.ErrTenantUnknown) {
		return fmt.Errorf("%w in this store: make it with `tenant create`, name its store with --data or --config, "+
			"or change its tenant block, if it is one of the configuration", err)
	}
	return err
}

// originFlag adds the flag by which a command learns under which origin end users and agents reach
// the gateway.
func originFlag(cmd *cobra.Command, origin *string) {
	cmd.Flags().StringVar(origin, "public-url", "",
		"scheme and host of the gateway, like https://gateway.example (default: public_url of --config)")
}

// origin returns what --public-url says or else the configuration; "" if neither does.
func (a *App) origin(flag string) (string, error) {
	if flag != "" {
		a.PublicURL = flag
	}
	err := a.checkPublicURL()
	return a.PublicURL, err
}

// catalogApp returns the app of a slug.
func (a *App) catalogApp(slug string) (*catalog.App, error) {
	apps, _, err := a.apps()
	if err != nil {
		return nil, err
	}
	app, ok := apps.App(slug)
	switch {
	case apps.Off(slug):
		return nil, errors.New(gateway.TurnOn(slug))
	case !ok:
		return nil,
			fmt.Errorf("app %q is not in the catalog; an app of your own needs --config with the file that defines it", slug)
	}
	return app, nil
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
		return nil, fmt.Errorf("the %s is larger than %d bytes", what, limit)
	}
	return raw, nil
}

// printJSON prints v for machines.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// listed makes no values an empty list, which JSON would show as null.
func listed(values []string) []string { return append([]string{}, values...) }

// orDash shows people that a cell is empty on purpose.
func orDash(text string) string { return cmp.Or(text, "-") }

// printTable prints rows for people.
func printTable(w io.Writer, header []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// subcommand adds a command that takes exactly the named arguments.
func subcommand(parent *cobra.Command, use, short string, args int,
	run func(*cobra.Command, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(args), RunE: run, SilenceUsage: true}
	parent.AddCommand(cmd)
	return cmd
}
