package local

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// expiring is a context whose deadline passes when it is told so, however long that takes.
type expiring struct {
	context.Context
	passed chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.passed }

func (e expiring) Err() error {
	select {
	case <-e.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// TestDeadlineBeforeRefresh has callers whose time is up while the provider has not answered.
func TestDeadlineBeforeRefresh(t *testing.T) { storetest.DirectAtOnce(t, testDeadlineBeforeRefresh) }

func testDeadlineBeforeRefresh(t *testing.T) {
	same := vending.NewOAuth("gmail", "canary-access-0", "", time.Time{})
	for name, c := range map[string]struct {
		lifetime time.Duration
		forced   bool
		leave    bool
		token    string
		want     error
	}{
		"still valid":          {30 * time.Second, false, false, "canary-access-0", nil},
		"ended":                {-time.Second, false, false, "", context.DeadlineExceeded},
		"valid but refused":    {time.Hour, true, false, "", context.DeadlineExceeded},
		"valid, caller left":   {30 * time.Second, false, true, "", context.Canceled},
		"refused, caller left": {time.Hour, true, true, "", context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			asked, answer := make(chan struct{}), make(chan struct{})
			p.beforeAnswer(func(int) {
				close(asked)
				<-answer
			})
			store := openStore(t, t.TempDir())
			s := newSource(t, p, store)
			r := request(importApp(t, store, "gmail", grantFor(c.lifetime)))
			if c.forced {
				r.Force, r.Refused = true, same
			}
			left, leave := context.WithCancel(t.Context())
			defer leave()
			late := expiring{context.Background(), make(chan struct{})}
			ctx, end := context.Context(late), func() { close(late.passed) }
			if c.leave {
				ctx, end = left, leave
			}
			go func() {
				<-asked
				end()
			}()
			cred, err := s.Vend(ctx, r)
			close(answer)
			if tokenOf(cred) != c.token || !errors.Is(err, c.want) {
				t.Errorf("token %q, %v; want %q, %v", tokenOf(cred), err, c.token, c.want)
			}
		})
	}
}

// TestMarginOfShortTokens has tokens that never live longer than the margin: they are refreshed
// when half of their life is over, not at every vend.
func TestMarginOfShortTokens(t *testing.T) { storetest.DirectAtOnce(t, testMarginOfShortTokens) }

func testMarginOfShortTokens(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime, age time.Duration
		calls         int
	}{
		"short, new":        {40 * time.Second, 0, 0},
		"short, half over":  {40 * time.Second, 25 * time.Second, 1},
		"short, ended":      {40 * time.Second, 41 * time.Second, 1},
		"long, before":      {time.Hour, 58 * time.Minute, 0},
		"long, near end":    {time.Hour, 59*time.Minute + 30*time.Second, 1},
		"ended when stored": {-time.Second, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			store := openStoreAt(t, t.TempDir(), time.Now)
			s := newSource(t, p, store, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(c.age) } })
			id := importApp(t, store, "gmail", grantFor(c.lifetime))
			for range 2 {
				if _, err := s.Vend(t.Context(), request(id)); err != nil {
					t.Fatal(err)
				}
			}
			if n := p.asked(); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}
