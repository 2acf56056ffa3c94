package redislimit

import (
	"context"
	"time"
)

// Start looks at Redis and shares budgets through it from then on. A mistake in the configuration
// is an error; a Redis that cannot be reached is not, since a gateway must start during an outage.
func (l *Limiter) Start(ctx context.Context) error {
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.stop != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	era, _ := l.circuit.state()
	err := l.inspectOnce(ctx)
	if err == nil {
		err = l.announce(ctx, true)
	}
	if refused := mistake(err); refused != nil {
		return refused
	}
	if err != nil {
		l.reason = explain(err, l.o.Timeout)
		l.fail(era, err)
	}
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.running.Go(func() { l.run(ctx) })
	return nil
}

// startTimeout bounds how long a start waits for Redis.
const startTimeout = 2 * time.Second

// Close gives back what is unused, takes the node out and ends all that Start began.
func (l *Limiter) Close() error {
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.stop != nil {
		l.stop()
		l.running.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		l.Release(ctx)
		if _, up := l.circuit.state(); up {
			_ = l.announce(ctx, false) // the others notice without it after deadAfter
		}
	}
	return l.client.Close()
}

// Release gives back all units that no request has taken yet: a reload has other budgets.
func (l *Limiter) Release(ctx context.Context) { l.sweep(ctx, true) }
