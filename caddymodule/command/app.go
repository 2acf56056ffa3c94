package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
)

// appFlags say which apps a command is about.
type appFlags struct {
	storeFlags
	community bool
}

func appCommands(cmd *cobra.Command) {
	f := new(appFlags)
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.config, "config", "", "configuration file whose catalog and apps apply")
	flags.StringVar(&f.adapter, "adapter", "", "adapter of the configuration file, if it is not JSON or a Caddyfile")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	list := &cobra.Command{
		Use: "list [TEXT]", Short: "Lists the apps whose slug, name or category contains the text",
		Args: cobra.MaximumNArgs(1), SilenceUsage: true, RunE: f.list,
	}
	list.Flags().BoolVar(&f.community, "community", false, "also list the community entries that are off")
	cmd.AddCommand(list)
	subcommand(cmd, "show SLUG", "Shows where an app's calls and its credential go", 1, f.show)
	check := subcommand(cmd, "check FILE", "Checks a catalog file of your own, and reports the first mistake of each app",
		1,
		checkFile)
	check.Long = "Checks a file for the option catalog { file … }: one JSON object a line, in the form that `app " +
		"show SLUG --json` shows.\n" +
		"Warns on standard error of OAuth apps without docs and checked, the provider's page and the day on which you " +
		"compared it,\n" +
		"and of what is probably a mistake, such as an upstream that ends in what its SDK appends again."
}

// catalogs returns the apps of the configuration, and those that are there when the whole community
// is on.
func (f *appFlags) catalogs() (on, all *catalog.Catalog, err error) {
	a, err := readConfig(f.config, f.adapter)
	if err != nil {
		return nil, nil, err
	}
	if on, err = a.LoadCatalog(); err != nil {
		return nil, nil, err
	}
	a.Catalog.Community = []string{"*"}
	all, err = a.LoadCatalog()
	return on, all, err
}

// appRow is an app as a list prints it.
type appRow struct {
	Slug       string   `json:"slug"`
	Name       string   `json:"name"`
	AuthType   string   `json:"auth_type"`
	Upstream   string   `json:"upstream"`
	Categories []string `json:"categories"`
	State      string   `json:"state"`
}

func (f *appFlags) list(cmd *cobra.Command, args []string) error {
	on, all, err := f.catalogs()
	if err != nil {
		return err
	}
	from := on
	if f.community {
		from = all
	}
	rows := []appRow{}
	for _, app := range from.Apps() {
		if mentions(app, strings.Join(args, "")) {
			rows = append(rows, appRow{app.Slug, app.Name, app.AuthType, app.Upstream, listed(app.Categories), stateOf(app, on)})
		}
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), rows)
	}
	if text := strings.Join(args, ""); len(rows) == 0 || text != "" && !f.community {
		if err := f.more(cmd, text, len(rows), on, all); err != nil || len(rows) == 0 {
			return err
		}
	}
	table := make([][]string, 0, len(rows))
	for _, r := range rows {
		table = append(table, []string{r.Slug, r.Name, r.AuthType, r.State, r.Upstream})
	}
	return printTable(cmd.OutOrStdout(), []string{"APP", "NAME", "AUTH", "STATE", "UPSTREAM"}, table)
}

// more tells a person, on standard error, what a search did not find or did not show.
func (f *appFlags) more(cmd *cobra.Command, text string, found int, on, all *catalog.Catalog) error {
	off := 0
	for _, app := range all.Apps() {
		if on.Off(app.Slug) && mentions(app, text) {
			off++
		}
	}
	var notes []string
	if found == 0 {
		notes = append(notes, fmt.Sprintf("nothing matches %q", text))
	}
	if off > 0 && !f.community {
		notes = append(notes, fmt.Sprintf("%d more with --community", off))
	}
	if notes == nil {
		return nil
	}
	_, err := fmt.Fprintln(cmd.ErrOrStderr(), strings.Join(notes, "; "))
	return err
}

func mentions(app *catalog.App, text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(app.Slug, text) || strings.Contains(strings.ToLower(app.Name), text) ||
		slices.ContainsFunc(app.Categories, func(c string) bool { return strings.Contains(c, text) })
}

// stateOf says whether an app can be called, and what vouches for it.
func stateOf(app *catalog.App, on *catalog.Catalog) string {
	switch {
	case on.Off(app.Slug):
		return "off"
	case app.Community:
		return "community"
	}
	return "on"
}
