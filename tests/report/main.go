// Command report reads the output of `go test -json` and prints what a person wants to know of it;
// with -count, one line that counts what ran. It exits 1 if anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	count := flag.Bool("count", false, "only count")
	flag.Parse()
	passed, failed, skipped := 0, 0, 0
	output := make(map[string]*strings.Builder)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text()) // a build error, perhaps
			continue
		}
		key := e.Package + " " + e.Test
		switch {
		case e.Action == "output" || e.Action == "build-output":
			if output[key] == nil {
				output[key] = new(strings.Builder)
			}
			output[key].WriteString(e.Output)
			if e.Action == "build-output" && !*count {
				fmt.Print(e.Output)
			}
		case e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
			if e.Action == "fail" {
				failed++
			}
			if !*count {
				printPackage(e, output[key])
			}
		case e.Action == "pass":
			passed++
		case e.Action == "skip":
			skipped++
		case e.Action == "fail":
			failed++
			if !*count {
				fmt.Printf("--- %s %s\n%s", e.Package, e.Test, output[key])
			}
		}
	}
	if *count {
		fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	}
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}

func printPackage(e event, output *strings.Builder) {
	if e.Action == "skip" {
		return // no test files
	}
	fmt.Printf("%-5s %s %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
	if e.Action == "fail" && output != nil {
		fmt.Print(output)
	}
}
