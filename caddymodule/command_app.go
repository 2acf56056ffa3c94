package caddymodule

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
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
		Use: "list [TEXT]", Short: "Lists the apps whose slug, name or category holds the text",
		Args: cobra.MaximumNArgs(1), SilenceUsage: true, RunE: f.list,
	}
	list.Flags().BoolVar(&f.community, "community", false, "list community entries that are off, too")
	cmd.AddCommand(list)
	subcommand(cmd, "show SLUG", "Shows where an app's calls and its credential go", 1, f.show)
	check := subcommand(cmd, "check FILE", "Checks a catalog file of your own, and tells the first mistake of each app", 1, checkFile)
	check.Long = "Checks a file for the option catalog { file … }: one JSON object a line, in the form that `app show SLUG --json` shows.\n" +
		"Warns on standard error of OAuth apps without docs and checked, the provider's page and the day on which you compared it,\n" +
		"and of what is probably a mistake, such as an upstream that ends in what its SDK appends again."
}

// catalogs returns the apps of the configuration, and those that are there when the whole community is on.
func (f *appFlags) catalogs() (on, all *catalog.Catalog, err error) {
	a, err := f.app()
	if err != nil {
		return nil, nil, err
	}
	if on, _, err = a.apps(); err != nil {
		return nil, nil, err
	}
	a.Catalog.Community = []string{"*"}
	all, _, err = a.apps()
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

// more tells a person, beside the table, what a search did not find or did not show.
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

// linkRows say what is rewritten in answers, and what becomes of redirects and errors.
func linkRows(app *catalog.App) (rows [][]string) {
	if app.Links != nil {
		for _, member := range app.Links.Members {
			rows = append(rows, []string{"link in JSON", member})
		}
		for _, name := range app.Links.Headers {
			rows = append(rows, []string{"link in a header", name})
		}
	}
	if app.Redirects != "" {
		rows = append(rows, []string{"redirects", app.Redirects})
	}
	if app.Errors != "" {
		rows = append(rows, []string{"errors", app.Errors})
	}
	if app.ErrorForm != "" {
		rows = append(rows, []string{"error form", app.ErrorForm})
	}
	return rows
}

// besideRows show what the app has outside of its API.
func besideRows(app *catalog.App) (rows [][]string) {
	if app.Beside == nil {
		return nil
	}
	scheme, rest, _ := strings.Cut(app.Upstream, "://")
	host, _, _ := strings.Cut(rest, "/")
	for _, path := range app.Beside.Paths {
		rows = append(rows, []string{
			"/proxy/{connection_id}/" + app.Slug + "/~" + app.Beside.Host + path, scheme + "://" + cmp.Or(app.Beside.Host, host) + path,
		})
	}
	return rows
}

// byHostRows show how calls name the app by host; {hosts} is a domain of the option `hosts`.
func byHostRows(app *catalog.App) (rows [][]string) {
	const domain = "{hosts}"
	name, ok := app.HostName("", domain)
	if !ok {
		return [][]string{{"by path only", "the slug is too long for a host name, which takes 63 bytes"}}
	}
	scheme, rest, _ := strings.Cut(app.Upstream, "://")
	_, base, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if base != "" {
		base += "/"
	}
	rows = append(rows, []string{"https://" + name + "/" + base + "…", strings.TrimSuffix(app.Upstream, "/") + "/…"})
	for _, label := range slices.Sorted(maps.Keys(app.HostLabels)) {
		name, _ := app.HostName(label, domain)
		rows = append(rows, []string{"https://" + name + "/…", scheme + "://" + app.HostLabels[label] + "/…"})
	}
	return rows
}

func (f *appFlags) show(cmd *cobra.Command, args []string) error {
	on, all, err := f.catalogs()
	if err != nil {
		return err
	}
	app, ok := all.App(args[0])
	if !ok {
		return fmt.Errorf("app %q is not in the catalog; `app list --community TEXT` searches it, and an app of your own needs --config", args[0])
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), app)
	}
	rows := [][]string{{"name", app.Name}, {"state", stateOf(app, on)}, {"auth", app.AuthType}}
	if app.ShortName != "" {
		rows = append(rows, []string{"short name", app.ShortName})
	}
	if app.HelpURL != "" {
		rows = append(rows, []string{"help", app.HelpURL})
	}
	rows = append(rows, []string{"/proxy/{connection_id}/" + app.Slug + "/…", app.Upstream + "/…"})
	scheme, _, _ := strings.Cut(app.Upstream, "://") // as the calls have it
	for _, host := range app.ExtraHosts {
		rows = append(rows, []string{"/proxy/{connection_id}/" + app.Slug + "/~" + host + "/…", scheme + "://" + host + "/…"})
	}
	rows = append(rows, besideRows(app)...)
	rows = append(rows, sdkRows(app)...)
	rows = append(rows, byHostRows(app)...)
	rows = append(rows, linkRows(app)...)
	for _, place := range places(app) {
		rows = append(rows, []string{"credential", place})
	}
	rows = append(rows, keyPlaceRows(app)...)
	for _, name := range slices.Sorted(maps.Keys(app.Headers)) {
		rows = append(rows, []string{"default header", name + ": " + app.Headers[name]})
	}
	for _, field := range app.Fields {
		rows = append(rows, []string{"field", fieldText(field)})
	}
	if app.OAuth2 != nil {
		rows = append(rows, []string{"authorize", orDash(app.OAuth2.AuthorizeURL)}, []string{"token", app.OAuth2.TokenURL},
			[]string{"scopes", orDash(strings.Join(app.OAuth2.Scopes, " "))})
		for _, text := range app.OAuth2.Ended {
			rows = append(rows, []string{"ended", text})
		}
	}
	if app.OAuth1 != nil {
		rows = append(rows, []string{"authorize", app.OAuth1.AuthorizeURL}, []string{"token", app.OAuth1.AccessTokenURL})
	}
	rows = append(rows, judgedRows(app)...)
	if app.Docs != "" {
		rows = append(rows, []string{"docs", app.Docs}, []string{"checked", orDash(app.Checked)})
	}
	return printTable(cmd.OutOrStdout(), []string{"APP", app.Slug}, rows)
}

