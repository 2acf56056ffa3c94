package caddymodule

import (
	"maps"
	"testing"
)

// TestKeptLabels: a block that replaces extra_hosts takes the catalog's labels of the others along,
// which no app may have, and leaves the catalog's entry as it is.
func TestKeptLabels(t *testing.T) {
	labels := map[string]string{"files": "files.example.com", "uploads": "uploads.example.com"}
	got := keptLabels(labels, []string{"files.example.com", "new.example.com"})
	if want := map[string]string{"files": "files.example.com"}; !maps.Equal(got, want) || len(labels) != 2 {
		t.Errorf("kept %v of %v", got, labels)
	}
	if got := keptLabels(nil, []string{"files.example.com"}); got != nil {
		t.Errorf("kept %v of none", got)
	}
}
