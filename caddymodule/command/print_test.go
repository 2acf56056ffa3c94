package command

import (
	"strings"
	"testing"
)

// TestPrintTable: no cell can make a row of its own, or speak to the terminal.
func TestPrintTable(t *testing.T) {
	var b strings.Builder
	rows := [][]string{{"a\x1b]0;title\x07", "b\nc\td\u009b2J"}}
	if err := printTable(&b, []string{"ONE", "TWO"}, rows); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, "\n") != 2 || strings.ContainsAny(text, "\x1b\x07\t\u009b") {
		t.Errorf("it prints %q", text)
	}
}
