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

// TestReadme: the README names each header that is left out because of the proxy alone.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, row, _ := strings.Cut(string(text), "\n| `pipedream` | ")
	row, _, _ = strings.Cut(strings.ToLower(row), "\n")
	for _, name := range refusedNames {
		if strings.HasSuffix(name, "-") {
			name += "*"
		}
		if !slices.Contains(removedAnyway, strings.TrimSuffix(name, "*")) && !strings.Contains(row, "`"+name+"`") {
			t.Errorf("the row of the source does not name %s", name)
		}
	}
}
