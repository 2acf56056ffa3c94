package httpx

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestDetachUntil(t *testing.T) {
	soon, later := func() time.Time { return time.Now().Add(time.Millisecond) }, time.Now().Add(time.Hour)
	past := time.Now().Add(-time.Second)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, stop := context.WithDeadline(t.Context(), past)
	defer stop()
	for _, c := range []struct {
		name     string
		parent   context.Context
		deadline time.Time
		end      bool
		want     error
	}{
		{"the deadline", t.Context(), soon(), false, context.DeadlineExceeded},
		{"a deadline in the past", t.Context(), past, false, context.DeadlineExceeded},
		{"the parent was cancelled", cancelled, later, false, context.Canceled},
		{"the parent's deadline", expired, later, false, context.DeadlineExceeded},
		{"it was ended", t.Context(), later, true, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			waited, asked := DetachUntil(c.parent, c.deadline), DetachUntil(c.parent, c.deadline)
			if c.end {
				waited.End()
				asked.End()
			}
			<-waited.Done()
			if err := waited.Err(); !errors.Is(err, c.want) {
				t.Errorf("after Done: %v, want %v", err, c.want)
			}
			for asked.Err() == nil { // without Done there is no timer
				runtime.Gosched()
			}
			err := asked.Err()
			asked.End()
			<-asked.Done()
			if !errors.Is(err, c.want) || asked.Err() != err { //nolint:errorlint // it stays the same
				t.Errorf("before Done: %v, then %v, want %v", err, asked.Err(), c.want)
			}
		})
	}
}

// TestDetachUntilParent: the parent's end is passed on, also to derived contexts, and no goroutine
// waits for it.
func TestDetachUntilParent(t *testing.T) {
	type key struct{}
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	b := DetachUntil(parent, time.Now().Add(time.Hour))
	defer b.End()
	if b.Err() != nil || b.Value(key{}) != nil {
		t.Errorf("%v, %v", b.Err(), b.Value(key{}))
	}
	before := runtime.NumGoroutine()
	derived, stop := context.WithCancel(context.WithValue(b, key{}, "own"))
	defer stop()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines wait", after-before)
	}
	if derived.Value(key{}) != "own" || b.Value(key{}) != nil {
		t.Error("a value shows through")
	}
	cancel()
	<-derived.Done()
	if !errors.Is(b.Err(), context.Canceled) || !errors.Is(derived.Err(), context.Canceled) {
		t.Errorf("%v, %v", b.Err(), derived.Err())
	}
}

// TestDetachUntilEnd ends what is derived from it.
func TestDetachUntilEnd(t *testing.T) {
	b := DetachUntil(t.Context(), time.Now().Add(time.Hour))
	derived, stop := context.WithTimeout(b, time.Minute)
	defer stop()
	b.End()
	<-derived.Done()
	if err := derived.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestDetachUntilCost: what is not waited for has neither a timer nor a channel.
func TestDetachUntilCost(t *testing.T) {
	ctx, deadline := t.Context(), time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(100, func() {
		b := DetachUntil(ctx, deadline)
		escaped = b
		if b.Err() != nil || b.timed != nil {
			t.Error("it has ended, or was started")
		}
		b.End()
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

// escaped keeps a context from the stack, where no source's is.
var escaped context.Context
