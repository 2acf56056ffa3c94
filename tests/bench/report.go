package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// chartName is the file of the chart, in the directory of the report.
const chartName = "results.svg"

const readingNote = `Contenders of a scenario run side by side and are loaded one at a time, in short turns; each round
begins with another one. A cell is the median of the rounds, with the quartiles in brackets where they differ. Ratios
and differences are taken within each round, and their median is shown. Lower is better, but for rates and throughput.

- **CPU** is what the operating system counts for the contender's own processes (` + "`/proc/PID/stat`" + `), and what
  compares best: the load, the upstream and the vending servers share the cores, so that rates and latencies of closed
  loops are those of all together. The CPU time of vending servers is not counted.
- **Allocations and bytes** are Go's own count (` + "`/debug/vars`" + `), of the whole process.
- **Memory** is what the processes have in RAM at the end of a turn.
- The upstream answers 403 to a request without the credential, and one failed request fails its scenario.
- Caddy is of the same version as the one in Vendgate, with its standard modules alone, and built without a profile.
  Vendgate is built as it is shipped: by a profile of itself under this load. All proxies keep up to 256 connections to
  an upstream.

`

// report is what RESULTS.md says.
func (b *bench) report() string {
	var text strings.Builder
	text.WriteString("# Benchmark results\n\n")
	if b.quick || b.only.String() != "" {
		text.WriteString("> **Not a full run**: few rounds, or a choice of scenarios. The figures are for orientation.\n\n")
	}
	fmt.Fprintf(&text, "Made by `make bench` on %s, in %s: see [README.md](README.md).\n",
		b.begun.UTC().Format("2006-01-02"),
		strings.TrimSuffix(max(time.Minute, time.Since(b.begun).Round(time.Minute)).String(), "0s"))
	fmt.Fprintf(&text, "Machine: %s, %d cores, Linux %s, %s; load at the start %s.\n\n", processor(), runtime.NumCPU(),
		kernel(), runtime.Version(), b.load)
	if busy, _ := strconv.ParseFloat(b.load, 64); busy > 1 {
		text.WriteString("> **The machine was busy at the start.** Unless that was the build of the programs, times, " +
			"rates and ratios may be wrong; allocations are not.\n\n")
	}
	text.WriteString("## Targets\n\n" + targetTable(b.outcomes))
	fmt.Fprintf(&text, "![CPU of a request by contender, and what each adds to latency](%s)\n\n", chartName)
	text.WriteString("## How to read it\n\n" + readingNote + "## Scenarios\n\n")
	for _, t := range b.outcomes {
		text.WriteString(t.markdown())
	}
	text.WriteString(floorTable(b.floor))
	return strings.TrimRight(text.String(), "\n") + "\n"
}
