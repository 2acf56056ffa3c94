package redislimit

import (
	"context"
	"sync/atomic"
	"time"
)

// circuit says whether Redis is used. Its value is the era, which each return of Redis begins, and
// a bit that is set while Redis is away. The zero value is closed, as engineers of relays say:
// calls go through.
type circuit struct{ value atomic.Uint64 }

func (c *circuit) state() (era uint64, up bool) {
	v := c.value.Load()
	return v >> 1, v&1 == 0
}

// trip says that Redis is away; false if that was known, or if the era is over.
func (c *circuit) trip(era uint64) bool { return c.value.CompareAndSwap(era<<1, era<<1|1) }

// reset says that Redis is back; false if it was not away.
func (c *circuit) reset() bool {
	era, up := c.state()
	return !up && c.value.CompareAndSwap(era<<1|1, (era+1)<<1)
}

// fail turns to OnFailure for all further calls at once: the next one must not wait, too. It logs
// the change and not each call.
func (l *Limiter) fail(era uint64, err error) {
	if !l.circuit.trip(era) {
		return
	}
	l.o.Observer.Degraded(true)
	l.setting.Load().log.Warn("Redis is away, budgets are not shared", "on_failure", l.setting.Load().onFailure, "nodes",
		l.Nodes(),
		"error", explain(err, l.o.Timeout))
}

const (
	// tick is how often a Redis that is away is tried again.
	tick = 250 * time.Millisecond
	// beatEvery is how often a node announces itself, and deadAfter when it counts no more.
	beatEvery = 2 * time.Second
	deadAfter = 7 * time.Second
	// sweepEvery is how often unused leases are looked for.
	sweepEvery = 2 * tick
)

// run probes, announces this node and gives back what is unused until ctx ends.
func (l *Limiter) run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var beat, swept time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		_, up := l.circuit.state()
		if !up || now.Sub(beat) >= beatEvery {
			beat = now
			l.beat(ctx)
		}
		if now.Sub(swept) >= sweepEvery {
			swept = now
			l.sweep(ctx, false)
		}
	}
}

// beat announces this node and counts them all; it is also what finds that Redis is back.
func (l *Limiter) beat(ctx context.Context) {
	era, up := l.circuit.state()
	err := l.inspectOnce(ctx)
	if err == nil {
		err = l.announce(ctx, true)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && up:
		l.fail(era, err)
	case err != nil:
		if why := explain(err, l.o.Timeout); why != l.reason {
			l.reason = why
			l.setting.Load().log.Warn("Redis is still away, budgets are not shared", "error", why)
		}
	case l.circuit.reset():
		l.reason = ""
		l.o.Observer.Degraded(false)
		l.setting.Load().log.Info("Redis is back, budgets are shared again", "nodes", l.Nodes())
	}
}

// nodesKey holds the nodes by the time of their last word.
const nodesKey = "vendgate:nodes"

// announce tells Redis that this node is there, or leaves. The first count after an outage is
// never below the last one before it: to a Redis that has come back empty, others may not have
// announced themselves yet.
func (l *Limiter) announce(ctx context.Context, there bool) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	n, err := nodesScript.Run(ctx, l.client, []string{nodesKey}, l.id, flag(there), int(deadAfter.Seconds())).Int64()
	if err == nil && there {
		if _, up := l.circuit.state(); !up {
			n = max(n, l.nodes.Load())
		}
		l.nodes.Store(n)
		l.o.Observer.Nodes(int(n))
	}
	return err
}