// sdkRows show which client library the upstream is for.
func sdkRows(app *catalog.App) [][]string {
	if app.SDK == nil {
		return nil
	}
	words := strings.Fields(app.SDK.Package + " " + app.SDK.Version + " " + app.SDK.BaseURL)
	return [][]string{{"sdk", strings.Join(words, " ")}, {"base URL for the sdk", sdkBase(app)}}
}

// sdkBase returns what takes the place of the library's own base URL, in calls by path.
func sdkBase(app *catalog.App) string {
	base := "/proxy/{connection_id}/" + app.Slug
	url := strings.TrimSuffix(app.SDK.BaseURL, "/")
	if rest, ok := strings.CutPrefix(url, strings.TrimSuffix(app.Upstream, "/")); ok && (rest == "" || rest[0] == '/') {
		return base + rest
	}
	_, rest, _ := strings.Cut(url, "://")
	return base + "/~" + rest
}

// keyPlaceRows show where a caller key is read besides the places of the credential.
func keyPlaceRows(app *catalog.App) (rows [][]string) {
	if app.KeyPlaces == nil {
		return nil
	}
	for _, name := range app.KeyPlaces.Headers {
		rows = append(rows, []string{"key also in", "header " + name})
	}
	for _, name := range app.KeyPlaces.Query {
		rows = append(rows, []string{"key also in", "query " + name})
	}
	return rows
}

// judgedRows show how a credential is tried, by which answers it counts as refused, and where a
// site is asked for its names.
func judgedRows(app *catalog.App) (rows [][]string) {
	if v := app.Verify; v != nil {
		rows = append(rows, []string{"verify", verifyText(v)})
	}
	for _, r := range app.Refused {
		rows = append(rows, []string{"refused", refusedText(r)})
	}
	if n := app.SiteNames; n != nil {
		text := "GET " + n.URL + ", " + strings.Join(n.Paths, " ")
		if n.Pattern != "" {
			text += ", pattern " + n.Pattern
		}
		rows = append(rows, []string{"site names", text})
	}
	return rows
}

// refusedText says which answers mean that the credential is refused.
func refusedText(r catalog.Refused) string {
	var words []string
	for _, status := range r.Statuses {
		words = append(words, strconv.Itoa(status))
	}
	words = []string{strings.Join(words, " ")}
	for _, name := range slices.Sorted(maps.Keys(r.When)) {
		words = append(words, "when "+name+": "+r.When[name])
	}
	return strings.Join(append(words, inBody(r.Body)...), ", ")
}

