package policy

import (
	"context"
	"sync"
	"time"
)

// Limiter counts what the tenants spend against their budgets. One limiter outlives all reloads of
// the configuration. [Memory] counts for one process; package policy/redislimit for many.
type Limiter interface {
	// Usage returns the usage of a tenant in this process, made at first use. Usage that is there is
	// left alone: the configuration that asks may yet be refused. Requests do not come here: they use
	// that in their [Tenant].
	Usage(tenant string, b Budgets) *Usage
	// Reserve takes one unit of each budget, in the order of draws, which begin with the narrowest. If
	// one has nothing left it takes nothing of any, says so, and the call must not happen. Every
	// reservation must be committed. The error is that of a context that ended while it waited.
	Reserve(ctx context.Context, draws Draws, now time.Time) (Reservations, Spent, error)
	// Peek says what is left of a budget that has a bound.
	Peek(ctx context.Context, draw Draw, now time.Time) Level
	// Lowest returns up to most names of a tenant's keys of a kind that have spent of their budget,
	// those with the least left first, as far as this process knows them.
	Lowest(ctx context.Context, tenant, kind string, budget Budget, most int, now time.Time) []Remaining
}

// Level is how full a bucket is.
type Level struct {
	// Left is how many whole units are left.
	Left int
	// Full is how long until all of them are.
	Full time.Duration
}

// Usages is the usage of all tenants in this process, which outlives a change of the limiter.
type Usages struct {
	mu      sync.Mutex
	tenants map[string]*Usage
}

// NewUsages returns an empty set.
func NewUsages() *Usages { return &Usages{tenants: make(map[string]*Usage)} }

// Usage implements [Limiter].
func (s *Usages) Usage(tenant string, b Budgets) *Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.tenants[tenant]
	if !ok {
		u = &Usage{token: NewBucket(b.Token), api: NewBucket(b.API)}
		s.tenants[tenant] = u
	}
	return u
}

// Spent says which budget had nothing left, and for how long. The zero value says that none had.
type Spent struct {
	// Budget is `token`, `api`, `app`, `connection`, `caller_key` or `limiter`.
	Budget string
	Wait   time.Duration
}

// Refused reports whether a budget had nothing left.
func (s Spent) Refused() bool { return s.Budget != "" }

const (
	// BudgetCallerKey is what the budget of a caller key is called among the names of budgets.
	BudgetCallerKey = "caller_key"
	// BudgetLimiter is what is named where no budget can be counted, so that calls are refused.
	BudgetLimiter = "limiter"
)

// message says why a call was refused.
func (s Spent) message() string {
	switch s.Budget {
	case BudgetLimiter:
		return "budgets cannot be counted at the moment: retry after the time in Retry-After"
	case BudgetCallerKey:
		return "this caller key's own budget of this minute is spent"
	}
	return "the " + s.Budget + " budget of this minute is spent"
}
