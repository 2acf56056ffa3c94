package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

var update = flag.Bool("update", false, "write what is seen into the golden files, to be read before it is committed")

const dashes = "----------\n"

// goldens runs seen for the Caddyfile of each file of testdata/dir and compares what it returns
// with what the file has after the line of dashes.
func goldens(t *testing.T, dir string, seen func(t *testing.T, caddyfile string) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.caddyfiletest"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			caddyfile, want, ok := strings.Cut(string(text), dashes)
			if !ok {
				t.Fatal("the file has no line of dashes")
			}
			got := seen(t, caddyfile) + "\n"
			if strings.Contains(got, "NEVER") {
				t.Errorf("a secret is shown: %s", got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(caddyfile+dashes+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestAdapt holds every form of the Caddyfile against the JSON it becomes, or the error that tells
// what to write instead.
func TestAdapt(t *testing.T) {
	community := harness.CommunityApp(t)
	goldens(t, "adapt", func(t *testing.T, caddyfile string) string {
		adapted, err := harness.Adapt(strings.ReplaceAll(caddyfile, "$COMMUNITY", community))
		if err != nil {
			return strings.ReplaceAll(err.Error(), community, "$COMMUNITY")
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, adapted, "", "\t"); err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(indented.String(), strconv.Quote(community), `"$COMMUNITY"`)
	})
}
