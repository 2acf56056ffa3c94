package redislimit

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(services.WithShutdown(m)) }

// patient is a timeout that a busy machine does not exceed.
const patient = 20 * time.Second

// clock is a clock that a test drives.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMicro(1_800_000_000_000_000)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// calls counts what a client sends to Redis.
type calls struct {
	mu sync.Mutex
	n  int
}

func (c *calls) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *calls) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
		return next(ctx, cmd)
	}
}

func (c *calls) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// newLimiter returns a limiter over a Redis. clock may be nil.
func newLimiter(t *testing.T, url string, clock *clock, o Options) (*Limiter, *calls) {
	t.Helper()
	o.URL = url
	if o.Timeout == 0 {
		o.Timeout = patient
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if clock != nil {
		l.clock = clock.Now
	}
	counted := new(calls)
	l.client.AddHook(counted)
	t.Cleanup(func() { _ = l.Close() })
	return l, counted
}

// flush empties a Redis.
func flush(t *testing.T, l *Limiter) {
	t.Helper()
	if err := l.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func tenant(l policy.Limiter, id string, b policy.Budgets) *policy.Tenant {
	return &policy.Tenant{ID: id, Budgets: b, Usage: l.Usage(id, b)}
}

// spend makes a call and says whether it passed.
func spend(t *testing.T, l policy.Limiter, tenant *policy.Tenant, now time.Time) bool {
	t.Helper()
	reserved, spent, err := l.Reserve(context.Background(), tenant.VendDraws(nil, "gmail", "c1"), now)
	if err != nil {
		t.Fatal(err)
	}
	reserved.Commit(true)
	return !spent.Refused()
}
