package cluster

import (
	"net/http"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestKilledNode kills a node under load behind the balancer. What was under way there is lost: of
// POST alone, for a GET is made again. No other call fails, and the balancer leads to the node when
// it is back.
func TestKilledNode(t *testing.T) {
	c := start(t, options{fsyncOff: true, listen: true})
	c.balance()
	id := c.connectVault()
	c.provider.answerAfter(20 * time.Millisecond)
	const workers = 16
	l := begin(workers, 300, func(i int) *http.Request {
		return call(t, []string{http.MethodPost, http.MethodGet}[i%2], c.URL, id, "vault", "")
	})
	for _, n := range c.nodes {
		before := l.so()
		harness.Within(t, "a load", 30*time.Second, func() bool { return l.so() > before+100 })
		n.kill()
		n.start()
		c.serves(n)
	}
	all := l.stop()
	t.Logf("%s; p99 %s, at most %s", all, all.quantile(0.99), all.quantile(1))
	// A node has a third of the workers' calls at a time, half of them POST.
	if failed := len(all) - all.count("200"); failed > len(c.nodes)*workers/2 || failed != all.count("502") {
		t.Errorf("more has failed than was under way: %s", all)
	}
}

// TestFrozenNode freezes a node: the balancer's health check finds it, and calls go to the others.
func TestFrozenNode(t *testing.T) {
	t.Parallel()
	c := start(t, options{fsyncOff: true, listen: true})
	c.balance()
	id := c.connectVault()
	n := c.nodes[1]
	n.freeze()
	harness.Within(t, "leading around the frozen node", 30*time.Second, func() bool {
		return c.around(t, id, 20)
	})
	n.thaw()
	n.await()
}

// around reports whether so many calls by the balancer are answered at once.
func (c *cluster) around(t *testing.T, id string, calls int) bool {
	for range calls {
		began := time.Now()
		if ask(probes, call(t, http.MethodGet, c.URL, id, "vault", "")) != "200" || time.Since(began) > time.Second {
			return false
		}
	}
	return true
}
