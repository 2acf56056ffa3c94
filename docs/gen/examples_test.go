package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/vendgate/vendgate/catalog"
)

// examples are the blocks of a language on a page.
func examples(t *testing.T, page, language string) (blocks []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readPage(t, page),
		-1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// adapted are the apps that a configuration defines.
func adapted(t *testing.T, caddyfile string) []catalog.App {
	t.Helper()
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%v in\n%s", err, caddyfile)
	}
	var config struct {
		Apps struct {
			Vendgate struct {
				Apps []catalog.App `json:"apps"`
			} `json:"vendgate"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	return config.Apps.Vendgate.Apps
}

// TestExamples: each example of an app of one's own is valid, and is the same app in the Caddyfile
// as in a catalog file.
func TestExamples(t *testing.T) {
	inCaddyfile := make(map[string]catalog.App)
	for _, block := range examples(t, "your-own-apps.md", "caddyfile") {
		for _, app := range adapted(t, block) {
			inCaddyfile[app.Slug] = app
		}
	}
	inFile := 0
	for _, block := range examples(t, "your-own-apps.md", "json") {
		var line bytes.Buffer
		if err := json.Compact(&line, []byte(block)); err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		for entry := range catalog.Lines(&line) {
			if entry.Err != nil {
				t.Fatalf("%v in\n%s", entry.Err, block)
			}
			inFile++
			entry.App.Docs, entry.App.Checked = "", "" // which a Caddyfile cannot say
			if !reflect.DeepEqual(entry.App, inCaddyfile[entry.App.Slug]) {
				t.Errorf("%s is in the file\n%+v\nand in the Caddyfile\n%+v", entry.App.Slug, entry.App,
					inCaddyfile[entry.App.Slug])
			}
		}
	}
	if inFile != 2 || len(inCaddyfile) != 2 {
		t.Errorf("%d apps in files and %d in Caddyfiles, want one with a key and one with OAuth", inFile, len(inCaddyfile))
	}
	for _, block := range examples(t, "configuration.md", "caddyfile") {
		if !strings.Contains(block, "vendgate") {
			t.Errorf("no configuration of Vendgate:\n%s", block)
		}
		adapted(t, block)
	}
}
