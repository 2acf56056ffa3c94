package playground

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestHelp: the program calls itself by its own name, with what to type first.
func TestHelp(t *testing.T) {
	for want, args := range map[string][]string{
		"$ vendgate playground\n":                   {"--help"},
		"  vendgate [command]\n":                    {"--help"},
		"  vendgate app list [TEXT] [flags]\n":      {"app", "list", "--help"},
		"  vendgate caller-key create --tenant NAM": {"caller-key", "create", "--help"},
		"  vendgate run [--config <path> [--adap":   {"run", "--help"},
	} {
		if help := harness.Run(t, harness.Environ(t), "", harness.Program(t), args...); !strings.Contains(help, want) {
			t.Errorf("%q is not in the help of %q:\n%s", want, args, help)
		} else if !strings.Contains(help, "/vendgate/blob/main/docs/commands.md\n") && args[0] != "run" {
			t.Errorf("the help of %q does not point to our documentation:\n%s", args, help)
		}
	}
}
