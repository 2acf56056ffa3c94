package broadcast

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Broadcast
		b.Signal()
		ctx, cancel := context.WithCancel(t.Context())
		first, second := b.Subscribe(ctx), b.Subscribe(t.Context())
		for range 3 {
			b.Signal()
		}
		for name, c := range map[string]<-chan struct{}{"first": first, "second": second} {
			if len(c) != 1 {
				t.Errorf("%s: %d signals, want one for three", name, len(c))
			}
			<-c
		}
		cancel()
		synctest.Wait()
		b.Signal()
		if len(first) != 0 || len(second) != 1 || len(b.to) != 1 {
			t.Errorf("after the end of one: %d and %d signals to %d", len(first), len(second), len(b.to))
		}
	})
}
