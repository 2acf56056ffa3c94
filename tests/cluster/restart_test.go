package cluster

import (
	"net/http"
	"testing"
	"time"
)

// TestRollingRestart restarts all nodes behind the balancer, one after the other, under a load of
// GET and POST. No request fails.
func TestRollingRestart(t *testing.T) {
	c := start(t, options{shutdownDelay: "3s", fsyncOff: true, listen: true})
	c.balance()
	id := c.connectVault()
	c.provider.answerAfter(20 * time.Millisecond)
	l := begin(16, 300, func(i int) *http.Request {
		if i%2 == 0 {
			return call(t, http.MethodPost, c.URL, id, "vault", "an order")
		}
		return call(t, http.MethodGet, c.URL, id, "vault", "")
	})
	for _, n := range c.nodes {
		n.restart()
		c.serves(n)
	}
	all := l.stop()
	t.Logf("%s; p99 %s, at most %s; calls by node %v", all, all.quantile(0.99), all.quantile(1), c.provider.called())
	if all.count("200") != len(all) || len(all) < 2000 {
		t.Errorf("requests failed: %s", all)
	}
}
