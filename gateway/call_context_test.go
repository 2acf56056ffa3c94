package gateway

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
)

// TestCallContext: it holds the call, what takes its interim answers, its injection and all values
// of the request's context. It ends when that does, and so does what is derived from it.
func TestCallContext(t *testing.T) {
	type key struct{}
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	c := &call{asked: httptest.NewRequestWithContext(parent, "GET", "/", nil), injection: new(inject.Injection)}
	ctx := (*callContext)(c)
	before := runtime.NumGoroutine()
	derived, stop := context.WithCancel(ctx)
	defer stop()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines wait for it", after-before)
	}
	if callOf(derived) != c || derived.Value(httpx.InterimKey{}) != httpx.Interim(c) ||
		derived.Value(inject.InjectionKey{}) != c.injection || derived.Value(key{}) != "value" {
		t.Error("a value is missing")
	}
	if _, ok := ctx.Deadline(); ok || ctx.Err() != nil {
		t.Error("it ends early")
	}
	cancel()
	<-derived.Done()
	<-ctx.Done()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Error(ctx.Err())
	}
	if callOf(parent) != nil {
		t.Error("another request has a call")
	}
}
