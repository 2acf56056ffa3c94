package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// adaptFile adapts a Caddyfile as `caddy run --config FILE` does: the text comes from the file that
// is named.
func adaptFile(t *testing.T, file string) error {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return adaptText(file, string(text))
}

func adaptText(name, text string) error {
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": name})
	return err
}

// TestVanishedVariables: Caddy's lexer leaves nothing of a variable without a value, so that the
// bound which it was to state would be gone. Each line is one of a tenant's block, by itself in a
// Caddyfile.
func TestVanishedVariables(t *testing.T) {
	t.Setenv("VG_SET", "GET")
	t.Setenv("VG_EMPTY", "")
	t.Setenv("VG_BLANK", " \t")
	t.Setenv("VG_BREAK", "\n")
	t.Setenv("VG_COMMENT", "# GET")
	t.Setenv("VG_LATE_COMMENT", "GET # reads")
	const unset, empty, comment = "has no value", "is set to an empty value", "begins a comment"
	for line, want := range map[string]string{
		`rule gmail allow {$VG_UNSET} /x/**`:        unset,
		`rule gmail allow {$VG_UNSET:} /x/**`:       unset,
		`rule gmail allow {$VG_UNSET: } /x/**`:      unset,
		`rule gmail allow {$VG_EMPTY} /x/**`:        empty,
		`rule gmail allow {$VG_EMPTY:GET} /x/**`:    empty,
		`rule gmail allow {$VG_BLANK} /x/**`:        empty,
		`rule gmail allow "{$VG_UNSET}" /x/**`:      unset,
		"rule gmail allow `{$VG_UNSET}` /x/**":      unset,
		`rule gmail allow GET{$VG_UNSET} /x/**`:     unset,
		`rule gmail allow GET {$VG_UNSET}`:          unset,
		`rule gmail allow GET {$VG_BREAK}`:          empty,
		`rule gmail deny GET /x{$VG_UNSET}/**`:      unset,
		`rule gmail allow {$VG_COMMENT} /x/**`:      comment,
		`rule gmail allow {$VG_LATE_COMMENT} /x/**`: comment,
		"rule gmail allow \\\n {$VG_UNSET} /x/**":   unset,
		`{$VG_UNSET}`:                                        unset,
		`rule{$VG_UNSET} gmail allow GET /x/**`:              unset,
		`apps gmail {$VG_UNSET}`:                             unset,
		`capabilities token {$VG_UNSET}`:                     unset,
		`frame_ancestors https://a.example {$VG_UNSET}`:      unset,
		`budget token {$VG_UNSET} 5`:                         unset,
		`rule gmail allow {$VG_SET} /x/**`:                   "",
		`rule gmail allow {$VG_UNSET:GET} /x/**`:             "",
		`rule gmail allow GET /x/** # {$VG_UNSET}`:           "",
		"# {$VG_UNSET}\nrule gmail allow GET /x/**":          "",
		`display_name "{$VG_LATE_COMMENT}"`:                  "",
		`display_name "{$}"`:                                 "",
		"rule gmail allow {$VG_SET} \\\n  /x/**\n\t\t# more": "",
	} {
		t.Run(line, func(t *testing.T) {
			file := writeCaddyfile(t, "{\n\tvendgate {\n\t\ttenant acme {\n"+line+"\n\t\t}\n\t}\n}\n")
			err := adaptFile(t, file)
			if want == "" && err != nil {
				t.Fatal(err)
			}
			if at := fmt.Sprintf("at %s:", file); want != "" &&
				(err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), at)) {
				t.Errorf("got %v, want one that says %q and where", err, want)
			}
		})
	}
}

func writeCaddyfile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestVanishedVariablePlace: the message tells the line that the operator wrote.
func TestVanishedVariablePlace(t *testing.T) {
	t.Setenv("VG_LINES", "apps gmail\nmax_in_flight 2")
	file := writeCaddyfile(t,
		"{\n\tvendgate {\n\t\ttenant acme {\n\t\t\trule gmail allow GET\n\t\t\trule gmail deny {$VG_UNSET} "+
			"/x/**\n\t\t}\n\t}\n}\n")
	want := "the variable {$VG_UNSET} has no value, and without one the line means something else: set VG_UNSET, or " +
		"write a default, {$VG_UNSET:value}, at " + file + ":5"
	if err := adaptFile(t, file); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// Caddy counts the lines that a value adds, in all its messages.
	file = writeCaddyfile(t,
		"{\n\tvendgate {\n\t\ttenant acme {\n\t\t\t{$VG_LINES}\n\t\t\trule gmail deny {$VG_UNSET} /x/**\n\t\t}\n\t}\n}\n")
	if err := adaptFile(t, file); err == nil || !strings.HasSuffix(err.Error(), file+":6") {
		t.Errorf("after a value of two lines: %v", err)
	}
}

