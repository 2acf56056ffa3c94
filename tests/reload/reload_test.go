// Package reload replaces configurations under the calls of clients that repeat nothing, and counts
// what they lose by it.
package reload

import (
	"testing"
	"time"
)

const reloads = 200

// TestReloadsOnASocketHandedOver: with a socket that outlives reloads, 200 reloads under 50 callers
// lose no call and reset no connection.
func TestReloadsOnASocketHandedOver(t *testing.T) {
	s := newStage(t, ok)
	s.start(s.handOver())
	begun := time.Now()
	tally := s.under(func() {
		for range reloads {
			s.reload()
		}
	})
	t.Logf("%d reloads in %s: %s", reloads, time.Since(begun).Round(time.Millisecond), tally)
	if tally.lost.Load()+tally.reset.Load()+tally.refused.Load()+tally.wrong.Load() != 0 {
		t.Error("not every call got its answer")
	}
}

// TestReloadsOnOwnSockets: where each configuration opens its own socket, only new connections are
// reset, those that wait in the old socket when it is closed.
func TestReloadsOnOwnSockets(t *testing.T) {
	s := newStage(t, ok)
	s.start()
	begun := time.Now()
	tally := s.under(func() {
		for range reloads {
			s.reload()
		}
	})
	t.Logf("%d reloads in %s: %s", reloads, time.Since(begun).Round(time.Millisecond), tally)
	if tally.lost.Load()+tally.wrong.Load() != 0 {
		t.Error("calls on open connections got no answer")
	}
}
