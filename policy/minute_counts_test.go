package policy

import (
	"slices"
	"testing"
	"time"
	"unsafe"
)

func TestRefusals(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	minute := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		added []int // the minutes of the refusals
		asked int
		want  map[int]int // minutes ago → count
	}{
		"none":                        {nil, 0, nil},
		"this minute":                 {[]int{0, 0, 0}, 0, map[int]int{0: 3}},
		"over the hour":               {[]int{0, 10, 10, 59}, 59, map[int]int{59: 1, 49: 2, 0: 1}},
		"the oldest has passed":       {[]int{0, 1}, 60, map[int]int{59: 1}},
		"all have passed":             {[]int{0, 1, 30}, 200, nil},
		"a pause of exactly an hour":  {[]int{0, 60}, 60, map[int]int{0: 1}},
		"a gap longer than the hour":  {[]int{0, 500}, 500, map[int]int{0: 1}},
		"a clock that goes back":      {[]int{10, 5}, 10, map[int]int{0: 2}},
		"asked before the last count": {[]int{10}, 5, map[int]int{0: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var r MinuteCounts
			for _, m := range c.added {
				r.Add(minute(m))
			}
			var want [60]int
			for ago, n := range c.want {
				want[59-ago] = n
			}
			got := r.LastHour(minute(c.asked))
			if !slices.Equal(got[:], want[:]) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// TestUsageIsSmall bounds what a tenant takes that was never refused: there may be many thousands.
func TestUsageIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Usage{}); size > 128 {
		t.Errorf("the usage of a tenant takes %d bytes before its first refusal", size)
	}
}
