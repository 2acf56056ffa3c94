package authorization

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/vendgate/vendgate/tests/harness"
)

// later makes a call that is answered some time.
func later(t *testing.T, g *harness.Gateway, id string) <-chan answer {
	t.Helper()
	answers := make(chan answer, 1)
	go func() {
		a, err := send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
		if err != nil && t.Context().Err() == nil {
			a = answer{body: err.Error()} // of a process that was killed
		}
		answers <- a
	}()
	return answers
}

// owned is a connection whose refresh is held in the middle by one of two gateway processes.
type owned struct {
	*stage
	owner, other *harness.Gateway
	process      *harness.Process
	id           string
	granted      tokens
	first        <-chan answer // the owner's
}

// own starts a refresh by one process and returns when the provider's front has its token call,
// which on then answers. vendTimeout is of both processes, and lifetime is what is left of the
// token.
func own(t *testing.T, vendTimeout, source string, lifetime time.Duration,
	on func(c *tokenCall, reached chan<- struct{})) *owned {
	t.Helper()
	s := newStage(t)
	o := &owned{stage: s}
	config := func(g *harness.Gateway) string {
		return g.Caddyfile("vend_timeout "+vendTimeout+"\n"+s.local(source), "", site)
	}
	o.owner, o.process = harness.StartApart(t, config)
	o.other, _ = harness.StartApart(t, config)
	o.granted = s.provider.grant() // its token lasts for a minute, whatever the store is told
	o.id = s.connect(o.granted, lifetime)
	reached := make(chan struct{})
	s.front.takeOver(func(c *tokenCall) { on(c, reached) })
	o.first = later(t, o.owner, o.id)
	select {
	case <-reached:
	case a := <-o.first:
		t.Fatalf("answered %s before the provider was asked", a)
	}
	return o
}

// lapsed waits until the lease in the row has no time left.
func (o *owned) lapsed(db *sql.DB) {
	o.t.Helper()
	harness.Within(o.t, "the end of the lease", 20*time.Second, func() bool {
		var until sql.NullInt64
		if err := db.QueryRowContext(o.t.Context(), `SELECT lease_until FROM connections WHERE id = ?`,
			o.id).Scan(&until); err != nil {
			o.t.Fatal(err)
		}
		return until.Valid && until.Int64 <= time.Now().UnixMilli()
	})
}

// database opens the store's as another program would.
func (s *stage) database() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite",
		"file:"+filepath.Join(s.dir, "vendgate.db")+"?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return db
}

// leaseOf reads the seconds that an answer tells a caller to wait for another process.
func leaseOf(t *testing.T, a answer) int {
	t.Helper()
	expect(t, "a caller that cannot wait", a, "503 upstream_unavailable vending")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 5 ||
		!strings.Contains(a.message, "another process is refreshing this connection") {
		t.Errorf("message %q, Retry-After %q: want what the call waits for, and a number within the lease's 5 s", a.message,
			a.header.Get("Retry-After"))
	}
	return seconds
}