// TestVanishedVariablesElsewhere: imported parts are looked at, and what is not Vendgate's is not.
func TestVanishedVariablesElsewhere(t *testing.T) {
	const block = "{\n\tvendgate {\n\t\ttenant acme {\n%s\n\t\t}\n\t}\n}\n"
	for name, c := range map[string]struct {
		text, imported, want string
	}{
		"a file": {fmt.Sprintf(block, "import rules"), "rule gmail allow {$VG_UNSET} /x/**\n",
			"rules:1"},
		"a file's first line": {fmt.Sprintf(block, "import rules"), "{$VG_UNSET}\nrule gmail allow GET /x/**\n",
			"rules:1"},
		"a file's last line": {fmt.Sprintf(block, "import rules"), "rule gmail allow GET /x/**\n{$VG_UNSET}\n",
			"rules:2"},
		"an argument": {"(r) {\n\trule gmail allow {args[:]} /x/**\n}\n" + fmt.Sprintf(block,
			"import r {$VG_UNSET}"), "", "Caddyfile:7"},
		"a snippet": {"(r) {\n\trule gmail allow {$VG_UNSET} /x/**\n}\n(s) {\n\t{$VG_UNSET}\n}\n" +
			fmt.Sprintf(block, "import r"), "", "Caddyfile:2"},
		"a missing argument": {"(r) {\n\trule gmail allow {args[0]} /x/**\n}\n" + fmt.Sprintf(block, "import r"),
			"", "not expanded in rules"},
		"a snippet that is not used": {"(s) {\n\t{$VG_UNSET}\n}\n(r) {\n\trule gmail allow GET /x/**\n}\n" +
			fmt.Sprintf(block, "import r"), "", ""},
		"a part of a file of snippets": {"import rules\n" + fmt.Sprintf(block, "import r"),
			"(s) {\n\trespond {$VG_UNSET}\n}\n(r) {\n\trule gmail allow GET /x/**\n}\n", ""},
		"a site":              {fmt.Sprintf(block, "apps gmail") + ":8080 {\n\trespond ok {$VG_UNSET}\n}\n", "", ""},
		"a handler's matcher": {":8080 {\n\tvendgate_proxy {$VG_UNSET}\n}\n", "", "Caddyfile:2"},
		"a handler's options": {":8080 {\n\tvendgate_proxy @api {\n\t\t{$VG_UNSET}\n\t}\n\t@api host {host}\n}\n",
			"", "Caddyfile:3"},
		"another handler": {":8080 {\n\tvendgate_connect\n\trespond ok {$VG_UNSET}\n}\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeCaddyfile(t, c.text)
			if err := os.WriteFile(filepath.Join(filepath.Dir(file), "rules"), []byte(c.imported), 0o600); err != nil {
				t.Fatal(err)
			}
			err := adaptFile(t, file)
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want one at %s", err, c.want)
			}
		})
	}
}

// TestVariablesWithoutAFile: of a configuration from standard input only what is left can be seen.
// A file that happens to have its name, or a pipe, is not its source.
func TestVariablesWithoutAFile(t *testing.T) {
	text := "{\n\tvendgate {\n\t\ttenant acme {\n\t\t\trule gmail allow %s /x/**\n\t\t}\n\t}\n}\n"
	other := writeCaddyfile(t, "{\n\tdebug\n}\n{$VG_UNSET} {\n\trespond {$VG_UNSET}\n}\n# {$VG_UNSET}\n")
	for _, name := range []string{"-", other, "/dev/stdin", filepath.Join(t.TempDir(), "none")} {
		if err := adaptText(name, fmt.Sprintf(text, "{$VG_UNSET}")); err != nil {
			t.Errorf("named %s: %v", name, err)
		}
		for _, empty := range []string{`"{$VG_UNSET}"`, "``", `" "`} {
			if err := adaptText(name, fmt.Sprintf(text, empty)); err == nil ||
				!strings.Contains(err.Error(), "is empty: write one in upper case") {
				t.Errorf("named %s, with %s: %v", name, empty, err)
			}
		}
	}
}

// TestEmptyArgumentsOfOptions: what is in quotes and empty is refused, except where a text is sent
// to an app.
func TestEmptyArgumentsOfOptions(t *testing.T) {
	tenant := "tenant acme {\n%s\n}"
	for option, want := range map[string]string{
		fmt.Sprintf(tenant,
			`apps gmail ""`): "apps has an empty argument",
		fmt.Sprintf(tenant,
			`apps ""`): "apps has an empty argument",
		fmt.Sprintf(tenant, `capabilities ""`): `capability ""`,
		fmt.Sprintf(tenant,
			`budget app "" 5`): "budget has an empty argument",
		fmt.Sprintf(tenant, `max_body ""`):      "max_body",
		fmt.Sprintf(tenant, `max_in_flight ""`): "max_in_flight",
		fmt.Sprintf(tenant,
			`user_hint ""`): "user_hint: a value is missing",
		fmt.Sprintf(tenant,
			`accent ""`): "accent has an empty argument",
		fmt.Sprintf(tenant, `frame_ancestors ""`): "frame_ancestors",
		fmt.Sprintf(tenant,
			`rule gmail allow ""`): "is empty: write one in upper case",
		fmt.Sprintf(tenant,
			`rule gmail allow GET ""`): "is empty: write one in upper case",
		fmt.Sprintf(tenant, `rule "" allow GET`): "needs an app",
		fmt.Sprintf(tenant,
			`rule " " allow GET`): "rule has an empty argument",
		"catalog {\ncommunity \"\"\n}": "",
		"tenant_defaults {\napps \"\"\n}": "apps has an empty " +
			"argument",
		"upstream {\ntrust_ca \"\"\n}": "trust_ca has an " +
			"empty argument",
		"source static {\nconnection c {\nuser \"\"\n}\n}": "user: a value is " +
			"missing",
		"source static {\nconnection \"\" {\n}\n}": "connection",
		"oauth_client gmail {\nclient_id x\ntenant \"\"\n}": "tenant: a value " +
			"is missing",
		"app x {\nauth_type basic\nupstream https://x.example\nfield key secret\nbasic {key} \"\"\n}": "-",
	} {
		err := adaptText("-", "{\nvendgate {\n"+option+"\n}\n}\n")
		if want == "-" && err != nil {
			t.Errorf("%s: %v", option, err)
		}
		if want != "-" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want one that says %q", option, err, want)
		}
	}
}
