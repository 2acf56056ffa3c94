package vendgate_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module       = "github.com/vendgate/vendgate"
	cobraPackage = "github.com/spf13/cobra"
)

// cobraUsers make commands, or their page.
var cobraUsers = []string{"caddymodule/command", "caddymodule/internal/help", "caddymodule/playground", "docs/gen"}

// arrows are the imports that the design permits, by the importing package's path in the module. A
// key that ends in a slash stands for all packages below it.
var arrows = map[string][]string{
	"": {"caddymodule", "caddymodule/command", "caddymodule/playground"},
	"caddymodule": {
		"caddymodule/internal/neighbour", "caddymodule/internal/operator", "caddymodule/internal/processlog",
		"caddymodule/internal/secretref", "caddymodule/telemetry", "catalog",
		"connect", "connect/api", "connect/local", "connect/manager", "connect/mcpserver",
		"connect/oauth/authorize", "connect/store", "connect/vault", "connect/web/dashboard", "connect/web/hosted",
		"connect/web/page", "connect/web/page/asset", "gateway", "inject", "internal/httpx", "internal/presence",
		"internal/stdlog", "internal/version", "policy", "policy/redislimit", "vending", "vending/pipedream",
		"vending/platform", "vending/static",
	},
	"caddymodule/command": {
		"caddymodule", "caddymodule/internal/given", "caddymodule/internal/help", "caddymodule/internal/operator",
		"catalog", "connect", "connect/backup", "connect/manager", "connect/oauth/authorize", "connect/store",
		"connect/vault", "internal/privatefile", "internal/strictjson", "policy", "vending",
	},
	"caddymodule/internal/given":      {},
	"caddymodule/internal/help":       {},
	"caddymodule/internal/neighbour":  {"internal/presence"},
	"caddymodule/internal/operator":   {"connect", "connect/store", "policy"},
	"caddymodule/internal/processlog": {},
	"caddymodule/internal/secretref":  {"vending"},
	"caddymodule/playground": {
		"caddymodule", "caddymodule/internal/given", "caddymodule/internal/help",
		"caddymodule/playground/demoprovider", "connect", "connect/store", "connect/web/dashboard", "vending",
	},
	"caddymodule/playground/demoprovider": {},
	"caddymodule/telemetry": {
		"connect", "connect/local", "connect/store", "gateway", "inject", "internal/httpx", "internal/lenient",
		"internal/version", "policy", "vending",
	},
	"catalog":      {"internal/strictjson"},
	"cmd/vendgate": {"", "internal/version"},
	"connect":      {"catalog", "policy", "vending"},
	"connect/api": {
		"catalog", "connect", "connect/manager", "connect/store", "internal/httpx", "policy", "vending",
	},
	"connect/backup": {
		"connect", "connect/store", "connect/vault", "internal/filelock", "internal/presence",
		"internal/privatefile",
	},
	"connect/local":     {"catalog", "connect", "connect/oauth/tokenendpoint", "connect/store", "vending"},
	"connect/manager":   {"catalog", "connect", "connect/store", "connect/vault", "policy", "vending"},
	"connect/mcpserver": {"connect", "connect/manager", "internal/httpx", "policy", "vending"},
	"connect/oauth/authorize": {
		"catalog", "connect", "connect/oauth/tokenendpoint", "inject", "internal/httpx", "vending",
	},
	"connect/store": {
		"connect", "connect/store/pgserver", "connect/store/sqlitestmt", "connect/vault", "internal/broadcast",
		"internal/filelock", "internal/presence", "internal/privatefile", "internal/version", "policy", "vending",
	},
	"connect/store/pgserver":      {"internal/broadcast", "vending"},
	"connect/store/sqlitestmt":    {},
	"connect/store/storetest":     {"connect/vault", "tests/services"},
	"connect/oauth/tokenendpoint": {"catalog", "connect", "inject", "internal/httpx", "vending"},
	"connect/vault":               {"internal/privatefile"},
	"connect/web/browser":         {"connect", "internal/httpx", "vending"},
	"connect/web/appform":         {"catalog", "connect/oauth/authorize", "connect/web/page", "vending"},
	"connect/web/dashboard": {
		"catalog", "connect", "connect/manager", "connect/oauth/authorize", "connect/store", "connect/web/appform",
		"connect/web/browser", "connect/web/page", "policy", "vending",
	},
	"connect/web/hosted": {
		"catalog", "connect", "connect/oauth/authorize", "connect/store", "connect/web/appform",
		"connect/web/browser", "connect/web/page", "policy", "vending",
	},
	"connect/web/page":       {"connect/web/page/asset", "vending"},
	"connect/web/page/asset": {},
	"docs":                   {},
	"docs/gen":               {"", "catalog", "vending"},
	"gateway":                {"catalog", "inject", "internal/httpx", "policy", "vending"},
	"inject": {
		"catalog", "internal/httpx", "internal/jsonedit", "internal/lenient", "internal/secretscan",
		"internal/sse", "vending",
	},
	"internal/":         {},
	"internal/presence": {"internal/filelock"},
	"policy":            {"catalog", "internal/lenient", "vending"},
	"policy/redislimit": {"policy"},
	"vending":           {},
	"vending/pipedream": {"catalog", "internal/httpx", "internal/strictjson", "vending"},
	"vending/platform":  {"catalog", "internal/httpx", "internal/strictjson", "vending"},
	"vending/static":    {"vending"},
}

