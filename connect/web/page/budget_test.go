package page

import (
	"strings"
	"testing"
)

func TestBudgetFigures(t *testing.T) {
	for _, test := range []struct {
		name               string
		b                  Budget
		left, used, length int
		low                bool
	}{
		{"full", Budget{Limit: 600, Left: 600}, 600, 0, 0, false},
		{"some", Budget{Limit: 600, Left: 450}, 450, 150, 250, false},
		{"a tenth", Budget{Limit: 600, Left: 60}, 60, 540, 900, false},
		{"less", Budget{Limit: 600, Left: 59}, 59, 541, 901, true},
		{"spent", Budget{Limit: 1, Left: 0}, 0, 1, 1000, true},
		{"out of bounds", Budget{Limit: 10, Left: 11}, 10, 0, 0, false},
		{"below nothing", Budget{Limit: 10, Left: -1}, 0, 10, 1000, true},
		{"no bound", Budget{Limit: 0, Left: 5}, 0, 0, 0, false},
		{"huge", Budget{Limit: 1 << 40, Left: 1 << 39}, 1 << 39, 1 << 39, 500, false},
	} {
		if a, b, c, d := test.b.Remaining(), test.b.Used(), test.b.UsedWidth(), test.b.Low(); a != test.left ||
			b != test.used || c != test.length || d != test.low {
			t.Errorf("%s: %d left, %d used, length %d, low %v; want %d, %d, %d, %v", test.name, a, b, c, d, test.left, test.used,
				test.length, test.low)
		}
	}
}

func TestRefusalChart(t *testing.T) {
	var b Budget
	if got := b.Summary(); got != "No refusals in the last hour" {
		t.Errorf("without refusals it says %q", got)
	}
	b.Refusals[10], b.Refusals[58], b.Refusals[59] = 40, 20, 1
	bars := b.Bars()
	for i, want := range map[int]Bar{0: {0, 98, 2, false}, 10: {100, 0, 100, true}, 58: {580, 50, 50, true},
		59: {590, 92, 8, true}} {
		if bars[i] != want {
			t.Errorf("minute %d is drawn %+v; want %+v", i, bars[i], want)
		}
	}
	if got := b.Summary(); got != "61 refusals in the last hour; at most 40 in one minute, 49 minutes ago" {
		t.Errorf("it says %q", got)
	}
	b = Budget{}
	b.Refusals[59] = 1
	if got := b.Summary(); got != "1 refusal in the last hour; at most 1 in one minute, this minute" {
		t.Errorf("it says %q", got)
	}
}

func TestLiveIsThePagesPart(t *testing.T) {
	v := people["plain"].views()
	part, err := testPages.Render(v["budgets-live"])
	if err != nil {
		t.Fatal(err)
	}
	_, whole := document(t, v["budgets"])
	if len(part) == 0 || !strings.Contains(whole, `data-live="/connect/dashboard/budgets/live">`+string(part)+`</div>`) {
		t.Errorf("the live part is not what the page shows:\n%s", part)
	}
}
