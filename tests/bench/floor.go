package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// The benchmarks of the floor: see floor_test.go. A step costs the difference of two calls, of
// which one ends where the step begins and the other where it ends. A call that ends by a refusal
// has one of its own to subtract.
const (
	floorEmpty        = "EmptyHandler"
	floorReverseProxy = "EmptyReverseProxy"
	floorTransport    = "Transport"
	floorStop         = "Stop"
	floorParse        = "Parse"
	atAuthenticate    = "AtAuthenticate"
	atIdentify        = "AtIdentify"
	atPermit          = "AtPermit"
	atSpend           = "AtSpend"
	atVend            = "AtVend"
	atInject          = "AtInject"
	bySource          = "BySource"
	floorInject       = "Inject"
	floorStatic       = "ServedStatic"
	floorLocal        = "ServedLocal"
	refusalAlone      = "Alone"
)

// cost is what one call takes.
type cost struct{ micros, allocs, bytes float64 }

func (c cost) plus(o cost, times float64) cost {
	return cost{c.micros + times*o.micros, c.allocs + times*o.allocs, c.bytes + times*o.bytes}
}

// costs are those of the benchmarks by name, one for each repetition.
type costs map[string][]cost

// least is that repetition which the rest of the machine disturbed least. Allocations do not
// differ.
func (c costs) least(name string) (best cost) {
	for i, one := range c[name] {
		if i == 0 || one.micros < best.micros {
			best = one
		}
	}
	return best
}

var floorLine = regexp.MustCompile(
	`(?m)^BenchmarkFloor(\w+?)(?:-\d+)?\s+\d+\s+[0-9.e+]+ ns/op\s+([0-9.e+]+) cpu-ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

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

const floorNote = `What a call costs by itself, in one process: without sockets, without ` + "`net/http`" + `'s server
and Caddy in front, and with an upstream that answers at once from memory. CPU time of the process with its garbage
collector, the least of the repetitions; built without a profile. A step is the difference of two calls, of which one
ends where the step begins and the other where it ends, so that it has in it what it adds to all that follows.

`

// until is what a call costs that ends where a step begins, without the end.
func (c costs) until(step string) cost {
	if len(c[step+refusalAlone]) == 0 {
		return c.least(step).plus(c.least(floorStop), -1)
	}
	// A source that refuses and one that stops the call are called in the same place: what is left of
	// their difference is what a refusal within a call takes besides its answer.
	around := c.least(bySource).plus(c.least(bySource+refusalAlone), -1).plus(c.until(atVend), -1)
	return c.least(step).plus(c.least(step+refusalAlone), -1).plus(around, -1)
}

// floorTable writes what each step costs, and what is below all of them.
func floorTable(c costs) string {
	if len(c) == 0 {
		return ""
	}
	step := func(from, to string) cost { return c.until(to).plus(c.until(from), -1) }
	served, parse, inject := c.least(floorStatic), c.least(floorParse), c.least(floorInject)
	vend := step(atVend, atInject)
	var b strings.Builder
	b.WriteString("### The floor\n\n" + floorNote + "| what | CPU µs | allocations | bytes |\n|---|--:|--:|--:|\n")
	for _, row := range []struct {
		what string
		cost cost
	}{
		{"empty handler", c.least(floorEmpty)},
		{"empty `httputil.ReverseProxy`, with a buffer pool", c.least(floorReverseProxy)},
		{"– of which the upstream's answer", c.least(floorTransport)},
		{"1 parse", parse},
		{"– the call itself: its id, its event, its end", c.until(atAuthenticate).plus(parse, -1)},
		{"2 authenticate", step(atAuthenticate, atIdentify)},
		{"3 identify", step(atIdentify, atPermit)},
		{"4 permit", step(atPermit, atSpend)},
		{"5 spend, and what asks the source", step(atSpend, atVend)},
		{"6 vend, source static", vend},
		{"6 vend, source local (SQLite)", vend.plus(c.least(floorLocal), 1).plus(served, -1)},
		{"7 inject, the upstream's answer not included", inject.plus(c.least(floorTransport), -1)},
		{"8 forward, `httputil.ReverseProxy` and the upstream's answer included", served.plus(c.until(atInject), -1).
			plus(inject, -1).plus(c.least(floorTransport), 1)},
		{"all eight, source static", served},
		{"all eight, source local", c.least(floorLocal)},
	} {
		fmt.Fprintf(&b, "| %s | %.2f | %.0f | %.0f |\n", row.what, row.cost.micros, row.cost.allocs, row.cost.bytes)
	}
	return b.String() + "\n"
}
