package caddymodule_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestMetrics reads the metrics as Prometheus does: their names and labels are what dashboards are
// built on.
func TestMetrics(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	block := strings.Replace(staticGateway(t, up.Addr), "tenant acme {\n\t\tkey",
		"tenant acme {\n\t\tbudget token 3\n\t\tkey", 1)
	g := harness.Start(t, block, "metrics /metrics\nvendgate_proxy")
	for _, path := range []string{"/proxy/c1/key/a", "/proxy/c1/never-heard-of/a", "/proxy/nope/key/a", "/proxy/c1/key/b",
		"/proxy/c1/key/c"} {
		g.Do(g.Request("GET", path, nil))
	}
	_, text := g.Do(g.Request("GET", "/metrics", nil))
	for _, line := range []string{
		`caddy_vendgate_requests_total{app="key",code=""} 2`,
		`caddy_vendgate_requests_total{app="key",code="connection_deleted"} 1`,
		`caddy_vendgate_requests_total{app="key",code="rate_limited"} 1`,
		`caddy_vendgate_requests_total{app="unknown",code="unknown_app"} 1`,
		`caddy_vendgate_budget_refusals_total{budget="token"} 1`,
		`caddy_vendgate_upstream_seconds_count{app="key"} 2`,
		`caddy_vendgate_vend_seconds_count{source="static"} 3`,
		`caddy_vendgate_overhead_seconds_count 2`,
		`caddy_vendgate_in_flight 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("missing %s", line)
		}
	}
	names := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (caddy_vendgate_\w+) (\w+)$`).FindAllStringSubmatch(text, -1) {
		names[m[1]+" "+m[2]] = true
	}
	want := []string{
		"caddy_vendgate_budget_refusals_total counter", "caddy_vendgate_in_flight gauge",
		"caddy_vendgate_overhead_seconds histogram",
		"caddy_vendgate_requests_total counter", "caddy_vendgate_upstream_seconds histogram",
		"caddy_vendgate_vend_seconds histogram",
	}
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		t.Errorf("metrics are %q, want %q", got, want)
	}
	for _, sent := range []string{"never-heard-of", "c1", "nope", "alice", "pk_live", "canary"} {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "caddy_vendgate_") && strings.Contains(line, sent) {
				t.Errorf("what a caller sent is in a label: %s", line)
			}
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
