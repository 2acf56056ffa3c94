package policy

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// exhaust spends all that is left and returns how many units that were.
func exhaust(a *Bucket, now time.Time) int {
	for n := 0; ; n++ {
		if _, ok := a.Spend(now); !ok {
			return n
		}
	}
}

func TestBudgetIsExact(t *testing.T) {
	for _, b := range []Budget{1, 2, 59, 60, 61, 600, 100_000} {
		t.Run(fmt.Sprint(int(b)), func(t *testing.T) {
			now := time.Now()
			a := NewBucket(b)
			if units, full := a.Left(now); units != int(b) || full != 0 || !a.full(now) {
				t.Errorf("a new one: %d left, full in %v", units, full)
			}
			if n := exhaust(a, now); n != int(b) {
				t.Errorf("%d units at once", n)
			}
			units, full := a.Left(now)
			if units != 0 || full < time.Minute || full > time.Minute+2*time.Millisecond || a.full(now) {
				t.Errorf("nothing left: %d, full in %v", units, full)
			}
			if n := exhaust(a, now.Add(full)); n != int(b) {
				t.Errorf("%d units after a minute", n)
			}
			if n := exhaust(a, now.Add(time.Hour)); n != int(b) {
				t.Errorf("%d units after an hour: the burst is the budget", n)
			}
		})
	}
}

// TestBudgetParallel: however many come at once, exactly the budget is spent (hostile case 38).
func TestBudgetParallel(t *testing.T) {
	const callers, budget = 1000, 600
	synctest.Test(t, func(t *testing.T) {
		a := NewBucket(budget)
		var spent, refused atomic.Int64
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				if wait, ok := a.Spend(time.Now()); ok {
					spent.Add(1)
				} else if refused.Add(1); wait <= 0 {
					t.Error("a refusal without a wait")
				}
			})
		}
		wg.Wait()
		if spent.Load() != budget || refused.Load() != callers-budget {
			t.Errorf("%d spent, %d refused", spent.Load(), refused.Load())
		}
	})
}

// TestWait: who waits exactly as long as told gets a unit, who comes 2 ms earlier does not.
func TestWait(t *testing.T) {
	for _, b := range []Budget{1, 7, 60, 120, 600, 10_000} {
		t.Run(fmt.Sprint(int(b)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := NewBucket(b)
				exhaust(a, time.Now())
				for range 100 {
					wait, ok := a.Spend(time.Now())
					if ok || wait > time.Minute/time.Duration(b)+2*time.Millisecond {
						t.Fatalf("%t, wait %v", ok, wait)
					}
					early := max(0, wait-2*time.Millisecond)
					time.Sleep(early)
					if _, ok = a.Spend(time.Now()); ok {
						t.Fatalf("a unit after %v of %v", early, wait)
					}
					time.Sleep(wait - early)
					if _, ok = a.Spend(time.Now()); !ok {
						t.Fatalf("no unit after %v", wait)
					}
				}
			})
		})
	}
}

// TestRefill: 600 a minute are ten a second, evenly, whoever asks how often.
func TestRefill(t *testing.T) {
	for _, every := range []time.Duration{time.Millisecond, 37 * time.Millisecond, time.Second} {
		t.Run(every.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := NewBucket(600)
				exhaust(a, time.Now())
				start, n := time.Now(), 0
				for time.Since(start) < 30*time.Second {
					time.Sleep(every)
					n += exhaust(a, time.Now())
				}
				if want := int(time.Since(start).Seconds() * 10); n < want-1 || n > want {
					t.Errorf("%d units in %v, want %d", n, time.Since(start), want)
				}
			})
		})
	}
}

func TestLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewBucket(600)
		for range 250 {
			a.Spend(time.Now())
		}
		for _, c := range []struct {
			after time.Duration
			units int
			full  time.Duration
		}{
			{0, 350, 25 * time.Second}, {50 * time.Millisecond, 350, 24950 * time.Millisecond},
			{100 * time.Millisecond, 351, 24850 * time.Millisecond},
			{24 * time.Second, 591, 850 * time.Millisecond}, {time.Second, 600, 0}, {time.Hour, 600, 0},
		} {
			time.Sleep(c.after)
			units, full := a.Left(time.Now())
			if units != c.units || full < c.full || full > c.full+2*time.Millisecond {
				t.Errorf("%d left, full in %v; want %d in %v", units, full, c.units, c.full)
			}
			if a.full(time.Now()) != (c.full == 0) {
				t.Errorf("full is %t with %d left", c.full != 0, units)
			}
		}
	})
}

