package vendgate_test

import (
	"slices"
	"strings"
	"testing"
)

// TestChangelog: a version's changes have a few headings, each of them once, and one list below
// each. Branches that are merged line by line would otherwise leave several of the same name.
func TestChangelog(t *testing.T) {
	versions := strings.Split(readDocument(t, "CHANGELOG.md").text, "\n## ")[1:]
	for _, version := range versions {
		name, text, _ := strings.Cut(version, "\n")
		var last int
		order := []string{"Added", "Changed", "Fixed", "Refused now"}
		for _, part := range strings.Split(text, "\n### ")[1:] {
			heading, _, _ := strings.Cut(part, "\n")
			at := slices.Index(order, heading) + 1
			if at <= last {
				t.Errorf("%s: the heading %q is unknown, a duplicate or out of order: write %q", name, heading, order)
			}
			last = at
			if lists := strings.Count(part, "\n\n- "); lists != 1 {
				t.Errorf("%s: there are %d lists below %q, want 1", name, lists, heading)
			}
		}
	}
	if len(versions) == 0 {
		t.Error("there are no versions")
	}
}
