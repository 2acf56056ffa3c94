package redislimit

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

// TestSpread: three nodes let pass what one does, within 1 %, however the load is spread: 600 a
// minute at three times that load, for two minutes of a clock that the test drives.
func TestSpread(t *testing.T) {
	server := services.Redis(t)
	for _, parts := range [][]int{{90, 5, 5}, {33, 33, 33}, {100, 0, 0}} {
		for _, empty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v empty %t", parts, empty), func(t *testing.T) {
				clock := newClock()
				var nodes []policy.Limiter
				for range parts {
					l, _ := newLimiter(t, server.URL, clock, Options{})
					l.nodes.Store(int64(len(parts)))
					nodes = append(nodes, l)
				}
				flush(t, nodes[0].(*Limiter))
				shared := passed(t, nodes, parts, clock, empty)
				alone := passed(t, []policy.Limiter{policy.NewMemory(nil)}, []int{100}, newClock(), empty)
				t.Logf("%d passed, %d with one node", shared, alone)
				if math.Abs(float64(shared-alone)) > 0.01*float64(alone) {
					t.Errorf("%d passed, of one node %d", shared, alone)
				}
			})
		}
	}
}

// TestSpreadByRedis is TestSpread in real time, by Redis's own clock and over nodes that run; all
// cases at once. Without VENDGATE_SOAK it takes four seconds, in which 1 % is a few calls.
func TestSpreadByRedis(t *testing.T) {
	span := 4 * time.Second
	if os.Getenv("VENDGATE_SOAK") != "" {
		span = 2 * time.Minute
	}
	for _, parts := range [][]int{{90, 5, 5}, {33, 33, 33}} {
		for _, empty := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v empty %t", parts, empty), func(t *testing.T) {
				t.Parallel()
				server := services.Redis(t)
				var nodes []*Limiter
				for range parts {
					l, _ := started(t, server.URL, Local, patient)
					nodes = append(nodes, l)
				}
				n, calls, took := driveReal(t, nodes, parts, span, empty)
				want := 10 * took.Seconds()
				if !empty {
					want = min(float64(calls), want+600)
				}
				t.Logf("%d passed in %v, want %.0f", n, took, want)
				if bound := max(0.01*want, 6); math.Abs(float64(n)-want) > bound {
					t.Errorf("%d passed, want %.0f", n, want)
				}
			})
		}
	}
}

// driveReal makes 30 calls a second, or fewer on a busy machine, and counts them and what passes.
func driveReal(t *testing.T, nodes []*Limiter, parts []int, span time.Duration, empty bool) (n, calls int,
	took time.Duration) {
	acme := tenant(nodes[0], "acme", policy.Budgets{Token: 600})
	if empty {
		exhaust(t, nodes[0], acme, "gmail", "c1", time.Now())
	}
	ticker, start := time.NewTicker(time.Second/30), time.Now()
	defer ticker.Stop()
	for ; time.Since(start) < span; calls++ {
		<-ticker.C
		if spend(t, nodes[turnOf(parts, calls)], acme, time.Now()) {
			n++
		}
	}
	return n, calls, time.Since(start)
}

// turnOf says which node gets call i, so that each gets its part.
func turnOf(parts []int, i int) int {
	if parts[0] == parts[1] {
		return i % len(parts)
	}
	switch i % 20 {
	case 7:
		return 1
	case 17:
		return 2
	}
	return 0
}

// passed counts what passes in two minutes of 30 calls a second.
func passed(t *testing.T, nodes []policy.Limiter, parts []int, clock *clock, empty bool) (n int) {
	budgets := policy.Budgets{Token: 600}
	tenants := make([]*policy.Tenant, len(nodes))
	for i, l := range nodes {
		tenants[i] = tenant(l, "acme", budgets)
	}
	if empty {
		for spend(t, nodes[0], tenants[0], clock.Now()) {
		}
	}
	due, total := make([]int, len(parts)), 0
	for _, p := range parts {
		total += p
	}
	for range 120 * 30 {
		clock.forward(time.Second / 30)
		at := 0
		for i, p := range parts { // the node that is furthest behind its part
			due[i] += p
			if due[i] > due[at] {
				at = i
			}
		}
		due[at] -= total
		if spend(t, nodes[at], tenants[at], clock.Now()) {
			n++
		}
		if int(clock.Now().UnixMilli())%500 < 34 {
			for _, l := range nodes {
				if l, ok := l.(*Limiter); ok {
					l.sweep(t.Context(), false)
				}
			}
		}
	}
	return n
}
