package sqlitestmt

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

var errOver = errors.New("over")

func borrow(t *testing.T, p *Pool) *Lent {
	t.Helper()
	l, err := p.Borrow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestPoolWaits lends all statements, and has goroutines wait until each is returned.
func TestPoolWaits(t *testing.T) {
	closed := make(chan struct{})
	p := NewPool(2, closed, errOver)
	a, b := borrow(t, p), borrow(t, p)
	if a == b {
		t.Fatal("one statement was lent twice")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := p.Borrow(ended); l != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", l, err)
	}
	got := make(chan *Lent)
	for range 2 {
		go func() {
			l, err := p.Borrow(context.Background())
			if err != nil {
				t.Error(err)
			}
			got <- l
		}()
	}
	p.Return(b)
	if l := <-got; l != b {
		t.Errorf("got %v, want the one that came back", l)
	}
	p.Return(a)
	if l := <-got; l != a {
		t.Errorf("got %v, want the one that came back", l)
	}
	p.Return(a)
	p.Return(b)
	close(closed)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestPoolCloses checks that Close waits for statements that are lent, and closes those that were
// opened.
func TestPoolCloses(t *testing.T) {
	path, _ := database(t)
	closed := make(chan struct{})
	p := NewPool(3, closed, errOver)
	l := borrow(t, p)
	var err error
	if l.Stmt, err = Open(path, "", query); err != nil {
		t.Fatal(err)
	}
	all := []*Lent{borrow(t, p), borrow(t, p)}
	waiting := make(chan error)
	go func() {
		_, err := p.Borrow(context.Background())
		waiting <- err
	}()
	close(closed)
	if err := <-waiting; !errors.Is(err, errOver) {
		t.Errorf("%v, want %v", err, errOver)
	}
	done := make(chan error)
	go func() { done <- p.Close() }()
	p.Return(all[0])
	p.Return(all[1])
	select {
	case err := <-done:
		t.Errorf("closed with a statement lent: %v", err)
	default:
	}
	if _, err := l.Step("a", "b"); err != nil {
		t.Error(err)
	}
	p.Return(l)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if l, err := p.Borrow(t.Context()); l != nil || !errors.Is(err, errOver) {
		t.Errorf("%v, %v", l, err)
	}
}

// TestPoolTogether lends few statements to many goroutines, each to one at a time.
func TestPoolTogether(t *testing.T) {
	const size, goroutines, rounds = 3, 16, 2000
	closed := make(chan struct{})
	p := NewPool(size, closed, errOver)
	var users [size]atomic.Int32
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range rounds {
				l, err := p.Borrow(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				if users[l.slot].Add(1) != 1 {
					t.Error("two have the same statement")
				}
				users[l.slot].Add(-1)
				p.Return(l)
			}
		})
	}
	wg.Wait()
	if p.waiting.Load() != 0 {
		t.Errorf("%d wait", p.waiting.Load())
	}
	close(closed)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
