// Command bench measures the gateway beside what people use in its place, in one run: the same
// upstream, the same load, the contenders taking turns. `make bench` runs it and writes RESULTS.md.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	role        = flag.String("role", "", "internal: what this process plays")
	addr        = flag.String("addr", "", "internal: where it listens")
	target      = flag.String("target", "", "internal: where it forwards to")
	binary      = flag.String("binary", "bin/vendgate", "the vendgate binary")
	out         = flag.String("out", "", "file to write the results to; standard output if empty")
	rounds      = flag.Int("rounds", 5, "how often each contender takes its turn")
	duration    = flag.Duration("duration", 6*time.Second, "how long a turn lasts")
	connections = flag.Int("connections", 32, "connections that call in parallel")
	only        = flag.String("only", "", "measure only contenders whose name contains this; for work on one of them")
	postgres    = flag.Int("postgres", 0, "process id of a PostgreSQL server on this machine: measure the local source "+
		"on the database of DATABASE_URL too, which VENDGATE_KEK seals")
	generator = flag.String("generator", "auto", "wrk, built-in, or auto: wrk where it is installed")
)

func main() {
	flag.Parse()
	log.SetFlags(0)
	if *role != "" {
		log.Fatal(play(*role, *addr, *target))
	}
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "vendgate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	s, err := newStage(dir, *binary)
	if err != nil {
		return err
	}
	defer s.close()
	contenders, err := s.contenders()
	if err != nil {
		return err
	}
	contenders = slices.DeleteFunc(contenders, func(c *contender) bool { return !strings.Contains(c.name, *only) })
	load, err := chooseGenerator(*generator)
	if err != nil {
		return err
	}
	for round := range *rounds {
		for _, c := range contenders {
			turn, err := c.measure(load, *duration, *connections)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			c.turns = append(c.turns, turn)
			log.Printf("round %d  %-46s %6.0f req/s  %6.1f µs CPU a request", round+1, c.name, turn.rate(), turn.cpuMicros())
			if c.server != 0 {
				log.Printf("round %d  %-46s %6.1f µs CPU of PostgreSQL a request", round+1, "", turn.serverMicros())
			}
		}
	}
	report := newReport(contenders, load.name(), *rounds, *duration, *connections)
	if *out == "" {
		_, err = os.Stdout.WriteString(report)
		return err
	}
	return os.WriteFile(*out, []byte(report), 0o644)
}

// self starts this program again in another role.
func self(role, addr, target string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return exec.Command(exe, "-role", role, "-addr", addr, "-target", target)
}

func write(dir, name, content string) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(content), 0o600)
}
