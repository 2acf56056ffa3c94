package main

import (
	"strings"
	"testing"
)

const floorOutput = `goos: linux
BenchmarkFloorParse-2	1000000	9999 ns/op	1234 cpu-ns/op	512 B/op	7 allocs/op
BenchmarkFloorParse-2	1000000	9999 ns/op	1100.5 cpu-ns/op	512 B/op	7 allocs/op
BenchmarkFloorEmptyHandler	1000000	9.5 ns/op	0.25 cpu-ns/op	0 B/op	0 allocs/op
PASS
`

func TestParseFloor(t *testing.T) {
	got := parseFloor(floorOutput)
	if n := len(got[floorParse]); n != 2 {
		t.Fatalf("%d repetitions, want 2: %v", n, got)
	}
	if got.least(floorParse) != (cost{1.1005, 7, 512}) || got.least(floorEmpty) != (cost{0.00025, 0, 0}) {
		t.Errorf("got %v", got)
	}
	if table := floorTable(got); !strings.Contains(table, "| 1 parse | 1.10 | 7 | 512 |") {
		t.Errorf("the table is %s", table)
	}
}
