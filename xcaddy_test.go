package vendgate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// builder is the part of xcaddy's Builder (github.com/caddyserver/xcaddy, builder.go) that
// xcaddy.json states.
type builder struct {
	CaddyVersion string `json:"caddy_version"`
	Plugins      []struct {
		ModulePath string `json:"module_path"`
		Version    string `json:"version"`
	} `json:"plugins"`
}

// goMod is what `go mod edit -json` prints.
type goMod struct {
	Module  struct{ Path string }
	Require []struct {
		Path, Version string
	}
	Replace []struct{ Old struct{ Path string } }
}

// TestXcaddy keeps builds by xcaddy.json and by go.mod the same: what was tested is what is built.
func TestXcaddy(t *testing.T) {
	raw, err := os.ReadFile("xcaddy.json")
	if err != nil {
		t.Fatal(err)
	}
	var b builder
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		t.Fatalf("xcaddy.json: %v", err)
	}
	raw, err = exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatalf("reading go.mod: %v", err)
	}
	var mod goMod
	if err := json.Unmarshal(raw, &mod); err != nil {
		t.Fatal(err)
	}
	versions := make(map[string]string)
	for _, r := range mod.Require {
		versions[r.Path] = r.Version
	}
	if want := versions["github.com/caddyserver/caddy/v2"]; want == "" || b.CaddyVersion != want {
		t.Errorf("caddy_version is %q, go.mod has %q", b.CaddyVersion, want)
	}
	ours := false
	for _, p := range b.Plugins {
		ours = ours || p.ModulePath == mod.Module.Path
		if want := versions[p.ModulePath]; p.Version != want {
			t.Errorf("plugin %s is at %q, go.mod has %q", p.ModulePath, p.Version, want)
		}
	}
	if !ours {
		t.Errorf("no plugin is %s", mod.Module.Path)
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s, which holds for no one who builds with xcaddy", r.Old.Path)
	}
}
