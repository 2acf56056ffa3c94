package vendgate_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/tests/harness"
)

// blocks are the document's blocks of code in a language.
func (d document) blocks(language string) (texts []string) {
	for _, block := range fences.FindAllStringSubmatch(d.text, -1) {
		if block[1] == language {
			texts = append(texts, block[2])
		}
	}
	return texts
}

// TestDocsCaddyfiles: the configurations in documents are ones that can be run, and are formatted.
func TestDocsCaddyfiles(t *testing.T) {
	shown := 0
	for _, d := range documents(t) {
		for _, block := range d.blocks("caddyfile") {
			shown++
			if formatted := string(caddyfile.Format([]byte(block))); formatted != block {
				t.Errorf("%s: vendgate fmt would make it\n%s", d.name, formatted)
			}
			whole := block
			if !strings.HasPrefix(block, "{\n") {
				whole = "{\n\tvendgate {\n\t\tsource local\n\t}\n}\n" + block
			}
			if _, err := harness.Adapt(whole); err != nil {
				t.Errorf("%s: %v in\n%s", d.name, err, block)
			}
		}
	}
	if shown < 4 {
		t.Errorf("found %d configurations", shown)
	}
}

// generatedBlocks are those that are made from the code, by its own words for a command's use.
var generatedBlocks = regexp.MustCompile(`(?s)<!-- generated: .*?<!-- /generated -->`)

// TestDocsCommands: the command lines in documents have commands, flags and numbers of arguments
// that exist.
func TestDocsCommands(t *testing.T) {
	shown := 0
	for _, d := range documents(t) {
		d.text = generatedBlocks.ReplaceAllString(d.text, "")
		for _, block := range d.blocks("sh") {
			for _, line := range commandLines(block) {
				shown++
				if err := parseCommand(line); err != nil {
					t.Errorf("%s: vendgate %s: %v", d.name, strings.Join(line, " "), err)
				}
			}
		}
	}
	if shown < 15 {
		t.Errorf("found %d command lines", shown)
	}
}

// shellWord is a word of a command line: quoted parts, or what ends no word.
var shellWord = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"|;()])+|[|;]`)

// commandLines are the words that follow the program's name in a block, line by line.
func commandLines(block string) (lines [][]string) {
	block = strings.ReplaceAll(block, "\\\n", " ")
	block = regexp.MustCompile(`\|\s*\n`).ReplaceAllString(block, "| ")
	block = regexp.MustCompile(`(?m)(^|\s)#.*$`).ReplaceAllString(block, "")
	for _, line := range strings.Split(strings.ReplaceAll(block, "$(", "| "), "\n") {
		for _, part := range splitWords(shellWord.FindAllString(line, -1), "|", ";", "&&") {
			program := 0
			if len(part) > 2 && part[0] == "go" && part[1] == "run" {
				program = 2
			}
			if len(part) > program && strings.TrimPrefix(strings.TrimPrefix(part[program], "bin/"), "./cmd/") == "vendgate" {
				lines = append(lines, part[program+1:])
			}
		}
	}
	return lines
}

// splitWords splits words at separators.
func splitWords(words []string, separators ...string) (parts [][]string) {
	parts = [][]string{nil}
	for _, word := range words {
		last := len(parts) - 1
		if strings.Contains(" "+strings.Join(separators, " ")+" ", " "+word+" ") {
			parts = append(parts, nil)
			continue
		}
		parts[last] = append(parts[last], strings.Trim(word, `'"`))
	}
	return parts
}

// parseCommand parses the words after the program's name as the program does, and runs nothing.
func parseCommand(words []string) error {
	root := &cobra.Command{Use: "vendgate"}
	for _, command := range caddycmd.Commands() {
		c := &cobra.Command{Use: command.Name, RunE: func(*cobra.Command, []string) error { return nil }}
		if command.CobraFunc != nil {
			command.CobraFunc(c)
		} else if command.Flags != nil {
			c.Flags().AddGoFlagSet(command.Flags)
		}
		root.AddCommand(c)
	}
	c, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	if err := c.ValidateRequiredFlags(); err != nil {
		return err
	}
	return c.ValidateArgs(c.Flags().Args())
}
