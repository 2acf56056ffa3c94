package platform_test

import (
	"strings"
	"testing"
)

// TestAdvice: a value that cannot be placed is not the end user's to correct.
func TestAdvice(t *testing.T) {
	cred, err := vend(newSource(t, serve(t, says(200, activeGmail), says(200, gmailToken))), request())
	if err != nil {
		t.Fatal(err)
	}
	if advice, ok := cred.Advice("site"); !ok || !strings.Contains(advice, `"site"`) {
		t.Errorf("advice %q", advice)
	}
}
