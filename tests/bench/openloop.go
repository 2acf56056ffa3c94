package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// openLoop sends at a fixed rate, whatever becomes of the calls. What a call took counts from when
// it should have been sent: a server that stalls makes all calls late that come meanwhile, and a
// generator that waits for answers before it sends would count the one that it waits for
// (https://github.com/giltene/wrk2 calls that coordinated omission).
type openLoop struct {
	rate     int // calls a second
	duration time.Duration
	wait     wait
}

// wait returns at the time, or at once if it is past.
type wait func(until time.Time)

// line is one connection, which has one call at a time.
type line interface {
	send() error
	receive() error
	Close() error
}

// arrivals are what an open loop measured.
type arrivals struct {
	took []time.Duration
	// late is by how much the calls were sent after they should have been: with lines enough that one
	// is always free, that is the generator's own error.
	late []time.Duration
}

// lane is a line with the call on it.
type lane struct {
	line
	due   atomic.Int64 // when its call should have been sent, since begun
	begun time.Time
	took  []time.Duration
	err   error
}

// run calls over lines, each of which it closes. An error of any ends it.
func (o openLoop) run(lines []line) (a arrivals, err error) {
	idle, begun := make(chan *lane, len(lines)), time.Now()
	var receiving sync.WaitGroup
	lanes := make([]*lane, len(lines))
	ended := make(chan struct{})
	var once sync.Once
	for i, l := range lines {
		lanes[i] = &lane{line: l, begun: begun}
		idle <- lanes[i]
		receiving.Go(func() {
			lanes[i].answers(idle)
			once.Do(func() { close(ended) })
		})
	}
	a.late, err = o.send(begun, idle, ended)
	for range lines {
		if err == nil {
			_, err = free(idle, ended)
		}
	}
	var broken []error
	for _, l := range lanes {
		_ = l.Close() // which ends its goroutine
	}
	receiving.Wait()
	for _, l := range lanes {
		a.took = append(a.took, l.took...)
		broken = append(broken, l.err)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", err, errors.Join(broken...))
	}
	return a, err
}

// answers receives until the line is closed.
func (l *lane) answers(idle chan<- *lane) {
	for {
		if l.err = l.receive(); l.err != nil {
			return
		}
		l.took = append(l.took, time.Since(l.begun)-time.Duration(l.due.Load()))
		idle <- l
	}
}

var errLine = errors.New("a connection failed")

// free returns a line without a call.
func free(idle <-chan *lane, ended <-chan struct{}) (*lane, error) {
	select {
	case l := <-idle:
		return l, nil
	case <-ended:
		return nil, errLine
	}
}

// send sends all calls, each when it is due or, while there is no line for it, as soon as one is
// free.
func (o openLoop) send(begun time.Time, idle <-chan *lane, ended <-chan struct{}) (late []time.Duration, err error) {
	interval := time.Second / time.Duration(o.rate)
	for due := time.Duration(0); due < o.duration; due += interval {
		o.wait(begun.Add(due))
		l, err := free(idle, ended)
		if err != nil {
			return late, err
		}
		l.due.Store(int64(due))
		late = append(late, time.Since(begun)-due)
		if err := l.send(); err != nil {
			return late, err
		}
	}
	return late, nil
}

// steadily has f run on a thread of its own whose sleeps end within about 60 µs; those of Go's
// scheduler may take a millisecond more.
func steadily(f func(wait wait)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f(func(until time.Time) {
		for left := time.Until(until); left > 0; left = time.Until(until) {
			t := syscall.NsecToTimespec(int64(left))
			_ = syscall.Nanosleep(&t, nil) // a signal ends it early, and then it goes on
		}
	})
}
