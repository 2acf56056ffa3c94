package command_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/tests/harness"
)

const shopLine = `{"slug":"shop","name":"Shop","auth_type":"api_key","upstream":"https://{shop}.example.com/v1","extra_hosts":["upload.example.com"],"links":{"members":["paging.next"],"headers":["X-Next"]},"redirects":"follow","host_labels":{"upload":"upload.example.com"},` +
	`"headers":{"Api-Version":"2"},"fields":[{"name":"api_key","secret":true},{"name":"shop"}],"placement":{"query":{"key":"{api_key}"}},"verify":{"path":"/me"}}`

// catalogFile writes lines into a file and returns its name.
func catalogFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "apps.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAppList(t *testing.T) {
	listed := func(args ...string) map[string]string {
		var rows []struct{ Slug, State string }
		out := must(t, "", append([]string{"app", "list", "--json"}, args...)...)
		if err := json.Unmarshal([]byte(out), &rows); err != nil {
			t.Fatal(err)
		}
		states := make(map[string]string)
		for _, r := range rows {
			states[r.Slug] = r.State
		}
		return states
	}
	off := harness.CommunityApp(t)
	if all := listed(); all["gmail"] != "on" || all["slack"] != "on" || all[off] != "" {
		t.Errorf("listed %v", all)
	}
	if all := listed("--community"); all["gmail"] != "on" || all[off] != "off" {
		t.Errorf("with the community listed %q and %q", all["gmail"], all[off])
	}
	if some := listed("GMail"); some["gmail"] != "on" || some["slack"] != "" {
		t.Errorf("found %v", some)
	}
	if none := must(t, "", "app", "list", "--json", "no such thing"); none != "[]\n" {
		t.Errorf("found %q", none)
	}
	if out, errs, err := run(t, "", "app", "list", "no such thing"); out != "" ||
		errs != "nothing matches \"no such thing\"\n" || err != nil {
		t.Errorf("found nothing: %q, %q, %v", out, errs, err)
	}
	if _, errs, _ := run(t, "", "app", "list",
		off); !regexp.MustCompile(`^(nothing matches "` + off + `"; )?\d+ more with --community\n$`).MatchString(errs) {
		t.Errorf("of what is off: %q", errs)
	}
	if out, errs, err := run(t, "", "app", "list", "--community", off); !strings.Contains(out, off) || errs != "" ||
		err != nil {
		t.Errorf("with the community: %q, %q, %v", out, errs, err)
	}
	config := configOf(t, "catalog {\ncommunity "+off+"\nfile "+catalogFile(t, shopLine)+"\n}")
	if all := listed("--config", config); all["shop"] != "on" || all[off] != "community" {
		t.Errorf("of the configuration listed %q and %q", all["shop"], all[off])
	}
	if table := must(t, "", "app", "list", "shop", "--config", config, "--community"); !strings.HasPrefix(table, "APP ") ||
		!strings.Contains(table, "\nshop ") {
		t.Errorf("printed %s", table)
	}
}

