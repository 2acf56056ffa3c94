// Package board checks the board of deploy/grafana against the types that Grafana generates from
// its own schemas. It is a module of its own, so that the product does not depend on them.
package board

import (
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// decode decodes a board strictly: Grafana itself drops what it does not know without a word.
func decode(text string) error {
	var board dashboard.Dashboard //nolint:staticcheck // the second version of the schema is for Grafana 12 and later
	err := board.UnmarshalJSONStrict([]byte(text))
	if err != nil && err.Error() != "" { // it returns an empty list where nothing is wrong
		return err
	}
	return board.Validate()
}

func TestBoard(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	raw, err := os.ReadFile("../../deploy/grafana/board.json")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if err := decode(text); err != nil {
		t.Error(err)
	}
	// That it would see a mistake.
	for _, key := range []string{"gridPos", "expr", "textMode", "drawStyle", "includeAll", "schemaVersion", "calcs"} {
		mistaken := strings.ReplaceAll(text, `"`+key+`":`, `"`+key+`s":`)
		if mistaken == text || decode(mistaken) == nil {
			t.Errorf("a board with %ss in place of %s passes", key, key)
		}
	}
}
