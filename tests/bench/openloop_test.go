package main

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a line whose answers take what takes says, by the number of the call.
type scripted struct {
	takes func(call int) time.Duration
	sent  chan struct{}
	calls int
}

func newScripted(takes func(call int) time.Duration) *scripted {
	return &scripted{takes: takes, sent: make(chan struct{}, 1)}
}

func (s *scripted) send() error {
	s.sent <- struct{}{}
	return nil
}

func (s *scripted) receive() error {
	if _, ok := <-s.sent; !ok {
		return net.ErrClosed
	}
	took := s.takes(s.calls)
	s.calls++
	if took < 0 {
		return errors.New("reset")
	}
	time.Sleep(took)
	return nil
}

func (s *scripted) Close() error {
	close(s.sent)
	return nil
}

func sleepUntil(until time.Time) { time.Sleep(time.Until(until)) }

// TestStall has a server stall once, for 500 ms, and answer at once else. Of a generator that waits
// for answers, one call of 1,000 would be slow, and p99 fast. Half of the calls should have been
// sent in the meantime.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := newScripted(func(call int) time.Duration {
			if call == 0 {
				return 500 * time.Millisecond
			}
			return 0
		})
		a, err := openLoop{rate: 1000, duration: time.Second, wait: sleepUntil}.run([]line{stalled})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.took) != 1000 || len(a.late) != 1000 {
			t.Fatalf("%d calls and %d departures, want 1000", len(a.took), len(a.late))
		}
		for i, took := range a.took {
			if want := max(0, time.Duration(500-i)*time.Millisecond); took != want {
				t.Fatalf("call %d took %v, want %v", i, took, want)
			}
		}
		got := turn{}
		if got.latencies(a.took); got[p50] != 0.5 || got[p99] < 490 {
			t.Errorf("the percentiles are %v", got)
		}
	})
}

// Where another line is free, calls go on while one is stalled, and none is sent late.
func TestFreeLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []line
		for range 20 {
			lines = append(lines, newScripted(func(int) time.Duration { return 10 * time.Millisecond }))
		}
		a, err := openLoop{rate: 1000, duration: time.Second, wait: sleepUntil}.run(lines)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.took {
			if a.took[i] != 10*time.Millisecond || a.late[i] != 0 {
				t.Fatalf("call %d took %v and was %v late", i, a.took[i], a.late[i])
			}
		}
	})
}

// A call that fails must not pass for one that was fast.
func TestBrokenLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := newScripted(func(call int) time.Duration {
			if call == 3 {
				return -1
			}
			return 0
		})
		_, err := openLoop{rate: 1000, duration: time.Second, wait: sleepUntil}.run([]line{broken})
		if !errors.Is(err, errLine) {
			t.Errorf("the error is %v", err)
		}
	})
}
