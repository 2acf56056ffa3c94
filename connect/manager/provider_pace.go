package manager

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

const (
	// revocationTries bounds the calls for one grant, and those of a provider that is away.
	revocationTries = 5
	unavailable     = 3
	// longestPause is how long a provider may ask to wait; more is a failure, to be repeated later.
	longestPause = 2 * time.Minute
	// firstPause precedes the second call of a provider that is away and does not say for how long; it
	// doubles.
	firstPause = 500 * time.Millisecond
	// givenUp is after how many failures in a row a provider gets one call a grant and no more.
	givenUp = 5
)

// providerPace is how fast one app's provider is called.
type providerPace struct {
	// app is nil where the catalog does not have it any more.
	app *catalog.App

	mu       sync.Mutex
	until    time.Time // of the pause
	failures int       // in a row
}

// wait waits for the end of a pause. Its error is what ended ctx.
func (p *providerPace) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		left := time.Until(p.until)
		p.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// again reports whether a grant is to be tried once more, and sets the pause before that.
func (p *providerPace) again(err error, try int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.failures = 0
		return false
	}
	if errors.Is(err, connect.ErrStale) {
		return try < revocationTries
	}
	var e *vending.Error
	if !errors.As(err, &e) {
		return false
	}
	switch pause := e.RetryAfter; {
	case pause > longestPause || try == revocationTries:
		return false
	case e.Code == vending.RateLimited:
		p.pause(max(pause, time.Second))
		return true
	case e.Code != vending.UpstreamUnavailable:
		return false
	case try >= unavailable || p.failures >= givenUp:
		p.failures++
		return false
	default:
		p.pause(max(pause, firstPause<<(try-1)+rand.N(firstPause/4))) // #nosec G404 -- no secret
		return true
	}
}

func (p *providerPace) pause(d time.Duration) {
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}
