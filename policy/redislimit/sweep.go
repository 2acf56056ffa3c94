package redislimit

import "context"

// perCall bounds how many buckets one call gives units back to.
const perCall = 100

// sweep gives back what is unused, tells Redis what was spent while it was away, and drops entries
// that nothing would be lost with. all means leases in use as well.
func (l *Limiter) sweep(ctx context.Context, all bool) {
	era, up := l.circuit.state()
	if !up {
		return
	}
	now, byTenant := l.now(), make(map[string][]*entry)
	l.entries.each(func(e *entry) (drop bool) {
		if all || now.After(e.until) || now.Sub(e.used) > idleAfter {
			e.unlease()
		}
		if all {
			e.last = 0
		}
		if e.back > 0 || e.era != era && e.outage.debit > 0 {
			byTenant[e.key.Tenant] = append(byTenant[e.key.Tenant], e)
		}
		return e.droppable(now, keepFor)
	})
	for _, entries := range byTenant {
		for len(entries) > 0 && ctx.Err() == nil {
			n := min(perCall, len(entries))
			l.giveBack(ctx, entries[:n], era)
			entries = entries[n:]
		}
	}
}

func (l *Limiter) giveBack(ctx context.Context, entries []*entry, era uint64) {
	requests, now := make([]request, len(entries)), l.now()
	for i, e := range entries {
		e.mu.Lock()
		requests[i] = e.giveBack(era, l.Nodes(), now)
		e.mu.Unlock()
	}
	answers, _, err := l.call(ctx, requests)
	if err != nil {
		l.fail(era, err)
		return
	}
	for i, e := range entries {
		e.mu.Lock()
		e.learn(answers[i], era, now)
		e.mu.Unlock()
	}
}
