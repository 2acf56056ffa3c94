package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// The benchmarks of the floor: see floor_test.go. A step costs the difference of two calls, of
// which one is refused where the step begins and the other where it ends.
const (
	floorRefusal      = "Refusal"
	floorParse        = "Parse"
	floorBegun        = "RefusedAtAuthenticate"
	floorKnown        = "RefusedAtIdentify"
	floorIdentified   = "RefusedAtPermit"
	floorPermitted    = "RefusedAtSpend"
	floorSpent        = "RefusedByTheSource"
	floorVended       = "RefusedAtInject"
	floorInject       = "Inject"
	floorServed       = "ServedStatic"
	floorServedLocal  = "ServedLocal"
	floorEmpty        = "EmptyHandler"
	floorReverseProxy = "EmptyReverseProxy"
	floorTransport    = "Transport"
)

// cost is what one call takes.
type cost struct{ micros, allocs, bytes float64 }

func (c cost) plus(o cost, times float64) cost {
	return cost{c.micros + times*o.micros, c.allocs + times*o.allocs, c.bytes + times*o.bytes}
}

// costs are those of the benchmarks by name, one for each repetition.
type costs map[string][]cost

// least is that repetition which the rest of the machine disturbed least. Allocations do not differ.
func (c costs) least(name string) (best cost) {
	for i, one := range c[name] {
		if i == 0 || one.micros < best.micros {
			best = one
		}
	}
	return best
}

var floorLine = regexp.MustCompile(
	`(?m)^BenchmarkFloor(\w+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

// parseFloor reads what `go test -bench -benchmem` prints.
func parseFloor(out string) costs {
	found := costs{}
	for _, m := range floorLine.FindAllStringSubmatch(out, -1) {
		var n [3]float64
		for i := range n {
			n[i], _ = strconv.ParseFloat(m[2+i], 64) // the expression lets nothing else in
		}
		found[m[1]] = append(found[m[1]], cost{n[0] / 1000, n[2], n[1]})
	}
	return found
}

// measureFloor runs the benchmarks, which `go test -c` built.
func measureFloor(program string, quick bool) (costs, error) {
	repeat, takes := "5", "300ms"
	if quick {
		repeat, takes = "2", "100ms"
	}
	out, err := exec.Command(program, "-test.run", "^$", "-test.bench", "^BenchmarkFloor", "-test.benchmem", "-test.count",
		repeat, "-test.benchtime", takes).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("the benchmarks of the floor: %w: %s", err, out)
	}
	return parseFloor(string(out)), nil
}

const floorNote = `What a call costs by itself, in one process: without sockets, ` + "`net/http`" + `'s server and Caddy in
front, and with an upstream that answers at once from memory. Elapsed time of one call after the other, the least of the
repetitions; allocations are exact. A step is the difference of two calls of which one is refused where the step begins
and the other where it ends, so that it has in it what the step adds to all that follows.

`

// floorTable writes what each step costs, and what is below all of them.
func floorTable(c costs) string {
	if len(c) == 0 {
		return ""
	}
	step := func(from, to string) cost { return c.least(to).plus(c.least(from), -1) }
	refusal, parse, inject := c.least(floorRefusal), c.least(floorParse), c.least(floorInject)
	vend := step(floorSpent, floorVended)
	rest := step(floorVended, floorServed).plus(refusal, 1).plus(inject, -1)
	var b strings.Builder
	b.WriteString("### The floor\n\n" + floorNote + "| what | µs | allocations | bytes |\n|---|--:|--:|--:|\n")
	for _, row := range []struct {
		what string
		cost cost
	}{
		{"empty handler", c.least(floorEmpty)},
		{"empty `httputil.ReverseProxy`, with a buffer pool", c.least(floorReverseProxy)},
		{"– of which the answer from memory", c.least(floorTransport)},
		{"1 parse", parse},
		{"– the call itself: its id, its event, its end", c.least(floorBegun).plus(parse, -1).plus(refusal, -1)},
		{"2 authenticate", step(floorBegun, floorKnown)},
		{"3 identify", step(floorKnown, floorIdentified)},
		{"4 permit", step(floorIdentified, floorPermitted)},
		{"5 spend, and what asks the source", step(floorPermitted, floorSpent)},
		{"6 vend, source static", vend},
		{"6 vend, source local (SQLite)", vend.plus(step(floorServed, floorServedLocal), 1)},
		{"7 inject", inject},
		{"8 forward, `httputil.ReverseProxy` and the answer from memory included", rest},
		{"all eight, source static", c.least(floorServed)},
		{"all eight, source local", c.least(floorServedLocal)},
		{"(a refusal, which is in none of them)", refusal},
	} {
		fmt.Fprintf(&b, "| %s | %.2f | %.0f | %.0f |\n", row.what, row.cost.micros, row.cost.allocs, row.cost.bytes)
	}
	return b.String() + "\n"
}
