package vendgate_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/vendgate/vendgate"
	cobra  = "github.com/spf13/cobra"
)

// arrows are the imports that the design permits, by the importing package's path in the module. A
// key that ends in a slash stands for all packages below it.
var arrows = map[string][]string{
	"cmd/vendgate": {""},
	"":             {"caddymodule", "caddymodule/command", "caddymodule/playground"},
	"caddymodule": {
		"caddymodule/internal/operator", "connect", "connect/api", "connect/oauth/authorize", "connect/web/dashboard",
		"connect/web/hosted", "connect/manager", "connect/mcpserver",
		"connect/web/page", "inject", "internal/httpx", "internal/lenient", "internal/stdlog", "policy", "vending",
		"connect/local", "vending/pipedream", "vending/platform", "vending/static", "catalog",
	},
	"caddymodule/command": {"caddymodule", "caddymodule/internal/given", "caddymodule/internal/operator", "connect",
		"connect/oauth/authorize", "policy", "vending", "catalog"},
	"caddymodule/internal/given":    {},
	"caddymodule/internal/operator": {"connect", "policy"},
	"caddymodule/playground": {"caddymodule", "caddymodule/internal/given", "caddymodule/playground/demoprovider",
		"connect", "connect/web/dashboard", "vending"},
	"caddymodule/playground/demoprovider": {},
	"connect":                             {"policy", "vending", "catalog"},
	"connect/api": {"connect", "connect/manager", "internal/httpx", "policy", "vending",
		"catalog"},
	"connect/oauth/authorize": {"connect", "connect/oauth/tokenendpoint", "inject", "internal/httpx", "vending",
		"catalog"},
	"connect/web/browser": {"connect", "internal/httpx", "vending"},
	"connect/web/dashboard": {"connect", "connect/web/browser", "connect/manager", "connect/web/page", "policy",
		"vending", "catalog"},
	"connect/web/hosted": {"connect", "connect/oauth/authorize", "connect/web/browser", "connect/web/page",
		"policy", "vending", "catalog"},
	"connect/manager":             {"connect", "policy", "vending", "catalog"},
	"connect/mcpserver":           {"connect", "connect/manager", "internal/httpx", "policy", "vending"},
	"connect/web/page":            {"vending"},
	"connect/oauth/tokenendpoint": {"connect", "inject", "internal/httpx", "vending", "catalog"},
	"inject":                      {"internal/httpx", "internal/lenient", "vending", "catalog"},
	"internal/":                   {},
	"policy":                      {"internal/lenient", "vending", "catalog"},
	"connect/local":               {"connect", "connect/oauth/tokenendpoint", "vending", "catalog"},
	"vending/":                    {"internal/httpx", "vending", "catalog"},
	"vending":                     {},
	"catalog":                     {},
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
			if isOurs(i) && !slices.Contains(allowed, inModule(i)) {
				t.Errorf("%s imports %s", path, inModule(i))
			}
		}
		if slices.Contains(p.Imports, cobra) && path != "caddymodule/command" && path != "caddymodule/playground" {
			t.Errorf("%s imports %s, which is for commands alone", path, cobra)
		}
		if path == "" || path == "caddymodule" || strings.HasPrefix(path, "caddymodule/") || strings.HasPrefix(path, "cmd/") {
			continue
		}
		for _, d := range p.Deps {
			if strings.HasPrefix(d, "github.com/caddyserver/") || strings.HasPrefix(d, "go.uber.org/zap") {
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

func inModule(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
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
