package redislimit

import (
	"math"
	"sync"
	"time"

	"github.com/vendgate/vendgate/policy"
)

const (
	// leaseFor bounds a lease, and with it what a node that dies takes with it.
	leaseFor = 2 * time.Second
	// leaseRate is how much of a node's recent rate a lease covers.
	leaseRate = time.Second
	// pause is how long a node whose demand exceeds the budget lets units gather before it asks again,
	// for several at once.
	pause = 400 * time.Millisecond
	// idleAfter is how long a lease lies unused before it goes back.
	idleAfter = time.Second
	// minSpan bounds the rate that a burst after a call is taken for.
	minSpan = 10 * time.Millisecond
)

// entry is what this node knows of one bucket, and has leased of it. Its lock is the shard's.
type entry struct {
	mu   *sync.Mutex
	key  policy.BucketKey
	name string // of the key in Redis

	budget policy.Budget
	// units are leased and unspent, of a lease that was given at granted, in Redis's microseconds.
	units   int
	until   time.Time
	granted int64
	// back are units to give back, of leases that were given at since or later.
	back  int
	since int64
	// refused is until when there is nothing, and short says that the last call left nothing.
	refused time.Time
	short   bool
	// flight is open while a call for this bucket is under way; waiting are the requests that need it.
	flight  chan struct{}
	waiting int
	// demand is how many units were asked for since asked, and last the size of the last lease, or 0
	// if all was given back since.
	demand int
	asked  time.Time
	last   int
	// spent is what was spent of the bucket at a time, in parts, as far as this node knows.
	spent int64
	at    time.Time
	// era is that of the circuit in which Redis last answered.
	era uint64
	// known says that a source has accepted the key, or that it was not guessed; else tried is how
	// many units were spent without that.
	known   bool
	tried   int
	holders int
	used    time.Time

	outage outage
}

// result is how a request fares with a bucket.
type result int

const (
	taken result = iota
	denied
	asking  // the request must make the call, for which it has the flight
	waiting // another one makes it
)

// take takes a unit if one is leased. The lock is held.
func (e *entry) take(d *policy.Draw, era uint64, first bool, now time.Time) (result, time.Duration) {
	e.touch(d, first, now)
	if e.era != era { // what the shared bucket said before an outage no longer holds
		e.refused = time.Time{}
	}
	switch {
	case e.units > 0:
		e.units--
		e.hold()
		return taken, 0
	case now.Before(e.refused):
		return denied, e.refused.Sub(now)
	}
	e.waiting++
	if e.flight != nil {
		return waiting, 0
	}
	e.flight = make(chan struct{})
	return asking, 0
}

// reservation is for a unit that was taken.
func (e *entry) reservation(d *policy.Draw) policy.Reservation {
	return policy.Reservation{Holder: e, Known: e.known, Sure: d.Sure}
}

// touch notes that a request draws on the bucket.
func (e *entry) touch(d *policy.Draw, first bool, now time.Time) {
	e.used = now
	if first {
		e.demand++
	}
	if d.Budget != e.budget { // by a reload: a larger one leaves more at once
		e.budget, e.refused, e.short, e.last = d.Budget, time.Time{}, false, 0
		e.unlease()
	}
	if now.After(e.until) {
		e.unlease()
	}
}

func (e *entry) hold() {
	e.holders++
	if !e.known {
		e.tried++
	}
}

// unlease lets unused units go back with the next call.
func (e *entry) unlease() {
	if e.units == 0 {
		return
	}
	if e.back == 0 || e.granted < e.since {
		e.since = e.granted
	}
	e.back, e.units = e.back+e.units, 0
}

// request is what to ask for, by the one that holds the flight.
func (e *entry) request(era uint64, nodes int, now time.Time) request {
	e.mu.Lock()
	defer e.mu.Unlock()
	rate := float64(e.demand) / max(now.Sub(e.asked), minSpan).Seconds()
	r := e.giveBack(era, nodes, now)
	r.least = max(1, e.waiting)
	if e.short {
		// Others wait for the same units, but here they are spent as soon as they are there.
		most := math.Ceil(float64(e.budget) * pause.Minutes())
		r.least = max(r.least, int(min(most, math.Ceil(rate*pause.Seconds()))))
	}
	if e.known {
		r.want = int(min(math.Ceil(rate*leaseRate.Seconds()), float64(2*max(1, e.last))))
	}
	e.demand, e.asked = 0, now
	return r
}

// giveBack is what to tell Redis of the bucket, besides what is asked for.
func (e *entry) giveBack(era uint64, nodes int, now time.Time) request {
	r := request{name: e.name, budget: e.budget, back: e.back, since: e.since, known: e.known}
	e.back = 0
	since := 0
	if e.era != era {
		r.debit, since = e.outage.debit, e.leasedSince(nodes)
	}
	// Redis may have been emptied although no call has failed: it was restarted, or flushed.
	r.seed = e.spentAt(now, since) + int64(r.debit)*unit
	return r
}

// leasedSince is about how many units the other nodes have leased since this node's last call: as
// much as this node has.
func (e *entry) leasedSince(nodes int) int { return (nodes - 1) * e.last }

// spentAt is what is still spent as far as this node knows, with since units more, in parts.
func (e *entry) spentAt(now time.Time, since int) int64 {
	if e.at.IsZero() {
		return 0
	}
	return max(0, e.spent+int64(since)*unit-int64(e.budget)*now.Sub(e.at).Microseconds())
}

// answer takes what the call has brought; it ends the flight.
func (e *entry) answer(a answer, r request, era uint64, redisNow int64, sent, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.learn(a, era, now)
	e.units += a.granted
	if a.granted > 0 {
		e.granted, e.until = redisNow, sent.Add(leaseFor)
	}
	e.last = a.granted
	switch {
	case a.wait <= 0:
		e.refused = time.Time{}
	case e.short && r.least > 1:
		e.refused = now.Add(max(a.wait, pause))
	default:
		e.refused = now.Add(a.wait)
	}
	e.short = a.wait > 0
	close(e.flight)
	e.flight = nil
}

// learn notes how full the bucket is.
func (e *entry) learn(a answer, era uint64, now time.Time) {
	e.spent, e.at = a.spent, now
	e.known = e.known || a.known
	if e.era != era {
		e.era, e.outage = era, outage{}
	}
}

// land ends the flight without an answer.
func (e *entry) land() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.flight)
	e.flight = nil
}

// leave is for a request that waits no longer.
func (e *entry) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting--
}

// Commit implements policy.Holder. What was spent of a key that no source accepts goes back, and
// the sweep drops the bucket.
func (e *entry) Commit(accepted bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.holders--
	e.known = e.known || accepted
	e.settle()
}

// Return implements policy.Holder.
func (e *entry) Return() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.holders--
	e.refund(1) // to the same lease; if that has ended, the units go back
	if !e.known {
		e.tried--
	}
	e.settle()
}

func (e *entry) settle() {
	switch {
	case e.known:
		e.tried = 0
	case e.holders == 0:
		e.refund(e.tried)
		e.tried = 0
		e.refused, e.short = time.Time{}, false
		e.unlease()
	}
}
