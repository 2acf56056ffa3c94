// Package help finishes the help of our commands: it breaks long lines, and says where their
// documentation is, as Caddy's own says for Caddy's.
package help

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Address is the page about the commands.
const Address = "https://github.com/vendgate/vendgate/blob/main/docs/commands.md"

// width is that of a line of help, in characters. Flags are on longer lines, as in all of Caddy's.
const width = 100

// Finish ends the help of a command, and of all below it, with the page's address, and breaks their
// lines.
func Finish(cmd *cobra.Command) {
	cmd.SetHelpTemplate(cmd.HelpTemplate() + "\nFull documentation is available at:\n" + Address + "\n")
	breakLines(cmd)
}

func breakLines(cmd *cobra.Command) {
	paragraphs := strings.Split(cmd.Long, "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = broken(p)
	}
	cmd.Long = strings.Join(paragraphs, "\n\n")
	for _, sub := range cmd.Commands() {
		breakLines(sub)
	}
}

// broken returns a paragraph with a line that is too long in lines that are not. Lists have lines
// of their own and stay as they are.
func broken(paragraph string) string {
	long := false
	for line := range strings.SplitSeq(paragraph, "\n") {
		long = long || utf8.RuneCountInString(line) > width
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, " ") {
			return paragraph
		}
	}
	if !long {
		return paragraph
	}
	var lines []string
	for _, word := range strings.Fields(paragraph) {
		last := len(lines) - 1
		if last < 0 || utf8.RuneCountInString(lines[last]+" "+word) > width {
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	return strings.Join(lines, "\n")
}
