package redislimit

import (
	"time"

	"github.com/vendgate/vendgate/policy"
)

// outage is a bucket while Redis is away: this node's share of it. The zero value has not begun.
type outage struct {
	left float64
	at   time.Time
	// debit is what was spent meanwhile. Redis is told of it afterwards, or never, after full: then it
	// has come back, here and there.
	debit int
	full  time.Time
}

// takeLocal takes a unit of this node's share. The share begins at the last known level of the
// bucket, without what came back since: other nodes may have spent that. Of a bucket that this node
// does not know it begins with one unit. The lock is held.
func (e *entry) takeLocal(d *policy.Draw, nodes int, now time.Time) (wait time.Duration, ok bool) {
	e.touch(d, true, now)
	if e.units > 0 {
		e.units--
		e.hold()
		return 0, true
	}
	o := &e.outage
	part := float64(e.budget) / float64(nodes)
	most := max(1, part)
	if o.at.IsZero() {
		o.at, o.left = now, min(1, part)
		if !e.at.IsZero() {
			since := float64(e.leasedSince(nodes))
			o.left = max(0, float64(e.budget)-float64(e.spent)/unit-since) / float64(nodes)
		}
	}
	if passed := now.Sub(o.at); passed > 0 {
		o.at, o.left = now, min(most, o.left+part*passed.Minutes())
	}
	if o.left < 1-1e-6 {
		return time.Duration((1-o.left)/part*float64(time.Minute)) + time.Millisecond, false
	}
	o.left--
	o.debit++
	o.full = now.Add(time.Duration((most - o.left) / part * float64(time.Minute)))
	e.hold()
	return 0, true
}

// refund gives back units that were taken. Those of the outage are first, whichever they are: it is
// the same in the end, and a bucket without any need not be kept for Redis to be told.
func (e *entry) refund(units int) {
	o := &e.outage
	n := min(units, o.debit)
	o.debit -= n
	o.left += float64(n)
	e.units += units - n
}
