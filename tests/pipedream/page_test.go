package pipedream

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// removedAnyway are those of refusedNames that no provider gets from a caller, however it is
// called.
var removedAnyway = []string{"connection", "content-length", "cookie", "host", "keep-alive", "trailer",
	"transfer-encoding", "upgrade", "via", "proxy-"}

// TestSourcesPage: docs/sources.md names each header that is left out because of the proxy alone.
func TestSourcesPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## pipedream\n")
	section, _, _ = strings.Cut(strings.ToLower(section), "\n## ")
	for _, name := range refusedNames {
		if strings.HasSuffix(name, "-") {
			name += "*"
		}
		if !slices.Contains(removedAnyway, strings.TrimSuffix(name, "*")) && !strings.Contains(section, "`"+name+"`") {
			t.Errorf("the source's section does not name %s", name)
		}
	}
}