// without are what a package must not depend on, not even by another package.
var without = map[string][]string{
	"gateway": {"database/sql", "/connect"},
}

// goPackage is what `go list -json` prints of a package.
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

// TestImports holds the packages to the one way of imports that the design draws. Tests may import
// what they like.
func TestImports(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range listPackages(t) {
		path := inModule(p.ImportPath)
		if strings.HasPrefix(path, "tests/") {
			continue
		}
		allowed, ok := arrows[path]
		if !ok {
			parent, _, _ := strings.Cut(path, "/")
			if allowed, ok = arrows[parent+"/"]; !ok {
				t.Errorf("package %s has no place in the design", path)
			}
		}
		seen[path] = true
		for _, i := range p.Imports {
			foreign := isOurs(i) && !slices.Contains(allowed, inModule(i))
			if foreign || isSQL(i) && !strings.HasPrefix(path+"/", "connect/store/") {
				t.Errorf("%s imports %s", path, inModule(i))
			}
		}
		for _, a := range arrows[path] {
			if !slices.Contains(p.Imports, strings.TrimSuffix(module+"/"+a, "/")) {
				t.Errorf("%s may import %s, and does not: take it out of the design", path, a)
			}
		}
		if slices.Contains(p.Imports, cobraPackage) && !slices.Contains(cobraUsers, path) {
			t.Errorf("%s imports %s, which is for commands", path, cobraPackage)
		}
		if top, _, _ := strings.Cut(path, "/"); top == "" || top == "caddymodule" || top == "cmd" || path == "docs/gen" {
			continue
		}
		banned := append([]string{"github.com/caddyserver/", "go.uber.org/zap", "github.com/prometheus/"}, without[path]...)
		for _, d := range p.Deps {
			if slices.ContainsFunc(banned, func(prefix string) bool { return strings.HasPrefix(d, prefix) }) {
				t.Errorf("%s depends on %s", path, d)
			}
		}
	}
	for path := range arrows {
		if !strings.HasSuffix(path, "/") && !seen[path] {
			t.Errorf("package %s is gone", path)
		}
	}
}

// TestModuleAlone: a program that imports caddymodule and nothing else of ours has neither the
// commands nor the demonstration provider, which lets anyone consent for any account.
func TestModuleAlone(t *testing.T) {
	for _, p := range listPackages(t) {
		if inModule(p.ImportPath) != "caddymodule" {
			continue
		}
		for _, d := range p.Deps {
			path := inModule(d)
			if strings.HasPrefix(path, "caddymodule/command") || strings.HasPrefix(path, "caddymodule/playground") {
				t.Errorf("caddymodule depends on %s", path)
			}
		}
		return
	}
	t.Error("there is no package caddymodule")
}

func isOurs(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// isSQL reports whether a package is database/sql, a part of it or a driver: only connect, which
// holds the store, may import one.
func isSQL(path string) bool {
	return slices.ContainsFunc([]string{"database/sql", "modernc.org/sqlite", "github.com/jackc/pgx"},
		func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// TestStoreFiles holds the SQL of connect to the files whose names begin with "store".
func TestStoreFiles(t *testing.T) {
	files, err := filepath.Glob("connect/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if name := filepath.Base(file); strings.HasPrefix(name, "store") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if path := strings.Trim(i.Path.Value, `"`); isSQL(path) {
				t.Errorf("%s imports %s: what it does with that belongs to a store*.go", file, path)
			}
		}
	}
}

func inModule(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	// With a profile the packages of cmd/vendgate would be listed a second time, under other names.
	cmd := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports,Deps", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("listing packages: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("listing packages: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
