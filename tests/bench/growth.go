package main

import (
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"time"
)

// hot is how many connections the calls are spread over.
const hot = 1000

const growthStartNote = "From the start of the process until the first call of an end user was answered."

const growthNote = "All calls go to up to 1,000 connections of one tenant; the others are of 9,999 more tenants. " +
	"Each row is a gateway on a store (SQLite) of its own."

// grown is a store of many connections.
type grown struct {
	size int
	data string
	ids  []string
	key  string
}

func (g grown) name() string { return fmt.Sprintf("%s, %s connections", local, thousands(g.size)) }

// sizes are those of the growing stores.
func (b *bench) sizes() []int {
	if b.quick {
		return []int{10, 10_000}
	}
	return []int{10, 10_000, 1_000_000}
}

// grow fills the stores, unless that was done.
func (b *bench) grow() error {
	if len(b.grown) > 0 {
		return nil
	}
	for _, size := range b.sizes() {
		g, begun := grown{size: size, data: filepath.Join(b.dir, fmt.Sprint("grown", size))}, time.Now()
		key, err := b.createTenant(g.data)
		if err != nil {
			return err
		}
		g.key = key
		if g.ids, err = fill(g.data, size); err != nil {
			return fmt.Errorf("filling a store of %d connections: %w", size, err)
		}
		log.Printf("%-16s a store of %s connections is filled in %s", growth, thousands(size),
			time.Since(begun).Round(time.Second))
		b.grown = append(b.grown, g)
	}
	return nil
}

// grownContender is a gateway on such a store, not yet started.
func (b *bench) grownContender(g grown, u setup) (c *contender, launch func() error) {
	c = b.gateway(g.name(), g.ids, u.path)
	c.headers["Authorization"] = "Bearer " + g.key
	return c, func() error { return b.runCaddy(c, b.binary, b.grownConfig(c, g, u)) }
}

func (b *bench) grownConfig(c *contender, g grown, u setup) string {
	return globalOptions + "vendgate {\n" + dataDir(g.data) + b.app(u.upstream) +
		"\ttenant_defaults {\n\t\tbudget token unlimited\n\t}\n}\n}\nhttp://" + c.addr + " {\n\tvendgate_proxy\n}\n"
}

// growing measures calls against stores of different sizes.
func growing(b *bench, s scenario, t *table) error {
	if err := b.grow(); err != nil {
		return err
	}
	var contenders []*contender
	defer func() { b.endAll(contenders) }()
	for _, g := range b.grown {
		c, launch := b.grownContender(g, s.setup)
		if err := launch(); err != nil {
			return err
		}
		contenders = append(contenders, c)
		t.series = append(t.series, &series{name: c.name})
		if err := c.works(); err != nil {
			return err
		}
		if _, err := wrk(b.dir, c, s.callers, time.Second); err != nil {
			return err
		}
	}
	return b.takeTurns(s, t, contenders, func(c *contender) (turn, error) { return b.loaded(c, s.callers, s.turn) })
}

// starts measures how long a gateway takes from its start to its first answer.
func starts(b *bench, s scenario, t *table) error {
	if err := b.grow(); err != nil {
		return err
	}
	var contenders []*contender
	stores := map[*contender]grown{}
	for _, g := range b.grown {
		t.series = append(t.series, &series{name: g.name()})
		c := &contender{name: g.name()}
		contenders, stores[c] = append(contenders, c), g
	}
	return b.takeTurns(s, t, contenders, func(c *contender) (turn, error) { return b.startOnce(stores[c], s.setup) })
}

func (b *bench) startOnce(g grown, u setup) (turn, error) {
	c, _ := b.grownContender(g, u)
	cmd, err := b.caddyCommand(c, b.binary, b.grownConfig(c, g, u))
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.note(cmd)
	defer b.end(cmd)
	for err = errors.New("no call"); err != nil; err = c.answers() {
		if time.Since(begun) > time.Minute {
			return nil, fmt.Errorf("%s does not start: %w", c.name, err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	took := turn{start: millis(time.Since(begun))}
	c.pids = []int{cmd.Process.Pid}
	took[resident] = float64(c.rss()) / (1 << 20)
	return took, nil
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
