package manager

import (
	"context"
	"errors"
	"sync"

	"github.com/vendgate/vendgate/connect"
)

// Revocation says which grants to end, and how.
type Revocation struct {
	// Tenant must be set; an empty User or App means any.
	Tenant, User, App string
	// Delete deletes the connections; otherwise they stay, hold nothing, and need reconnection.
	Delete bool
	// Keep leaves as it is what no provider can be asked to end: keys, and tokens of providers without
	// a revocation endpoint. It does not go with Delete.
	Keep bool
	// Unconfirmed goes on with a grant whose revocation failed as if it had not.
	Unconfirmed bool
	// Report is called with what became of each connection, one call at a time.
	Report func(Ended)
}

// Ended is what became of one connection.
type Ended struct {
	connect.Connection
	// Grant is what is left of the grant at the provider.
	Grant Remainder
	// Err is why it was not ended; nil says that nothing is left to do here.
	Err error
}

// How much of a revocation is done at once: few enough to be polite to a provider that has never
// been asked to end so many.
const (
	appsAtOnce  = 4
	callsAtOnce = 4
	// revocationPage is how many connections are read at once.
	revocationPage = 100
)

// Revoke ends the grants that r names at their providers, and then deletes or erases them here,
// some at once. Each is done for itself and in that order, so that a revocation which was
// interrupted can be repeated: what is done is not done again. A provider that asks to wait is
// waited for. When ctx ends, what was begun is brought to its end, and the error of ctx is
// returned; that of a single connection is only reported.
func (m *Manager) Revoke(ctx context.Context, r Revocation) error {
	counts, err := m.o.Store.AppCounts(ctx, connect.Filter{Tenant: r.Tenant, User: r.User, App: r.App})
	if err != nil {
		return err
	}
	run := &revocationRun{m: m, Revocation: r}
	slots := make(chan struct{}, appsAtOnce)
	var working sync.WaitGroup
	var mu sync.Mutex
	for _, c := range counts {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			appErr := run.app(ctx, c.App)
			mu.Lock()
			defer mu.Unlock()
			err = errors.Join(err, appErr)
		})
	}
	working.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// revocationRun is a revocation under way.
type revocationRun struct {
	Revocation
	m         *Manager
	reporting sync.Mutex
}

// app works on the connections of one app. A provider that asks to wait keeps only its own back.
func (run *revocationRun) app(ctx context.Context, slug string) error {
	provider := new(providerPace)
	provider.app, _ = run.m.o.Catalog.App(slug)
	queue := make(chan connect.Connection)
	var working sync.WaitGroup
	for range callsAtOnce {
		working.Go(func() {
			for c := range queue {
				run.connection(ctx, provider, c)
			}
		})
	}
	err := run.feed(ctx, slug, queue)
	close(queue)
	working.Wait()
	return err
}

func (run *revocationRun) feed(ctx context.Context, slug string, queue chan<- connect.Connection) error {
	filter := connect.Filter{Tenant: run.Tenant, User: run.User, App: slug, Limit: revocationPage}
	for after := (connect.Connection{}); ; {
		page, err := run.m.o.Store.NextConnections(ctx, filter, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, c := range page {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case queue <- c:
			}
		}
		after = page[len(page)-1]
	}
}

// connection ends one grant, and reports it unless ctx ended before it was tried.
func (run *revocationRun) connection(ctx context.Context, p *providerPace, c connect.Connection) {
	done := Ended{Connection: c}
	for try := 1; ; try++ {
		if p.wait(ctx) != nil {
			return
		}
		// What was begun is brought to its end.
		done.Grant, done.Err = run.end(context.WithoutCancel(ctx), p.app, c)
		if !p.again(done.Err, try) {
			break
		}
	}
	if done.Err != nil {
		done.Err = run.failed(context.WithoutCancel(ctx), c, done.Err)
	}
	if run.Report == nil {
		return
	}
	run.reporting.Lock()
	defer run.reporting.Unlock()
	run.Report(done)
}
