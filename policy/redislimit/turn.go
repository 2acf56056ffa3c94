package redislimit

import (
	"context"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// turn is one round of a request: it takes what is leased, and then waits for what is not.
type turn struct {
	limiter *Limiter
	era     uint64
	first   bool
	now     time.Time
	// pending are the entries among whose waiting the request counts.
	pending []*entry
	// ask are those that it makes the call for, and flight is that of another's call.
	ask    []*entry
	flight chan struct{}
}

// take takes a unit of each budget that has not given one yet, unless one has nothing left.
func (t *turn) take(draws []policy.Draw, reserved []policy.Reservation) (spent policy.Spent) {
	before := t.pending
	t.pending, t.ask, t.flight = nil, nil, nil
	for i := range draws {
		d := &draws[i]
		if d.Budget <= 0 || d.Key.Kind == "" || reserved[i].Holder != nil {
			continue
		}
		if spent = t.takeOne(d, &reserved[i]); spent.Refused() {
			break
		}
	}
	for _, e := range before { // not before they count again, so that the next call asks for all
		e.leave()
	}
	if spent.Refused() {
		for _, e := range t.ask {
			e.land()
		}
	}
	return spent
}

func (t *turn) takeOne(d *policy.Draw, reserved *policy.Reservation) policy.Spent {
	e := t.limiter.entries.lock(d, t.era, t.now)
	if e == nil {
		return policy.Spent{Budget: d.Key.Kind, Wait: time.Second}
	}
	defer e.mu.Unlock()
	result, wait := e.take(d, t.era, t.first, t.now)
	switch result {
	case taken:
		*reserved = e.reservation(d)
		return policy.Spent{}
	case denied:
		return policy.Spent{Budget: d.Key.Kind, Wait: wait}
	case asking:
		t.ask = append(t.ask, e)
	case waiting:
		t.flight = e.flight
	}
	t.pending = append(t.pending, e)
	return policy.Spent{}
}

// wait makes the call or waits for another's. A call that was begun is not given up with the
// request: others wait for it as well.
func (t *turn) wait(ctx context.Context) error {
	if len(t.ask) > 0 {
		t.limiter.lease(t.ask, t.era) //nolint:contextcheck // the call is not of this request alone
		return nil
	}
	select {
	case <-t.flight:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave is for a request that waits no longer.
func (t *turn) leave() {
	for _, e := range t.pending {
		e.leave()
	}
}

// lease makes one call for all of the entries, which are one tenant's, and ends their flights.
func (l *Limiter) lease(all []*entry, era uint64) {
	requests, sent := make([]request, len(all)), l.now()
	for i, e := range all {
		requests[i] = e.request(era, l.Nodes(), sent)
	}
	answers, redisNow, err := l.call(context.Background(), requests)
	if err != nil {
		l.fail(era, err)
		for _, e := range all {
			e.land()
		}
		return
	}
	now := l.now()
	for i, e := range all {
		e.answer(answers[i], requests[i], era, redisNow, sent, now)
		l.o.Observer.Lease(answers[i].granted)
	}
}