func TestUnbounded(t *testing.T) {
	for _, b := range []Budget{0, -1} {
		t.Run(fmt.Sprint(int(b)), func(t *testing.T) {
			now := time.Now()
			a := NewBucket(b)
			for range 10_000 {
				if wait, ok := a.Spend(now); !ok || wait != 0 {
					t.Fatalf("refused, wait %v", wait)
				}
			}
			if units, full := a.Left(now); units != math.MaxInt32 || full != 0 || a.Budget() != b || !a.full(now) {
				t.Errorf("%d left, full in %v, budget %d", units, full, a.Budget())
			}
		})
	}
}

func TestAdjust(t *testing.T) {
	for name, c := range map[string]struct {
		budget Budget
		spend  int
		to     []Budget
		left   int // at once
		later  int // after a second
	}{
		"the same":                   {600, 100, []Budget{600}, 500, 510},
		"raised, nothing left":       {60, 60, []Budget{600}, 540, 550},
		"raised, some left":          {60, 20, []Budget{600}, 580, 590},
		"raised twice":               {60, 60, []Budget{120, 600}, 540, 550},
		"lowered, nothing left":      {600, 600, []Budget{60}, 0, 0},
		"lowered, more left":         {600, 20, []Budget{60}, 40, 41},
		"lowered, more was spent":    {600, 100, []Budget{60}, 0, 0},
		"back and forth":             {600, 600, []Budget{60, 600, 60, 600}, 0, 10},
		"lowered and raised":         {600, 100, []Budget{60, 600}, 500, 510},
		"lowered and raised a bit":   {600, 600, []Budget{60, 120}, 0, 0},
		"bound lifted":               {60, 60, []Budget{0}, math.MaxInt32, math.MaxInt32},
		"bound set":                  {0, 500, []Budget{60}, 60, 60},
		"bound set after a negative": {-1, 500, []Budget{60}, 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := NewBucket(c.budget)
				for range c.spend {
					a.Spend(time.Now())
				}
				for _, b := range c.to {
					a.Adjust(b, time.Now())
					if a.Budget() != b {
						t.Errorf("budget %d, want %d", a.Budget(), b)
					}
				}
				if units, _ := a.Left(time.Now()); units != c.left {
					t.Errorf("%d left, want %d", units, c.left)
				}
				time.Sleep(time.Second)
				if units, _ := a.Left(time.Now()); units != c.later {
					t.Errorf("%d left after a second, want %d", units, c.later)
				}
				if c.later < math.MaxInt32 && exhaust(a, time.Now()) != c.later {
					t.Error("what is left cannot be spent")
				}
			})
		})
	}
}

// TestAdjustDrains: a minute after a budget was lowered, all of the lower one is left, however much
// was spent of the larger one.
func TestAdjustDrains(t *testing.T) {
	for _, spent := range []int{600, 580, 100, 20} {
		now := time.Now()
		a := NewBucket(600)
		for range spent {
			a.Spend(now)
		}
		a.Adjust(60, now)
		wait, ok := a.Spend(now)
		if _, early := a.Spend(now.Add(wait - 2*time.Millisecond)); !ok && early {
			t.Errorf("%d spent: a unit before %v", spent, wait)
		}
		if ok != (spent < 60) || wait > time.Minute {
			t.Errorf("%d spent: %t, wait %v", spent, ok, wait)
		}
		b := NewBucket(600)
		for range spent {
			b.Spend(now)
		}
		b.Adjust(60, now)
		if _, full := b.Left(now); full > 2*time.Minute {
			t.Errorf("%d spent: full in %v", spent, full)
		}
		if n := exhaust(b, now.Add(wait)); !ok && n != 1 {
			t.Errorf("%d spent: %d units after %v", spent, n, wait)
		}
	}
}

// TestLateClock: callers that read the clock early and spend late refill nothing twice.
func TestLateClock(t *testing.T) {
	early := time.Now()
	late := early.Add(10 * time.Second)
	a := NewBucket(600)
	n := 0
	for range 2000 {
		for _, now := range []time.Time{late, early} {
			if _, ok := a.Spend(now); ok {
				n++
			}
		}
	}
	if n != 600 {
		t.Errorf("%d units of 600", n)
	}
}

func TestBucketParallelUse(t *testing.T) {
	a := NewBucket(100)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				a.Spend(time.Now())
				a.Adjust(Budget(100+i), time.Now())
				a.Left(time.Now())
			}
		})
	}
	wg.Wait()
	if b := a.Budget(); b < 100 || b > 107 {
		t.Errorf("budget %d", b)
	}
}
