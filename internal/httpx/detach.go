package httpx

import (
	"context"
	"time"
)

// Detach returns a context that ends when ctx does and holds none of its values. What is called
// with it can neither be watched through them (an httptrace of the caller's request, as
// httputil.ReverseProxy leaves one there to forward interim answers) nor depend on them.
func Detach(ctx context.Context) context.Context { return detached{ctx} }

type detached struct{ parent context.Context }

// Deadline implements context.Context.
func (d detached) Deadline() (time.Time, bool) { return d.parent.Deadline() }

// Done implements context.Context.
func (d detached) Done() <-chan struct{} { return d.parent.Done() }

// Err implements context.Context.
func (d detached) Err() error { return d.parent.Err() }

// Value implements context.Context.
func (detached) Value(any) any { return nil }

// AfterFunc saves package context a goroutine for each context that is derived: without it, a
// parent of a foreign type is waited for in one.
func (d detached) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(d.parent, f) }
