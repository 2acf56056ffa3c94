package policy

import (
	"strings"
	"testing"
)

func TestIsKey(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"ck_" + strings.Repeat("aZ0", 14) + "x", true},
		{"pk_live_" + strings.Repeat("aZ0", 14) + "x", true},
		{"pk_live_" + strings.Repeat("a", minKeyRandom), true},
		{"ck_" + strings.Repeat("aZ0", 14), false},
		{"ck_" + strings.Repeat("0", 40), false}, // WooCommerce's have 40 hexadecimal digits
		{"ck_" + strings.Repeat("aZ0", 14) + "xy", false},
		{"ck_" + strings.Repeat("aZ0", 14) + "_", false},
		{"CK_" + strings.Repeat("aZ0", 14) + "x", false},
		{"pk_live_" + strings.Repeat("a", 10), false},
		{"pk_live_" + strings.Repeat("a", 43) + " ", false},
		{"sk-" + strings.Repeat("a", 43), false},
		{"ck_", false}, {"", false},
	} {
		if got := IsKey(c.text); got != c.want {
			t.Errorf("%q: %t", c.text, got)
		}
	}
}
