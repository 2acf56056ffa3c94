package cluster

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestOneRefresh: of 200 callers at three nodes, whose connection's token has ended, one node asks
// for a new one, once, and all get the answer.
func TestOneRefresh(t *testing.T) {
	modes(t, options{fsyncOff: true}, func(t *testing.T, o options) {
		c := start(t, o)
		c.provider.pace(time.Hour, 0, 200*time.Millisecond)
		id, g := c.connectCRM(true)
		var all sync.WaitGroup
		var mu sync.Mutex
		came := make(map[string]int)
		client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
		defer client.CloseIdleConnections()
		for i := range 200 {
			r := call(t, http.MethodGet, c.nodes[i%len(c.nodes)].URL, id, "crm", "")
			all.Go(func() {
				what := ask(client, r)
				mu.Lock()
				came[what]++
				mu.Unlock()
			})
		}
		all.Wait()
		if uses := c.provider.refreshes(); len(uses) != 1 || uses[0].rotated.IsZero() || came["200"] != 200 {
			t.Errorf("%v, and the provider was asked %d times: %+v", came, len(uses), uses)
		}
		c.keepsSecrets(c.provider.grantOf(g))
	})
}

// keepsSecrets wants nothing in the nodes' logs that they may not say.
func (c *cluster) keepsSecrets(g grant) {
	c.t.Helper()
	kek, err := os.ReadFile(filepath.Join(c.dir, "kek"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, n := range c.nodes {
		log := n.log()
		for i, secret := range []string{c.postgres.Password, c.redis.Password, strings.TrimSpace(string(kek)), clientSecret,
			g.access, g.refresh} {
			if strings.Contains(log, secret) {
				c.t.Errorf("the log of node %s has secret %s", n.name, fmt.Sprint(i))
			}
		}
	}
}
