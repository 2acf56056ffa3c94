package cluster

import (
	"bufio"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

// lost is what a call comes to without PostgreSQL.
const lost = "503 upstream_unavailable vending"

// TestPostgreSQLLost takes PostgreSQL away in three ways under load. Calls answer 503 within the
// time of one attempt, at once after the first, open streams go on, and all is well again by itself
// within two seconds of its return.
func TestPostgreSQLLost(t *testing.T) {
	for name, o := range map[string]options{
		"direct":    {listen: true},
		"PgBouncer": {pgBouncer: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, o)
			l := &lostPostgreSQL{cluster: c, id: c.connectVault()}
			for _, n := range c.nodes {
				l.open(t, n)
			}
			next := l.copy(t)
			l.lose(t, "killed", c.postgres.Kill, c.postgres.Start)
			l.lose(t, "hanging", c.postgres.Freeze, c.postgres.Thaw)
			c.postgres.Query("CHECKPOINT")
			l.lose(t, "failed over", c.postgres.Stop, func() { l.toward(next) })
			if n := next.Query("SELECT count(*) FROM nodes WHERE seen_at > 1000 * extract(epoch FROM now()) - 10000"); n != "3" {
				t.Errorf("%s nodes work on the new server", n)
			}
		})
	}
}

type lostPostgreSQL struct {
	*cluster
	id      string
	streams []*stream
}

// stream is a call that goes on: events counts what has come of it, and ended is closed at its end.
type stream struct {
	node   *node
	events atomic.Int64
	ended  chan struct{}
}

// open opens a stream at a node, until the test ends.
func (l *lostPostgreSQL) open(t *testing.T, n *node) {
	t.Helper()
	r := call(t, http.MethodGet, n.URL, l.id, "vault", "")
	r.URL.Path = strings.TrimSuffix(r.URL.Path, "/me") + "/stream"
	res, err := probes.Transport.RoundTrip(r) // without the time limit of probes
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("opening a stream: %v, %v", res, err)
	}
	s := &stream{node: n, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			s.events.Add(1)
		}
	}()
	t.Cleanup(func() {
		_ = res.Body.Close()
		<-s.ended
	})
	l.streams = append(l.streams, s)
}

// copy makes another server with the same role and the same data, which nothing writes to until the
// failover. It is what a standby is, short of how it came by its data.
func (l *lostPostgreSQL) copy(t *testing.T) *services.Postgres {
	t.Helper()
	p := services.OwnPostgreSQL(t, services.FsyncOff)
	bin := services.BinDir(t)
	dump := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "--no-owner", "--no-privileges", "-d",
		l.postgres.URL)
	text, err := dump.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	p.Adopt(l.postgres)
	load := exec.CommandContext(t.Context(), filepath.Join(bin, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", p.URL)
	load.Stdin = strings.NewReader(string(text))
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return p
}

// toward has all that led to the first server lead to another.
func (l *lostPostgreSQL) toward(next *services.Postgres) {
	if l.behind != nil {
		l.behind.toward(next.Addr)
		return
	}
	for _, n := range l.nodes {
		n.postgres.toward(next.Addr)
		n.listen.toward(next.Addr)
	}
}

// lose takes the server away for four seconds under load, and gives it back.
func (l *lostPostgreSQL) lose(t *testing.T, how string, take, giveBack func()) {
	t.Helper()
	load := begin(24, 30, func(i int) *http.Request {
		return call(t, http.MethodGet, l.nodes[i%len(l.nodes)].URL, l.id, "vault", "")
	})
	harness.Within(t, "a load", 30*time.Second, func() bool { return load.so() > 60 })
	began := time.Now()
	take()
	taken := time.Now()
	<-time.After(4 * time.Second)
	l.refuse(t)
	gone := time.Now()
	giveBack()
	returned := time.Now()
	l.well(t)
	<-time.After(3 * time.Second)
	l.judge(t, how, load.stop(), [4]time.Time{began, taken, gone, returned})
}

// refuse wants a call of each node refused with Retry-After.
func (l *lostPostgreSQL) refuse(t *testing.T) {
	t.Helper()
	for _, n := range l.nodes {
		res, err := probes.Do(call(t, http.MethodGet, n.URL, l.id, "vault", ""))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || n.ready() {
			t.Errorf("node %s without a server: %s, %v, ready %t", n.name, res.Status, res.Header, n.ready())
		}
	}
}

// well waits until a call is answered at each node and all are ready.
func (l *lostPostgreSQL) well(t *testing.T) {
	t.Helper()
	harness.Within(t, "being well again", 30*time.Second, func() bool {
		for _, n := range l.nodes {
			if ask(probes, call(t, http.MethodGet, n.URL, l.id, "vault", "")) != "200" || !n.ready() {
				return false
			}
		}
		return true
	})
}

// judge wants nothing but answers and refusals, and these in time. The times are when the fault
// began and was complete, and when its end began and was complete.
func (l *lostPostgreSQL) judge(t *testing.T, how string, all outcomes, at [4]time.Time) {
	t.Helper()
	refused := all.between(at[0], time.Now())
	var last time.Duration
	for _, each := range all {
		if each.what != "200" && each.at.After(at[3]) {
			last = max(last, each.at.Sub(at[3]))
		}
	}
	settled := all.between(at[1].Add(firstAttempt), at[2])
	t.Logf("%s: %s; at most %s, once known half within %s, all within %s; the last refused was made %s after the return",
		how, all, refused.quantile(1), settled.quantile(0.5), settled.quantile(1), last)
	if all.count("200")+all.count(lost) != len(all) {
		t.Errorf("%s: other than %q: %s", how, lost, all)
	}
	if settled.count(lost) != len(settled) || len(settled) < 20 {
		t.Errorf("%s: without a server: %s", how, settled)
	}
	if refused.quantile(1) > 5*time.Second || settled.quantile(0.9) > 500*time.Millisecond {
		t.Errorf("%s: calls took %s, and %s once it was known", how, refused.quantile(1), settled.quantile(0.9))
	}
	if last > 2*time.Second {
		t.Errorf("%s: a call was refused that was made %s after the return", how, last)
	}
	for _, s := range l.streams {
		before := s.events.Load()
		harness.Within(t, "more of the stream at node "+s.node.name, 10*time.Second, func() bool {
			return s.events.Load() > before+5
		})
	}
}

// firstAttempt is how long a call may wait for a server that has just been lost.
const firstAttempt = 2500 * time.Millisecond
