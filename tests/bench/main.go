// Command bench measures the gateway and what people use in its place, in one run: the same
// upstreams, the same load, the contenders taking turns. `make bench` runs it and writes
// RESULTS.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

var (
	actor    player
	binary   = flag.String("binary", "bin/vendgate", "the vendgate binary")
	caddy    = flag.String("caddy", "bin/bench-caddy", "a Caddy of standard modules alone, of ./tests/bench/caddy")
	floors   = flag.String("floor", "bin/bench-floor", "the benchmarks of the floor, of go test -c ./tests/bench")
	out      = flag.String("out", "", "directory to write RESULTS.md and its chart to; standard output if empty")
	profiles = flag.String("profile", "", "measure nothing, and write a CPU profile of loaded gateways to this file")
	quick    = flag.Bool("quick", false, "fewer scenarios and rounds, for a first look")
	only     = flag.String("only", "", "measure what matches this regular expression: scenario/contender, or floor/")
	list     = flag.Bool("list", false, "list the scenarios with their contenders")
	postgres = flag.Int("postgres", 0, "process id of a PostgreSQL server on this machine: measure the local source "+
		"on the database of DATABASE_URL too, which VENDGATE_KEK seals")
)

func init() {
	flag.StringVar(&actor.role, "role", "", "internal: what this process plays")
	flag.StringVar(&actor.addr, "addr", "", "internal: where it listens")
	flag.StringVar(&actor.admin, "admin", "", "internal: where it shows its memory statistics")
	flag.StringVar(&actor.target, "target", "", "internal: where it forwards to")
	flag.StringVar(&actor.dir, "dir", "", "internal: where the certificate is")
}

func main() {
	flag.Parse()
	log.SetFlags(0)
	if actor.role != "" {
		log.Fatal(actor.play())
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// bench is one run.
type bench struct {
	*stage
	quick    bool
	only     *regexp.Regexp
	begun    time.Time
	load     string
	grown    []grown
	outcomes outcomes
	floor    costs
}

func run() (err error) {
	b := &bench{quick: *quick, begun: time.Now(), load: load()}
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	chosen := b.chosen()
	if *list {
		for _, s := range chosen {
			fmt.Printf("%-20s %s: %q\n", s.id, s.title, s.contenders)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "vendgate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	if b.stage, err = newStage(dir, *binary, *caddy); b.stage != nil {
		defer b.close()
	}
	if err == nil && *postgres != 0 {
		err = b.usePostgres()
	}
	if err != nil {
		return err
	}
	if *profiles != "" {
		return b.profile(*profiles)
	}
	return b.measureAll(chosen)
}

// chosen are the scenarios of this run, with the contenders that there are.
func (b *bench) chosen() (chosen []scenario) {
	for _, s := range scenarios() {
		if b.quick && s.long {
			continue
		}
		if b.quick {
			s.rounds, s.turn = min(s.rounds, 2), time.Second
		}
		if s.choose(b.only, installed) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func installed(contender string) bool {
	switch contender {
	case nginx:
		_, err := exec.LookPath("nginx")
		return err == nil
	case onPostgres:
		return *postgres != 0
	}
	return true
}

func (b *bench) measureAll(chosen []scenario) (err error) {
	if b.only.MatchString("floor/") {
		if b.floor, err = measureFloor(*floors, b.quick); err != nil {
			return err
		}
	}
	for _, s := range chosen {
		t := &table{id: s.id, title: s.title, note: s.note, columns: s.columns}
		b.outcomes = append(b.outcomes, t)
		if failed := s.measure(b, s, t); failed != nil {
			failed = fmt.Errorf("%s: %w", s.id, failed)
			log.Print(failed)
			t.note, t.series = "This scenario failed.", nil
			err = errors.Join(err, failed)
		}
	}
	return errors.Join(err, b.write(*out))
}

// write writes the report and its chart to a directory, or the report to standard output.
func (b *bench) write(dir string) error {
	if dir == "" {
		_, err := os.Stdout.WriteString(b.report())
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, chartName), []byte(chart(panels(b.outcomes))), 0o644),
		os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(b.report()), 0o644))
}
