package main

import (
	"errors"
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	all := blocks{
		"one": func() (string, error) { return "first\n", nil },
		"bad": func() (string, error) { return "", errors.New("no code") },
	}
	filled := "# T\n\n<!-- generated: one -->\n\nfirst\n\n<!-- /generated -->\n\nend\n"
	for _, c := range []struct{ name, text, want, err string }{
		{"empty", "# T\n\n<!-- generated: one -->\n<!-- /generated -->\n\nend\n", filled, ""},
		{"old", "# T\n\n<!-- generated: one -->\nolder\n<!-- /generated -->\n\nend\n", filled, ""},
		{"current", filled, filled, ""},
		{"none", "# T\n", "# T\n", ""},
		{"unknown", "<!-- generated: two -->\n<!-- /generated -->\n", "", `block "two" is unknown: write one of bad, one`},
		{"no end", "<!-- generated: one -->\n", "", "block one has no end: write <!-- /generated --> behind it"},
		{"next before end", "<!-- generated: one -->\n" + filled, "", "block one has no end"},
		{"no name", "<!-- generated: one", "", "a block begins without a name"},
		{"failing", "<!-- generated: bad -->\n<!-- /generated -->\n", "", "block bad: no code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := fill(c.text, all)
			switch {
			case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)):
				t.Errorf("error %v, want %s", err, c.err)
			case c.err == "" && (err != nil || got.text != c.want):
				t.Errorf("%q, %v; want %q", got.text, err, c.want)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 30) + "`a b c` end"
	got := wrap(long, "  ")
	for _, line := range strings.Split(got, "\n") {
		if len(line) > maxLine {
			t.Errorf("line of %d characters", len(line))
		}
	}
	if !strings.Contains(got, "`a b c`") || strings.Count(got, "\n  ") != 1 {
		t.Errorf("%q: want two lines, and the code in one piece", got)
	}
}

func TestSentences(t *testing.T) {
	got := sentencesOf("One, e.g. this.\nTwo ends. Three")
	if want := []string{"One, e.g. this.", "Two ends.", "Three"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", got, want)
	}
}
