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

// TestNameTells: names in which a key may be quoted, and names that sites have.
func TestNameTells(t *testing.T) {
	const random = "abcdefghijklmnopqrstuvwxyz0123456789abcdefg"
	for name, want := range map[string]bool{
		"ck_" + random + ".gw.example.com": true, random + ".example.com": true, "ck-" + random + ":8443": true,
		"Abcdefghijklmnopqrstuvwxyz0123456789.example.com":               true,
		"stripe--files.gw.example.com:8443":                              false,
		"3f786850e387550fdab836ed7e6dc881de23001b.preview.example.com":   false,
		"a0123456789abcdef0123456789abcde-1.eu-west-1.elb.amazonaws.com": false,
		"": false,
	} {
		if got := nameTells(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