func TestAppShow(t *testing.T) {
	config := configOf(t, "catalog {\nfile "+catalogFile(t, shopLine)+"\n}")
	shown := strings.Join(strings.Fields(must(t, "", "app", "show", "shop", "--config", config)), " ")
	if want := "APP shop name Shop state on auth api_key /proxy/{connection_id}/shop/… https://{shop}.example.com/v1/… " +
		"/proxy/{connection_id}/shop/~upload.example.com/… https://upload.example.com/… " +
		"https://shop.{hosts}/v1/… https://{shop}.example.com/v1/… https://shop--upload.{hosts}/… " +
		"https://upload.example.com/… link in JSON paging.next link in a header X-Next redirects follow credential " +
		"query key={api_key} " +
		"default header Api-Version: 2 field api_key, secret field shop verify GET /me"; shown != want {
		t.Errorf("got  %s\nwant %s", shown, want)
	}
	var app catalog.App
	if err := json.Unmarshal([]byte(must(t, "", "app", "show", "shop", "--json", "--config", config)), &app); err != nil ||
		app.Placement.Query["key"] != "{api_key}" {
		t.Errorf("got %+v, %v", app, err)
	}
	gmail := strings.Join(strings.Fields(must(t, "", "app", "show", "gmail")), " ")
	for _, want := range []string{"credential header Authorization: {token_type} {access_token} ",
		" scopes https://www.googleapis.com/auth/gmail.modify "} {
		if !strings.Contains(gmail, want) {
			t.Errorf("no %q in %s", want, gmail)
		}
	}
	git := strings.Join(strings.Fields(must(t, "", "app", "show", "gitlab-token")), " ")
	github := strings.Join(strings.Fields(must(t, "", "app", "show", "github")), " ")
	if !strings.Contains(git, "/proxy/{connection_id}/gitlab-token/~/**/info/refs https://gitlab.com/**/info/refs ") ||
		!strings.Contains(github,
			"/proxy/{connection_id}/github/~github.com/*/*/info/refs https://github.com/*/*/info/refs ") {
		t.Errorf("what lies beside the APIs is not shown:\n%s\n%s", git, github)
	}
	if !strings.Contains(git, " sdk @gitbeaker/requester-utils 43.8.0 https://gitlab.com ") {
		t.Errorf("the SDK is not shown:\n%s", git)
	}
	for slug, wants := range map[string][]string{
		"aws-s3": {" errors passthrough error form aws_xml "},
		"openai": {`verify GET /models, accepted 401 with body "insufficient permissions for this operation", ` +
			`accepted 403 with`},
		"gemini":         {`refused 400, body "API_KEY_INVALID" or "keyInvalid"`},
		"jira-api-token": {"when X-Seraph-LoginReason: AUTHENTICATED_FAILED"},
		"webflow":        {" base URL for the sdk /proxy/{connection_id}/webflow/v2 "},
		"gitlab-token": {" base URL for the sdk /proxy/{connection_id}/gitlab-token https://",
			" key also in header JOB-TOKEN key also in query private_token "},
		"google-books": {" base URL for the sdk /proxy/{connection_id}/google-books/~books.googleapis.com "},
		"wordpress":    {"with a site's path, cut ", " site names GET https://{host}/wp-json/?_fields=home,url, home url"},
		"deepseek":     {", accepted 402, inconclusive"},
	} {
		shown := strings.Join(strings.Fields(must(t, "", "app", "show", slug)), " ")
		for _, want := range wants {
			if !strings.Contains(shown, want) {
				t.Errorf("no %q in %s", want, shown)
			}
		}
	}
	long := strings.Repeat("a", 64)
	config = configOf(t,
		"catalog {\nfile "+catalogFile(t, strings.Replace(strings.Replace(shopLine, `"shop"`, `"`+long+`"`, 1),
			`"host_labels":{"upload":"upload.example.com"},`, "", 1))+"\n}")
	if shown := must(t, "", "app", "show", long, "--config", config); !strings.Contains(shown, "by path only") ||
		strings.Contains(shown, "{hosts}") {
		t.Errorf("a slug that is no DNS label is shown as %s", shown)
	}
	off := harness.CommunityApp(t)
	if out := must(t, "", "app", "show", off); !strings.Contains(out, "off") {
		t.Errorf("%s is not shown as off: %s", off, out)
	}
	if _, _, err := run(t, "", "app", "show", "shop"); err == nil ||
		!strings.Contains(err.Error(), `app "shop" is not in the catalog`) {
		t.Errorf("got %v", err)
	}
}

// TestAppCheckDocs: an OAuth app without the provider's page, or not compared with it, is no
// mistake but a warning; those of the binary are one line.
func TestAppCheckDocs(t *testing.T) {
	const oauth = `{"slug":"%s","name":"S","auth_type":"o_auth","upstream":"https://api.example.com",` +
		`"oauth2":{"authorize_url":"https://example.com/a","token_url":"https://example.com/t"}%s}`
	page, checked := `,"docs":"https://example.com/docs"`, `,"checked":"2026-11-30"`
	file := catalogFile(t, shopLine, fmt.Sprintf(oauth, "bare", ""), fmt.Sprintf(oauth, "unread", page),
		fmt.Sprintf(oauth, "read", page+checked))
	out, errs, err := run(t, "", "app", "check", file)
	if err != nil || out != "ok: 4 apps\n" {
		t.Errorf("printed %q, error %v", out, err)
	}
	lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
	want := []string{
		"warning: " + file + `:2: app "bare" has no docs: set docs to the provider's page about OAuth, and checked to ` +
			`the day on which you compared it`,
		"warning: " + file + `:3: app "unread" has no checked: compare the app with the page in docs, and set checked to ` +
			`the day, like 2026-11-30`,
	}
	if len(lines) != 3 || !slices.Equal(lines[:2], want) {
		t.Fatalf("warned\n%s", errs)
	}
	summary := regexp.MustCompile(
		"^note: of the binary's [0-9]+ verified OAuth apps, [0-9]+ were not compared with the provider's own page; ")
	if !summary.MatchString(lines[2]) {
		t.Errorf("the last line is %q", lines[2])
	}
	if _, errs, err := run(t, "", "app", "check", catalogFile(t, shopLine)); err != nil || errs != "" {
		t.Errorf("of a file without OAuth: %q, error %v", errs, err)
	}
	shown := must(t, "", "app", "show", "podio")
	if !strings.Contains(shown, "https://developers.podio.com/authentication/server_side") ||
		!strings.Contains(shown, "2026-11-30") {
		t.Errorf("podio is shown without its page: %s", shown)
	}
}

