package gateway

import (
	"context"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
)

// callContext is the context under which a call is forwarded: that of its request, and with it the
// call, its injection and what takes its interim answers. One for each of them would be three
// allocations, and three steps for every other value that is looked up.
type callContext call

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// Value implements context.Context.
func (c *callContext) Value(key any) any {
	switch key.(type) {
	case callKey:
		return (*call)(c)
	case inject.InjectionKey:
		return c.injection
	case httpx.InterimKey:
		return (*call)(c)
	}
	return c.asked.Context().Value(key)
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.asked.Context().Deadline() }

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} { return c.asked.Context().Done() }

// Err implements context.Context.
func (c *callContext) Err() error { return c.asked.Context().Err() }

var _ context.Context = (*callContext)(nil)
