package pipedream

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// margin is how long before its end an access token is no longer used, so that it does not end
// under way.
const margin = 2 * time.Minute

// pass is an access token for Pipedream's own API, and until when it is used.
type pass struct {
	secret vending.Secret
	until  time.Time
}

// tokenCache keeps the current pass. Where it has none, one fetch serves all who wait. The fetch
// belongs to none of them: whoever leaves ends only the own wait.
type tokenCache struct {
	fetch   func(context.Context) (pass, error)
	timeout time.Duration
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	current pass
	flight  *flight
	closed  bool
}

// flight is a fetch under way; done is closed when the rest is set.
type flight struct {
	done chan struct{}
	pass pass
	err  error
}

var errClosed = errors.New("the source is closed")

func (p *tokenCache) open(timeout time.Duration) {
	p.timeout = timeout
	p.ctx, p.cancel = context.WithCancel(context.Background())
}

// close ends the fetch in flight and waits for it.
func (p *tokenCache) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.running.Wait()
}

// get returns the current pass, or waits for a new one as long as ctx lasts.
func (p *tokenCache) get(ctx context.Context) (vending.Secret, error) {
	f, err := p.join() //nolint:contextcheck // the fetch belongs to no caller
	if err != nil {
		return vending.Secret{}, err
	}
	select {
	case <-f.done:
		return f.pass.secret, f.err
	case <-ctx.Done():
		return vending.Secret{}, unavailable("waiting for an access token", ctx.Err())
	}
}

// join returns the fetch in flight, a new one, or one that has ended where the current pass serves.
func (p *tokenCache) join() (*flight, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.current.secret.IsZero() && time.Now().Before(p.current.until):
		return &flight{done: ended, pass: p.current}, nil
	case p.closed:
		return nil, unavailable("fetching an access token", errClosed)
	case p.flight == nil:
		f := &flight{done: make(chan struct{})}
		p.flight = f
		p.running.Go(func() { p.fly(f) })
	}
	return p.flight, nil
}

// ended is the channel of flights that were never under way.
var ended = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (p *tokenCache) fly(f *flight) {
	ctx, cancel := context.WithTimeout(p.ctx, p.timeout)
	defer cancel()
	f.pass, f.err = p.fetch(ctx)
	p.mu.Lock()
	p.current, p.flight = f.pass, nil // a pass too short to be kept serves those who wait for it
	p.mu.Unlock()
	close(f.done)
}

// drop forgets the pass that was refused, unless another one has taken its place.
func (p *tokenCache) drop(refused vending.Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.secret == refused {
		p.current = pass{}
	}
}
