package cluster

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

// TestRedisLost kills Redis, for ten seconds by `make soak`, and then has it hang. Three nodes
// count their parts of the budgets meanwhile, and two more, which have a Redis of their own, do
// what `closed` and `open` say. Afterwards budgets are shared again, by the same processes.
func TestRedisLost(t *testing.T) {
	span := 4 * time.Second
	if soaks {
		span = 10 * time.Second
	}
	c := start(t, options{fsyncOff: true, customers: map[string]int{"light": 1200, "greedy": 600, "few": 100}})
	r := &lostRedis{cluster: c, light: c.customer("light"), greedy: c.customer("greedy"), few: c.customer("few"),
		other: services.Redis(t), left: 200}
	r.closed, r.open = r.strict(3, "closed"), r.strict(4, "open")
	r.at = time.Now()
	r.greedy.spend(t, c.nodes[0], 400)
	t.Run("killed", func(t *testing.T) {
		r.lose(t, span, (*services.RedisServer).Kill, (*services.RedisServer).Start)
	})
	t.Run("hangs", func(t *testing.T) {
		r.lose(t, span, (*services.RedisServer).Freeze, (*services.RedisServer).Thaw)
	})
}

type lostRedis struct {
	*cluster
	// light asks for less than its budget, greedy for more.
	light, greedy customer
	// few has a budget that the open node lets pass twice.
	few customer
	// left is what greedy had left at a time before the next loss.
	left float64
	at   time.Time
	// other is the Redis of the nodes closed and open.
	other        *services.RedisServer
	closed, open *node
}

// strict starts a node on the other Redis, with another `on_failure`.
func (r *lostRedis) strict(i int, how string) *node {
	r.t.Helper()
	r.variant(how+".Caddyfile", "url {env.REDIS_URL}\n", "url {env.REDIS_URL}\n\t\t\ton_failure "+how+"\n")
	n := r.newNode(i)
	n.config = how + ".Caddyfile"
	for i, variable := range n.variables {
		if strings.HasPrefix(variable, "REDIS_URL=") {
			n.variables[i] = "REDIS_URL=" + r.other.URL
		}
	}
	n.start()
	return n
}

// lose takes both Redis away for a time under load, and gives them back.
func (r *lostRedis) lose(t *testing.T, span time.Duration, take, giveBack func(*services.RedisServer)) {
	nodes := r.nodes
	even := func(u customer) func(int) *http.Request {
		return func(i int) *http.Request { return u.call(t, nodes[i%len(nodes)]) }
	}
	light, greedy := begin(8, 9, even(r.light)), begin(8, 30, even(r.greedy))
	harness.Within(t, "a load", 30*time.Second, func() bool { return greedy.so() > 60 })
	began := time.Now()
	take(r.redis)
	take(r.other)
	r.noticed(t)
	r.strictly(t)
	<-time.After(time.Until(began.Add(span)))
	var back sync.WaitGroup
	back.Go(func() { giveBack(r.redis) })
	back.Go(func() { giveBack(r.other) })
	back.Wait()
	returned := time.Now()
	r.sharedAgain(t)
	t.Logf("budgets are shared again %s after the return", time.Since(returned).Round(time.Millisecond))
	harness.Within(t, "more of the load", 30*time.Second, func() bool { return time.Since(returned) > 3*time.Second })
	r.judge(t, light.stop(), greedy.stop(), began)
}

// noticed waits until the strict nodes know of the outage.
func (r *lostRedis) noticed(t *testing.T) {
	t.Helper()
	harness.Within(t, "noticing the outage", 10*time.Second, func() bool {
		return ask(probes, r.light.call(t, r.closed)) == closedRefusal && ask(probes, r.light.call(t, r.open)) == "200" &&
			degraded(r.open)
	})
}

// closedRefusal is what a call comes to that no budget can be counted for.
const closedRefusal = "429 rate_limited gateway"

// strictly wants calls refused by the closed node, with Retry-After, and twice a budget let pass by
// the open one.
func (r *lostRedis) strictly(t *testing.T) {
	t.Helper()
	res, err := probes.Do(r.light.call(t, r.closed))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("closed: %s with %v", res.Status, res.Header)
	}
	for range 10 {
		if what := ask(probes, r.light.call(t, r.closed)); what != closedRefusal {
			t.Errorf("closed: %s", what)
		}
	}
	for i := range 200 {
		if what := ask(http.DefaultClient, r.few.call(t, r.open)); what != "200" {
			t.Errorf("open: call %d of a budget of 100: %s", i, what)
			break
		}
	}
}

// sharedAgain waits until all nodes say that they share budgets.
func (r *lostRedis) sharedAgain(t *testing.T) {
	t.Helper()
	harness.Within(t, "sharing budgets again", 10*time.Second, func() bool {
		for _, n := range append(slices.Clone(r.nodes), r.closed, r.open) {
			if degraded(n) {
				return false
			}
		}
		return ask(probes, r.light.call(t, r.closed)) == "200"
	})
}

// judge wants no call of the light load to have failed or waited, and no more than the budget of
// the greedy one to have passed: what was left at the beginning, and what came since.
func (r *lostRedis) judge(t *testing.T, light, greedy outcomes, began time.Time) {
	t.Helper()
	last := greedy[len(greedy)-1].at
	budget := r.left + 600*last.Sub(r.at).Minutes()
	before, during := light.between(time.Time{}, began), light.between(began, last)
	t.Logf("light: %s, half within %s, before %s, at most %s; greedy: %s, budget %.0f", light, during.quantile(0.5),
		before.quantile(0.5), during.quantile(1), greedy, budget)
	if light.count("200") != len(light) || greedy.count("200")+greedy.count(refusal) != len(greedy) {
		t.Errorf("calls failed: %s; %s", light, greedy)
	}
	// A call that waits for Redis waits 100 ms, and only the first on each node does.
	if slow := during.quantile(0.9); slow > before.quantile(0.9)+90*time.Millisecond || during.quantile(1) > time.Second {
		t.Errorf("calls waited: nine in ten took %s at most, all %s", slow, during.quantile(1))
	}
	if passed := greedy.count("200"); float64(passed) > budget+6 {
		t.Errorf("%d passed, the budget is %.0f", passed, budget)
	}
	r.left, r.at = max(0, budget-float64(greedy.count("200"))), last
}

// degraded reports whether a node says that budgets are not shared. It is ready all the same.
func degraded(n *node) bool {
	return n.ready() && strings.Contains(word(n.addr+"/health/ready"), "Redis is away")
}