// TestAppCheck: every mistake is told with its line, and success only where there is none.
func TestAppCheck(t *testing.T) {
	file := catalogFile(t, shopLine, "", strings.Replace(shopLine, `"slug":"shop"`, `"slug":"b"`, 1))
	if out := must(t, "", "app", "check", file); out != "ok: 2 apps\n" {
		t.Errorf("printed %q", out)
	}
	file = catalogFile(t, shopLine, strings.Replace(shopLine, "headers", "header", 1), `{"slug":"c"}`, "[]", shopLine)
	out, _, err := run(t, "", "app", "check", file)
	if err == nil || err.Error() != file+" has 4 mistakes" {
		t.Errorf("error %v", err)
	}
	want := []string{
		file + `:2: app "shop": unknown field "header"`,
		file + `:3: app c: auth_type is missing: write o_auth, api_key, basic or header, or correct the slug ` +
			`if the catalog has this app`,
		file + `:4: no JSON object: write one app a line, {"slug":…}, as ` + "`jq -c . FILE` writes it",
		file + `:5: app "shop": line 1 has the same slug: keep one of them`, "",
	}
	if out != strings.Join(want, "\n") {
		t.Errorf("printed\n%s", out)
	}
	_, _, err = run(t, "", "app", "check", catalogFile(t, "", " "))
	if err == nil || !strings.HasSuffix(err.Error(), " contains no app: write one JSON object per line") {
		t.Errorf("of an empty file: %v", err)
	}
	out, _, err = run(t, "", "app", "check", catalogFile(t, "{", `"slug":"shop"`, "}"))
	if err == nil || !strings.Contains(strings.SplitN(out, "\n", 2)[0],
		":1: the object does not end on this line: write one app a line, as `jq -c . FILE` writes it") {
		t.Errorf("of an object over lines: %v\n%s", err, out)
	}
	if _, _, err := run(t, "", "app", "check", file+".gone"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestAppCheckWarns: what passes, and leads the paths of an SDK astray, is told on the side.
func TestAppCheckWarns(t *testing.T) {
	const entry = `{"slug":%q,"name":"N","auth_type":"api_key","fields":[{"name":"api_key","secret":true}],"upstream":%q,` +
		`"placement":{"query":{"key":"{api_key}"}},"verify":{"path":%q}}`
	file := catalogFile(t,
		fmt.Sprintf(entry, "notion-token", "https://api.notion.com/v1", "/users/me"),
		fmt.Sprintf(entry, "shop", "https://api.example.com/v1", "/v1/me"),
		fmt.Sprintf(entry, "acme", "https://api.example.com/a", "/me"),
		fmt.Sprintf(entry, "acme-token", "https://api.example.com", "/me"))
	out, errs, err := run(t, "", "app", "check", file)
	if out != "ok: 4 apps\n" || err != nil {
		t.Errorf("printed %q, error %v", out, err)
	}
	for _, want := range []string{
		"warning: " + file + ":1: app notion-token: the upstream's path is /v1, and that of notion, which has the same " +
			"SDKs, is /: ",
		"warning: " + file + ":2: app shop: the upstream ends in /v1, and /v1/me begins with it again: ",
		"warning: " + file + ":3: app acme: ", "warning: " + file + ":4: app acme-token: ",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("no %q in\n%s", want, errs)
		}
	}
	if n := strings.Count(errs, "warning: "); n != 4 {
		t.Errorf("%d warnings:\n%s", n, errs)
	}
}
