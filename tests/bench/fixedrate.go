package main

import (
	"fmt"
)

const callsASecond = 1000

const openLoopNote = "Latency counts from the time at which a request should have been sent, so that a stall delays " +
	"all " +
	"that should have been sent in it. Requests are sent evenly spaced. The row of the upstream itself is what the " +
	"generator and the upstream take without a proxy between them, the generator's own error included; *added* is " +
	"what a round has more than that row in the same round."

// atFixedRate measures what contenders add to the latency of the upstream.
func atFixedRate(b *bench, s scenario, t *table) error {
	contenders, err := b.openAll(s, t)
	defer b.endAll(contenders)
	if err != nil {
		return err
	}
	if err := b.takeTurns(s, t, contenders, func(c *contender) (turn, error) { return pacedTurn(c, s) }); err != nil {
		return err
	}
	t.add()
	return nil
}

func pacedTurn(c *contender, s scenario) (took turn, err error) {
	lines := make([]line, s.callers)
	for i := range lines {
		conn, err := c.dial()
		if err != nil {
			return nil, err
		}
		lines[i] = conn
		if err := oneCall(conn); err != nil { // opens its connection to the upstream
			return nil, err
		}
	}
	before := c.usage()
	var a arrivals
	steadily(func(wait wait) {
		a, err = openLoop{rate: callsASecond, duration: s.turn, wait: wait}.run(lines)
	})
	if err != nil {
		return nil, err
	}
	took = turn{late: quantile(a.late, 0.99, millis)}
	took.latencies(a.took)
	c.spent(took, before, len(a.took))
	return took, nil
}

func oneCall(c *connection) error {
	if err := c.send(); err != nil {
		return err
	}
	if err := c.receive(); err != nil {
		return fmt.Errorf("the first call: %w", err)
	}
	return nil
}

// add says what each contender adds to the upstream's own latency, round by round.
func (t *table) add() {
	own := t.find(direct)
	if own == nil {
		return
	}
	for _, s := range t.series {
		if s == own {
			continue
		}
		for i, took := range s.turns {
			for from, to := range map[metric]metric{p50: addedP50, p99: addedP99, p999: addedP999} {
				took[to] = took[from] - own.turns[i][from]
			}
		}
	}
}
