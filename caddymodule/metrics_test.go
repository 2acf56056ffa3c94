package caddymodule_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/internal/version"
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
		`caddy_vendgate_upstream_responses_total{app="key",class="2xx"} 2`,
		`caddy_vendgate_app_vend_seconds_count{app="key"} 3`,
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
		"caddy_vendgate_app_vend_seconds histogram", "caddy_vendgate_budget_refusals_total counter",
		"caddy_vendgate_build_info gauge", "caddy_vendgate_in_flight gauge", "caddy_vendgate_overhead_seconds histogram",
		"caddy_vendgate_requests_total counter", "caddy_vendgate_upstream_responses_total counter",
		"caddy_vendgate_upstream_seconds histogram", "caddy_vendgate_vend_seconds histogram",
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

// metric returns the lines of a metric, without the metric's name.
func metric(t *testing.T, g *harness.Gateway, name string) (lines []string) {
	t.Helper()
	_, text := g.Do(g.Request("GET", "/metrics", nil))
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "caddy_vendgate_"+name); ok &&
			strings.ContainsAny(rest[:1], "{ ") {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	slices.Sort(lines)
	return lines
}

func wantMetric(t *testing.T, g *harness.Gateway, name string, want ...string) {
	t.Helper()
	if got := metric(t, g, name); !slices.Equal(got, want) {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// TestTenantMetrics: where the operator asks for it, tenants have labels, up to the bound; a call
// of no known tenant has none.
func TestTenantMetrics(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	block := staticGateway(t, up.Addr) + "\n\ttenant beta {\n\t\tkey " + harness.Secret(t, "VG_TENANT_B", harness.KeyB) +
		"\n\t}\n"
	g := harness.Start(t, block+"metrics {\n\ttenants 1\n}\n", "metrics /metrics\nvendgate_proxy")
	g.Do(g.Request("GET", "/proxy/c1/key/a", nil))
	g.Do(g.Request("GET", "/proxy/c1/key/a", nil, "Authorization: Bearer "+harness.KeyB))
	g.Do(g.Request("GET", "/proxy/c1/key/a", nil, "Authorization: Bearer nonsense"))
	want := []string{
		`{app="key",code="",tenant="acme"} 1`,
		`{app="key",code="connection_deleted",tenant="other"} 1`,
		`{app="unknown",code="invalid_tenant_key"} 1`,
	}
	wantMetric(t, g, "requests_total", want...)
	wantMetric(t, g, "tenant_vend_seconds_count", `{tenant="acme"} 1`, `{tenant="other"} 1`)
	wantMetric(t, g, "tenant_upstream_seconds_count", `{tenant="acme"} 1`, `{tenant="other"} 0`)
	g.Load(g.Caddyfile(block, "", "metrics /metrics\nvendgate_proxy"))
	wantMetric(t, g, "requests_total", want...)
}

// TestResponseMetrics counts providers' responses by class, and calls without one; a caller who
// leaves says nothing of the provider.
func TestResponseMetrics(t *testing.T) {
	up := harness.NewUpstream(t, func(request string) string {
		status, _, _ := strings.Cut(strings.TrimPrefix(request, "GET /"), " ")
		return "HTTP/1.1 " + status + " Status\r\nContent-Length: 0\r\n\r\n"
	})
	g := harness.Start(t, staticGateway(t, up.Addr), "metrics /metrics\nvendgate_proxy")
	for _, status := range []int{200, 204, 302, 404, 500, 503, 799} {
		g.Do(g.Request("GET", fmt.Sprintf("/proxy/c1/key/%d", status), nil))
	}
	up.Close()
	g.Do(g.Request("GET", "/proxy/c1/key/200", nil))
	wantMetric(t, g, "upstream_responses_total", `{app="key",class="1xx"} 0`, `{app="key",class="2xx"} 2`,
		`{app="key",class="3xx"} 1`, `{app="key",class="4xx"} 1`, `{app="key",class="5xx"} 2`, `{app="key",class="none"} 2`)
}

// TestMetricsAcrossReloads: counters outlive reloads, and a call that spans one is in flight, and
// is counted, under both configurations.
func TestMetricsAcrossReloads(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	up := harness.NewUpstream(t, func(request string) string {
		if strings.Contains(request, "/slow") {
			arrived <- struct{}{}
			<-release
		}
		return harness.OK(request)
	})
	config := func(g *harness.Gateway, n int) string {
		return g.Caddyfile(staticGateway(t, up.Addr), "",
			fmt.Sprintf("respond /generation %d\nmetrics /metrics\nvendgate_proxy", n))
	}
	g := harness.StartWith(t, func(g *harness.Gateway) string { return config(g, 0) })
	g.Do(g.Request("GET", "/proxy/c1/key/a", nil))
	answers, reloads := make(chan string, 3), make(chan error, 1)
	for n := range 3 {
		// Each call has a connection of its own, so that none waits for another.
		go func() { answers <- call(g.Request("GET", "/proxy/c1/key/slow", nil)) }()
		<-arrived
		wantMetric(t, g, "in_flight", fmt.Sprint(n+1))
		go func() { reloads <- g.TryLoad(config(g, n+1)) }()
		// Caddy waits for the calls of the configuration before, while the next one serves.
		harness.Within(t, "the next configuration", 30*time.Second, func() bool {
			return call(g.Request("GET", "/generation", nil)) == fmt.Sprint(n+1)
		})
		wantMetric(t, g, "in_flight", fmt.Sprint(n+1))
		wantMetric(t, g, "requests_total", `{app="key",code=""} 1`)
		if err := <-reloads; err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	for range 3 {
		if body := <-answers; body != "ok" {
			t.Errorf("a call that spanned a reload got %q", body)
		}
	}
	harness.Within(t, "the end of the calls", 30*time.Second, func() bool {
		return slices.Equal(metric(t, g, "in_flight"), []string{"0"})
	})
	wantMetric(t, g, "requests_total", `{app="key",code=""} 4`)
	wantMetric(t, g, "vend_seconds_count", `{source="static"} 4`)
}

// call makes a request on a connection of its own, and returns the body or the error.
func call(r *http.Request) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// TestConnectionMetrics reads the gauges of the store.
func TestConnectionMetrics(t *testing.T) {
	g := harness.Start(t, "data_dir "+t.TempDir()+"\n", "metrics /metrics\nvendgate_connect")
	wantMetric(t, g, "connections")
	wantMetric(t, g, "store_ready", "1")
	build := version.Get()
	wantMetric(t, g, "build_info",
		fmt.Sprintf(`{caddy=%q,commit=%q,version=%q} 1`, build.Caddy, build.Commit, build.Version))
}
