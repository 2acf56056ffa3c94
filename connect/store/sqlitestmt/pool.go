package sqlitestmt

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Pool lends statements to many goroutines, without a lock that all of them share. A goroutine
// first tries the statement that was last used on its processor, whose memory is in the processor's
// caches. So few statements are in use, which matters since each reads its pages again after a
// commit.
type Pool struct {
	slots []slot
	// homes holds an *int for each processor: the index of the slot that is tried first. The garbage
	// collector may drop it.
	homes sync.Pool
	// waiting counts the goroutines that found every statement in use; freed wakes them.
	waiting atomic.Int64
	freed   chan struct{}

	closed <-chan struct{}
	over   error
}

// slot holds a statement that is not lent. It has a cache line of its own.
type slot struct {
	free atomic.Pointer[Lent]
	_    [56]byte
}

// Lent is a statement that one goroutine has, until [Pool.Return].
type Lent struct {
	// Stmt is nil if the borrower has to open it. It may be replaced.
	*Stmt
	slot int
}

// NewPool returns a pool of size statements, none of them open. Once closed is closed, Borrow
// returns the error over.
func NewPool(size int, closed <-chan struct{}, over error) *Pool {
	p := &Pool{slots: make([]slot, size), freed: make(chan struct{}, size), closed: closed, over: over}
	for i := range p.slots {
		p.slots[i].free.Store(&Lent{slot: i})
	}
	var next atomic.Uint32
	p.homes.New = func() any {
		home := int(next.Add(1)) % size
		return &home
	}
	return p
}

// Borrow returns a statement that is free, or waits for one until ctx ends.
func (p *Pool) Borrow(ctx context.Context) (*Lent, error) {
	select {
	case <-p.closed:
		return nil, p.over
	default:
	}
	if l := p.take(); l != nil {
		return l, nil
	}
	return p.wait(ctx, p.closed)
}

// take returns a statement that is free, or nil.
func (p *Pool) take() *Lent {
	home := p.homes.Get().(*int)
	defer p.homes.Put(home)
	for i := range p.slots {
		at := (*home + i) % len(p.slots)
		free := &p.slots[at].free
		if free.Load() == nil { // a Swap would take the cache line from another processor
			continue
		}
		if l := free.Swap(nil); l != nil {
			*home = at
			return l
		}
	}
	return nil
}

// wait waits for a statement, unless closed is closed first. The caller is counted before it looks
// for one, so that every Return after that look wakes it.
func (p *Pool) wait(ctx context.Context, closed <-chan struct{}) (*Lent, error) {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for {
		if l := p.take(); l != nil {
			return l, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-closed:
			return nil, p.over
		case <-p.freed:
		}
	}
}

// Return ends a loan.
func (p *Pool) Return(l *Lent) {
	p.slots[l.slot].free.Store(l)
	if p.waiting.Load() == 0 {
		return
	}
	select {
	case p.freed <- struct{}{}:
	default: // as many wake-ups are pending as there are statements
	}
}

// Close waits until each statement is returned, and closes it. The channel of [NewPool] must be
// closed before.
func (p *Pool) Close() error {
	var errs []error
	for range p.slots {
		l, err := p.wait(context.Background(), nil)
		if err == nil && l.Stmt != nil {
			err = l.Close()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
