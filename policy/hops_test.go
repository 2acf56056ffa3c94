package policy

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestHops(t *testing.T) {
	h, other := NewHops(), NewHops()
	if h.id == other.id {
		t.Fatal("two gateways have one id")
	}
	for _, c := range []struct {
		name   string
		values []string
		want   string // empty for a refusal
	}{
		{"none", nil, "1 " + h.id},
		{"one gateway before", []string{"1 " + other.id}, "2 " + h.id},
		{"two before", []string{"2 " + other.id}, "3 " + h.id},
		{"three before", []string{"3 " + other.id}, ""},
		{"nine before", []string{"9 " + other.id}, ""},
		{"itself", []string{"1 " + h.id}, ""},
		{"itself in capitals", []string{"1 " + strings.ToUpper(h.id)}, ""},
		{"twice", []string{"1 " + other.id, "1 " + other.id}, ""},
		{"a list", []string{"1 " + other.id + ", 1 " + other.id}, ""},
		{"empty", []string{""}, ""},
		{"zero", []string{"0 " + other.id}, ""},
		{"negative", []string{"-1 " + other.id}, ""},
		{"ten", []string{"10 " + other.id[1:]}, ""},
		{"a bare number", []string{"1"}, ""},
		{"no number", []string{other.id}, ""},
		{"another separator", []string{"1\t" + other.id}, ""},
		{"no id", []string{"1 zzzzzzzzzzzzzzzz"}, ""},
		{"a short id", []string{"1 " + other.id[1:]}, ""},
		{"an id beyond ASCII", []string{"1 \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := h.Next(c.values)
			if c.want == "" {
				if err == nil || vending.AsError(err).Code != vending.InvalidRequest {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0] != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestHopsEnd: whatever way a loop takes over gateways, it ends.
func TestHopsEnd(t *testing.T) {
	for nodes := 1; nodes <= 5; nodes++ {
		gateways := make([]*Hops, nodes)
		for i := range gateways {
			gateways[i] = NewHops()
		}
		var values []string
		var err error
		calls := 0
		for ; err == nil && calls < 100; calls++ {
			values, err = gateways[calls%nodes].Next(values)
		}
		want := maxHops + 1
		if nodes == 1 {
			want = 2
		}
		if calls != want {
			t.Errorf("%d gateways: refused at call %d, want %d", nodes, calls, want)
		}
	}
}
