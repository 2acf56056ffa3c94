package redislimit

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vendgate/vendgate/policy"
)

// OnFailure is what becomes of calls while Redis is away.
type OnFailure string

// The ways on failure.
const (
	// Local gives each node its part of every budget: budget ÷ nodes last seen, from the last known
	// level on.
	Local OnFailure = "local"
	// Closed refuses every call that draws on a budget.
	Closed OnFailure = "closed"
	// Open bounds nothing.
	Open OnFailure = "open"
)

// DefaultTimeout bounds a call of Redis, for which requests wait.
const DefaultTimeout = 100 * time.Millisecond

// Observer is told what the limiter does. Its methods are called in parallel and must not wait.
type Observer interface {
	// Call is told how long a call of Redis took.
	Call(took time.Duration)
	// Lease is told how many units a call brought.
	Lease(units int)
	// Degraded is told when Redis is away and when it is back.
	Degraded(degraded bool)
	// Nodes is told how many nodes share the budgets.
	Nodes(n int)
}

// Options are what a limiter is made of.
type Options struct {
	// URL says where Redis is; it may hold a password. See [ErrURL] for its forms.
	URL string
	// Usages are those of this process; nil means new ones.
	Usages *policy.Usages
	// Timeout bounds a call of Redis. Default: [DefaultTimeout].
	Timeout time.Duration
	// Observer may be nil.
	Observer Observer
}

// Limiter is a [policy.Limiter] whose budgets are shared through a Redis.
type Limiter struct {
	*policy.Usages
	o       Options
	client  redis.UniversalClient
	id      string // this node's, in Redis
	entries *entries
	circuit circuit
	nodes   atomic.Int64
	setting atomic.Pointer[setting]
	clock   func() time.Time // of a test; nil means Redis's and this machine's

	// reason is why Redis is away, and inspected says that it was looked at; both are those of Start
	// and run.
	reason    string
	inspected bool

	starting sync.Mutex
	stop     context.CancelFunc // nil before Start
	running  sync.WaitGroup
}

// New returns a limiter, which connects at its first use. Its error is [ErrURL].
func New(o Options) (*Limiter, error) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Usages == nil {
		o.Usages = policy.NewUsages()
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	client, err := newClient(o.URL, o.Timeout)
	if err != nil {
		return nil, err
	}
	o.URL = ""
	l := &Limiter{Usages: o.Usages, o: o, client: client, id: rand.Text(), entries: newEntries()}
	l.Use(Local, slog.New(slog.DiscardHandler))
	return l, nil
}

type unobserved struct{}

func (unobserved) Call(time.Duration) {}
func (unobserved) Lease(int)          {}
func (unobserved) Degraded(bool)      {}
func (unobserved) Nodes(int)          {}

// Reserve implements [policy.Limiter]. Draws of one tenant that follow each other are one call of
// Redis at most.
func (l *Limiter) Reserve(ctx context.Context, draws policy.Draws, now time.Time) (reserved policy.Reservations,
	spent policy.Spent, err error) {
	known := false
	for first := 0; first < len(draws) && err == nil && !spent.Refused(); {
		next := first + 1
		for next < len(draws) && draws[next].Key.Tenant == draws[first].Key.Tenant && !draws[next].IfUnknown {
			next++
		}
		if !draws[first].IfUnknown || !known {
			spent, err = l.reserve(ctx, draws[first:next], reserved[first:next], now)
			known = reserved[next-1].Known
		}
		first = next
	}
	if err != nil || spent.Refused() {
		reserved.Return()
	}
	return reserved, spent, err
}

// reserve takes a unit of each budget of one tenant. It returns when all are taken or one has
// nothing left; what was taken until then is in reserved.
func (l *Limiter) reserve(ctx context.Context, draws []policy.Draw, reserved []policy.Reservation, now time.Time) (
	policy.Spent, error) {
	t := turn{limiter: l, first: true, now: now}
	defer t.leave()
	for {
		era, up := l.circuit.state()
		if !up {
			return l.reserveLocal(draws, reserved, t.now), nil
		}
		t.era = era
		if spent := t.take(draws, reserved); spent.Refused() || len(t.pending) == 0 {
			return spent, nil
		}
		if err := t.wait(ctx); err != nil {
			return policy.Spent{}, err
		}
		t.now, t.first = l.now(), false
	}
}

// reserveLocal is reserve while Redis is away.
func (l *Limiter) reserveLocal(draws []policy.Draw, reserved []policy.Reservation, now time.Time) policy.Spent {
	how := l.setting.Load().onFailure
	if how == Open {
		return policy.Spent{}
	}
	era, _ := l.circuit.state()
	for i := range draws {
		d := &draws[i]
		switch {
		case d.Budget <= 0 || d.Key.Kind == "" || reserved[i].Holder != nil:
			continue
		case how == Closed:
			return policy.Spent{Budget: policy.BudgetLimiter, Wait: time.Second}
		}
		e := l.entries.lock(d, era, now)
		if e == nil {
			return policy.Spent{Budget: d.Key.Kind, Wait: time.Second}
		}
		wait, ok := e.takeLocal(d, l.Nodes(), now)
		if ok {
			reserved[i] = e.reservation(d)
		}
		e.mu.Unlock()
		if !ok {
			return policy.Spent{Budget: d.Key.Kind, Wait: wait}
		}
	}
	return policy.Spent{}
}

// unknownNodes is for how many nodes a budget is divided by one that has never reached Redis.
const unknownNodes = 4

// Nodes returns how many nodes share the budgets, as far as this one has seen.
func (l *Limiter) Nodes() int {
	if n := l.nodes.Load(); n > 0 {
		return int(n)
	}
	return unknownNodes
}

// setting is what a reload changes of a limiter.
type setting struct {
	onFailure OnFailure
	log       *slog.Logger
}

// Use changes what becomes of calls while Redis is away, and where changes are logged. Before the
// first Use it is [Local], and nothing is logged.
func (l *Limiter) Use(how OnFailure, log *slog.Logger) { l.setting.Store(&setting{how, log}) }

// Degraded says why budgets are not shared at the moment; empty if they are.
func (l *Limiter) Degraded() string {
	if _, up := l.circuit.state(); up {
		return ""
	}
	switch l.setting.Load().onFailure {
	case Open:
		return "Redis is away: no budget bounds calls"
	case Closed:
		return "Redis is away: calls that draw on a budget are refused"
	}
	return "Redis is away: this node counts its part of each budget for itself"
}

var _ policy.Limiter = (*Limiter)(nil)
