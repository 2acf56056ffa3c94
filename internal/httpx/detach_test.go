package httpx

import (
	"context"
	"net/http/httptrace"
	"runtime"
	"testing"
	"time"
)

type hidden struct{}

func TestDetach(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	parent, cancel := context.WithDeadline(context.WithValue(t.Context(), hidden{}, "value"), deadline)
	defer cancel()
	ctx := Detach(httptrace.WithClientTrace(parent, &httptrace.ClientTrace{}))
	if ctx.Value(hidden{}) != nil || httptrace.ContextClientTrace(ctx) != nil {
		t.Error("a value shows through")
	}
	if got, ok := ctx.Deadline(); !ok || !got.Equal(deadline) {
		t.Errorf("deadline %v, %v; want %v", got, ok, deadline)
	}
	before := runtime.NumGoroutine() // some of earlier tests may be ending
	for range 100 {
		_, stop := context.WithCancel(ctx)
		defer stop()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines wait for the parent", after-before)
	}
	derived, stop := context.WithCancel(ctx)
	defer stop()
	if ctx.Err() != nil || derived.Err() != nil {
		t.Errorf("ended early: %v, %v", ctx.Err(), derived.Err())
	}
	cancel()
	<-ctx.Done()
	<-derived.Done()
	if ctx.Err() != context.Canceled || derived.Err() != context.Canceled {
		t.Errorf("ended with %v, %v", ctx.Err(), derived.Err())
	}
}