// inBody says which texts one must occur of in an answer's body.
func inBody(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	quoted := make([]string, 0, len(texts))
	for _, text := range texts {
		quoted = append(quoted, strconv.Quote(text))
	}
	return []string{"body " + strings.Join(quoted, " or ")}
}

// defaultPlaces are where the credential of an auth type goes if the app does not say.
var defaultPlaces = map[string]string{
	string(vending.OAuth):  "header Authorization: {token_type} {access_token}",
	string(vending.Basic):  "basic {username}:{password}",
	string(vending.Header): "each field as the header of its name",
}

// places says where an app's credential goes.
func places(app *catalog.App) (list []string) {
	switch {
	case app.OAuth1 != nil:
		return []string{"a signature by OAuth 1.0a in the header Authorization"}
	case app.Sign != nil:
		list = append(list, "a signature by "+app.Sign.Scheme)
	case app.Placement == nil:
		return []string{defaultPlaces[app.AuthType]}
	}
	p := app.Placement
	if p == nil {
		return list
	}
	for _, name := range slices.Sorted(maps.Keys(p.Header)) {
		list = append(list, "header "+name+": "+p.Header[name])
	}
	for _, key := range slices.Sorted(maps.Keys(p.Query)) {
		list = append(list, "query "+key+"="+p.Query[key])
	}
	if p.Basic != nil {
		list = append(list, "basic "+p.Basic.Username+":"+p.Basic.Password)
	}
	for _, prefix := range p.Prefixes() {
		list = append(list, "path "+prefix.Template)
	}
	return list
}

// verifyText says how a credential is tried, and what its answers mean.
func verifyText(v *catalog.Verify) string {
	words := []string{cmp.Or(v.Method, "GET") + " " + v.Path}
	if v.Host != "" {
		words[0] = cmp.Or(v.Method, "GET") + " https://" + v.Host + v.Path
	}
	if v.Success != "" {
		words = append(words, "success "+v.Success)
	}
	for _, status := range v.Wrong {
		words = append(words, "wrong "+strconv.Itoa(status))
	}
	for _, a := range v.Accepted {
		words = append(words, strings.Join(append([]string{"accepted " + strconv.Itoa(a.Status)}, inBody(a.Body)...), " with "))
	}
	if v.Inconclusive {
		words = append(words, "inconclusive")
	}
	return strings.Join(words, ", ")
}

func fieldText(f catalog.Field) string {
	words := []string{f.Name}
	if f.Secret {
		words = append(words, "secret")
	}
	if f.From != "" {
		words = append(words, "from "+f.From)
	}
	if f.Kind != "" {
		words = append(words, f.Kind)
	}
	if len(f.Options) > 0 {
		words = append(words, "one of "+strings.Join(f.Options, " "))
	}
	if f.Default != "" {
		words = append(words, "default "+f.Default)
	}
	if len(f.Hosts) > 0 {
		words = append(words, "or the whole host "+strings.Join(f.Hosts, " "))
	}
	if f.SitePath {
		words = append(words, "with a site's path")
	}
	if len(f.Cut) > 0 {
		words = append(words, "cut "+strings.Join(f.Cut, " "))
	}
	return strings.Join(words, ", ")
}

func checkFile(cmd *cobra.Command, args []string) error {
	if _, err := os.Stat(args[0]); err != nil {
		return err
	}
	apps, mistakes := readCatalog(args[0])
	if err := warnUndocumented(cmd.ErrOrStderr(), apps); err != nil {
		return err
	}
	for _, mistake := range mistakes {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), mistake); err != nil {
			return err
		}
	}
	if err := printAdvice(cmd, apps); err != nil {
		return err
	}
	if len(apps)+len(mistakes) == 0 {
		return fmt.Errorf("%s holds no app: write one JSON object a line", args[0])
	}
	switch len(mistakes) {
	case 0:
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "ok: %d apps\n", len(apps))
		return err
	case 1:
		return fmt.Errorf("%s has a mistake", args[0])
	}
	return fmt.Errorf("%s has %d mistakes", args[0], len(mistakes))
}
