package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

// TestLimiterRedis: budgets are counted in the Redis that the configuration names, over reloads,
// and the health check and the metrics tell when it is away.
func TestLimiterRedis(t *testing.T) {
	redis := services.Redis(t)
	up := harness.NewUpstream(t, harness.OK)
	limiter := func(url string) string {
		return fmt.Sprintf("limiter redis {\nurl %s\non_failure closed\n}\n", harness.Secret(t, "VG_REDIS_URL", url))
	}
	config := func(g *harness.Gateway, limiter string) string {
		return g.Caddyfile(limiter+staticGateway(t, up.Addr), "", "vendgate_health\nmetrics /metrics\nvendgate_proxy")
	}
	g := harness.StartWith(t, func(g *harness.Gateway) string { return config(g, limiter(redis.URL)) })
	for range 5 {
		if status, body := g.Do(g.Request("GET", "/proxy/c1/key/a", nil)); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	const key = "vendgate:{acme}:token:"
	before := redis.Do("GET", key)
	if before == "" {
		t.Error("the budget is not in Redis")
	}
	g.Load(config(g, limiter(redis.URL)+"vend_timeout 9s\n"))
	if spent := redis.Do("GET", key); spent == "" {
		t.Error("the reload forgave what was spent")
	}
	const ready = `{"status":"ready","checks":[{"name":"server","ok":true},{"name":"limiter","ok":true}]}`
	if status, body := g.Do(g.Request("GET", "/health/ready", nil)); status != 200 || strings.TrimSpace(body) != ready {
		t.Errorf("%d %s", status, body)
	}
	wantMetric(t, g, "limiter_degraded", "0")
	wantMetric(t, g, "limiter_nodes", "1")

	wrong := strings.Replace(redis.URL, redis.Password, "hunter2", 1)
	err := g.TryLoad(config(g, limiter(wrong)))
	if err == nil || !strings.Contains(err.Error(), "limiter redis: Redis refuses the user or the password") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong password: %v", err)
	}
	err = g.TryLoad(config(g, limiter("localhost:6379")))
	if err == nil || !strings.Contains(err.Error(), "limiter redis: the url is invalid: write redis://") {
		t.Errorf("an invalid URL: %v", err)
	}

	harness.Secret(t, "VG_REDIS_URL", redis.URL)
	redis.Kill()
	harness.Within(t, "the outage", 10*time.Second, func() bool {
		status, body := g.Do(g.Request("GET", "/health/ready", nil))
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return strings.Contains(body, `{"name":"limiter","ok":false,"reason":"Redis is away: calls that draw on a budget `+
			`are refused"}`)
	})
	wantMetric(t, g, "limiter_degraded", "1")
	status, body := g.Do(g.Request("GET", "/proxy/c1/key/a", nil))
	if status != 429 || !strings.Contains(body, "budgets cannot be counted at the moment") {
		t.Errorf("%d %s", status, body)
	}
	wantMetric(t, g, "budget_refusals_total", `{budget="limiter"} 1`)
	redis.Start()
	harness.Within(t, "Redis again", 10*time.Second, func() bool {
		status, _ := g.Do(g.Request("GET", "/proxy/c1/key/a", nil))
		return status == 200
	})
	if log := g.Log(); strings.Contains(log, redis.Password) || strings.Count(log, "Redis is away") < 1 {
		t.Error("the log has the password, or nothing of the outage")
	}
}
