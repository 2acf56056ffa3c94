package command

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

func (f *appFlags) show(cmd *cobra.Command, args []string) error {
	on, all, err := f.catalogs()
	if err != nil {
		return err
	}
	app, ok := all.App(args[0])
	if !ok {
		return fmt.Errorf("app %q is not in the catalog; `app list --community TEXT` searches it, and an app of your own "+
			"needs --config", args[0])
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), app)
	}
	return printTable(cmd.OutOrStdout(), []string{"APP", app.Slug}, appRows(app, stateOf(app, on)))
}

// appRows are what is shown of app.
func appRows(app *catalog.App, state string) [][]string {
	rows := [][]string{{"name", app.Name}, {"state", state}, {"auth", app.AuthType}}
	if app.ShortName != "" {
		rows = append(rows, []string{"short name", app.ShortName})
	}
	if app.HelpURL != "" {
		rows = append(rows, []string{"help", app.HelpURL})
	}
	if app.Icon != "" {
		rows = append(rows, []string{"icon", app.Icon})
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
		if app.OAuth2.Account != "" {
			rows = append(rows, []string{"account", app.OAuth2.Account})
		}
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
	return rows
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
			"/proxy/{connection_id}/" + app.Slug + "/~" + app.Beside.Host + path,
			scheme + "://" + cmp.Or(app.Beside.Host, host) + path,
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
	if v.Account != "" {
		words = append(words, "account "+v.Account)
	}
	for _, status := range v.Wrong {
		words = append(words, "wrong "+strconv.Itoa(status))
	}
	for _, a := range v.Accepted {
		words = append(words,
			strings.Join(append([]string{"accepted " + strconv.Itoa(a.Status)}, inBody(a.Body)...), " with "))
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

// defaultPlaces are where the credential of an auth type goes if the app does not say.
var defaultPlaces = map[string]string{
	string(vending.OAuth):  "header Authorization: {token_type} {access_token}",
	string(vending.Basic):  "basic {username}:{password}",
	string(vending.Header): "each field as the header of its name",
}
