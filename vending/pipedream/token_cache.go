package pipedream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vendgate/vendgate/vending"
)

// margin is how long before its end an access token is no longer used, so that it does not end
// under way.
const margin = 2 * time.Minute

// projectToken is an access token for Pipedream's own API, and until when it is used.
type projectToken struct {
	secret vending.Secret
	until  time.Time
}

// tokenCache keeps the current access token. Where it has none, one fetch serves all who wait. The
// fetch belongs to none of them: a caller that leaves ends its own wait only.
type tokenCache struct {
	fetch   func(context.Context) (projectToken, error)
	timeout time.Duration
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	// join joins the fetch in flight, or starts one. It is a function because fmt follows pointers
	// under some verbs, and singleflight is in use for a moment after close.
	join func() <-chan singleflight.Result

	mu      sync.Mutex // guards what follows, and running against being added to after close
	running sync.WaitGroup
	current projectToken
	closed  bool
}

var errClosed = errors.New("the source is closed")

func (c *tokenCache) open(timeout time.Duration) {
	var fetches singleflight.Group
	c.timeout = timeout
	c.join = func() <-chan singleflight.Result { return fetches.DoChan("", c.refill) }
	c.ctx, c.cancel = context.WithCancel(context.Background())
}

// close ends the fetch in flight and waits for it.
func (c *tokenCache) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// get returns the current access token, or waits for a new one as long as ctx lasts.
func (c *tokenCache) get(ctx context.Context) (vending.Secret, error) {
	if token, ok := c.held(); ok {
		return token, nil
	}
	select {
	case result := <-c.join():
		token, _ := result.Val.(vending.Secret)
		return token, result.Err
	case <-ctx.Done():
		return vending.Secret{}, unavailable("waiting for an access token", ctx.Err())
	}
}

// held returns the current access token while it is used.
func (c *tokenCache) held() (vending.Secret, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.secret, !c.current.secret.IsZero() && time.Now().Before(c.current.until)
}

// refill fetches an access token and keeps it. One that is too short to be kept serves those who
// wait for it.
func (c *tokenCache) refill() (any, error) {
	if token, ok := c.held(); ok { // the fetch before ended after the caller had looked
		return token, nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, unavailable("fetching an access token", errClosed)
	}
	c.running.Add(1)
	c.mu.Unlock()
	defer c.running.Done()
	ctx, cancel := context.WithTimeout(c.ctx, c.timeout)
	defer cancel()
	token, err := c.fetchSafely(ctx)
	c.mu.Lock()
	c.current = token
	c.mu.Unlock()
	return token.secret, err
}

// fetchSafely makes a panic an error: singleflight would end the whole gateway by it. Its value is
// not logged, as it may hold a secret.
func (c *tokenCache) fetchSafely(ctx context.Context) (token projectToken, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = vending.Errorf(vending.InternalError, fmt.Errorf("fetching an access token panicked with a %T", p))
		}
	}()
	return c.fetch(ctx)
}

// drop forgets the access token that was refused, unless another one has taken its place.
func (c *tokenCache) drop(refused vending.Secret) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.secret == refused {
		c.current = projectToken{}
	}
}
