package help

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestFinish: no line of the text is long, lists stay, and commands below have it too.
func TestFinish(t *testing.T) {
	const list = "- one\n  and its second line\n- two"
	text := strings.Repeat("some words ", 30) + "end.\nNext line.\n\n" + list + "\n\nShort\nlines stay."
	parent := &cobra.Command{Use: "tenant"}
	cmd := &cobra.Command{Use: "list", Long: text, Run: func(*cobra.Command, []string) {}}
	parent.AddCommand(cmd)
	Finish(parent)
	for line := range strings.SplitSeq(cmd.Long, "\n") {
		if len(line) > width {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
	if strings.Join(strings.Fields(cmd.Long), " ") != strings.Join(strings.Fields(text), " ") ||
		!strings.HasSuffix(cmd.Long, "end. Next line.\n\n"+list+"\n\nShort\nlines stay.") {
		t.Errorf("the help is\n%s", cmd.Long)
	}
	var out strings.Builder
	cmd.SetOut(&out)
	if err := cmd.Help(); err != nil || !strings.Contains(out.String(), Address) {
		t.Errorf("%v, the help is\n%s", err, out.String())
	}
}