// TestOwnerKilled kills the process that refreshes before the provider has seen its call. The next
// call has to wait for the lease to lapse, and no longer.
func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	o := own(t, "15s", "margin 5s", -time.Second, beforeRotation)
	o.process.Kill()
	begun := time.Now()
	expect(t, "the next call", get(t, o.other, o.id), "200")
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s, want the lease's 5 s and a moment more", took)
	}
	if sent := o.front.refreshTokens(); len(sent) != 2 {
		t.Errorf("%d token calls, want the killed one's and one more", len(sent))
	}
	o.provider.counted("one refresh in all", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestCallerLeavesBeforeTheLease has callers with less time than the lease of a dead process has
// left. They are told what they wait for and how long, and that is enough.
func TestCallerLeavesBeforeTheLease(t *testing.T) {
	t.Parallel()
	o := own(t, "1s", "margin 5s\nrefresh_timeout 1s", -time.Second, beforeRotation)
	o.process.Kill()
	wait := 0
	harness.Within(t, "the lease's end, as callers are told", 15*time.Second, func() bool {
		a := get(t, o.other, o.id)
		if a.status == http.StatusOK {
			return true
		}
		wait = leaseOf(t, a)
		return false
	})
	if wait != 1 {
		t.Errorf("the last one was told to wait for %d s, want 1", wait)
	}
	o.provider.counted("one refresh in all", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestLastingTokenDoesNotWait: a token that can still be used does not wait for what another
// process does, dead or alive.
func TestLastingTokenDoesNotWait(t *testing.T) {
	for name, end := range map[string]func(*owned){
		"killed":  func(o *owned) { o.process.Kill() },
		"stopped": func(o *owned) { o.process.Signal(o.t, syscall.SIGSTOP) },
		"slow":    func(*owned) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := own(t, "15s", "margin 2m", 50*time.Second, beforeRotation)
			end(o)
			for range 3 {
				begun := time.Now()
				a := get(t, o.other, o.id)
				expect(t, "a call with a token that lasts", a, "200")
				if a.digest != bearer(o.granted.Access) || time.Since(begun) > 4*time.Second {
					t.Errorf("it took %s; the old token: %t", time.Since(begun), a.digest == bearer(o.granted.Access))
				}
			}
			if name == "slow" {
				return
			}
			harness.Within(t, "the refresh of what lapsed", 15*time.Second, func() bool {
				return get(t, o.other, o.id).digest != bearer(o.granted.Access)
			})
			o.provider.counted("one refresh, beside the calls", tally{TokenCalls: 1, RefreshOK: 1})
		})
	}
}

// TestOwnerStopped stops the process that refreshes for longer than its lease, and wakes it. Its
// call was on its way, and the other process's comes after it, never beside it: the provider's
// front counts. When it wakes it makes no other.
func TestOwnerStopped(t *testing.T) {
	t.Parallel()
	o := own(t, "15s", "margin 5s", -time.Second, beforeRotation)
	o.process.Signal(t, syscall.SIGSTOP)
	expect(t, "the other process's call", get(t, o.other, o.id), "200")
	o.process.Signal(t, syscall.SIGCONT)
	a := <-o.first
	expect(t, "the call that was stopped", a, "200")
	if _, held := o.held(o.id); a.digest != bearer(held.AccessToken) {
		t.Error("it used another token than the stored one")
	}
	expect(t, "another call of the one that was stopped", get(t, o.owner, o.id), "200")
	if sent := o.front.refreshTokens(); len(sent) != 2 {
		t.Errorf("%d token calls, want the stopped one's and one more", len(sent))
	}
	o.provider.counted("one refresh in all", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestSlowProvider: an answer that takes longer than the lease, and less than it may. The lease is
// renewed meanwhile, and another process waits.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	o := own(t, "15s", "margin 5s\nrefresh_timeout 10s", -time.Second, func(c *tokenCall, reached chan<- struct{}) {
		close(reached)
		select {
		case <-proceed:
			c.pass()
		case <-c.Done():
		}
	})
	second := later(t, o.other, o.id)
	slow := time.AfterFunc(7*time.Second, func() { close(proceed) }) // the provider's own slowness
	defer slow.Stop()
	a, b := <-o.first, <-second
	expect(t, "the owner's call", a, "200")
	expect(t, "the other process's call", b, "200")
	if a.digest != b.digest || len(o.front.refreshTokens()) != 1 {
		t.Errorf("the same token: %t, after %d token calls; want one", a.digest == b.digest, len(o.front.refreshTokens()))
	}
	o.provider.counted("one refresh in all", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestStoreLocked has another program hold the store's write lock for longer than the lease lasts,
// when the provider has rotated and nothing could be stored. The next holder of the lock, the
// rotated grant is stored before anybody sends the spent token.
func TestStoreLocked(t *testing.T) {
	for name, after := range map[string]func(o *owned, db *sql.DB) []<-chan answer{
		"until the lease has lapsed": func(o *owned, db *sql.DB) []<-chan answer {
			second := later(o.t, o.other, o.id)
			o.lapsed(db)
			return []<-chan answer{o.first, second}
		},
		"until the callers have left": func(o *owned, _ *sql.DB) []<-chan answer {
			second := later(o.t, o.other, o.id)
			expect(o.t, "the owner's caller", <-o.first, "500 internal_error vending")
			expect(o.t, "the other's caller", <-second, "503 upstream_unavailable vending")
			return []<-chan answer{later(o.t, o.owner, o.id), later(o.t, o.other, o.id)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proceed := make(chan struct{})
			o := own(t, "15s", "margin 5s", -time.Second, func(c *tokenCall, reached chan<- struct{}) {
				close(reached)
				select {
				case <-proceed:
					c.pass()
				case <-c.Done():
				}
			})
			db := o.database()
			unlock := lock(t, db)
			close(proceed)
			answers := after(o, db)
			unlock()
			for _, a := range answers {
				expect(t, "a call", <-a, "200")
			}
			if sent := o.front.refreshTokens(); len(sent) != 1 {
				t.Errorf("%d token calls, want 1: the token is spent", len(sent))
			}
			o.provider.counted("one refresh in all", tally{TokenCalls: 1, RefreshOK: 1})
		})
	}
}

// lock takes the store's write lock.
func lock(t *testing.T, db *sql.DB) (unlock func()) {
	t.Helper()
	tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}
