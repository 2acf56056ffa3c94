package caddymodule

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are registered anew with each configuration: Caddy gives every one its own registry.
// Labels come from the catalog, the codes and the configured sources only, never from what callers
// send.
type metrics struct {
	requests *prometheus.CounterVec
	vend     *prometheus.HistogramVec
	upstream *prometheus.HistogramVec
	overhead prometheus.Histogram
	refusals *prometheus.CounterVec
	inFlight prometheus.Gauge
	unknown  *appMetrics
}

// latency covers 100 µs to 100 s.
var latency = prometheus.ExponentialBucketsRange(0.0001, 100, 16)

func newMetrics(ctx caddy.Context) (*metrics, error) {
	name := func(n string) prometheus.Opts {
		return prometheus.Opts{Namespace: "caddy", Subsystem: "vendgate", Name: n}
	}
	counter := func(n, help string, labels ...string) *prometheus.CounterVec {
		o := prometheus.CounterOpts(name(n))
		o.Help = help
		return prometheus.NewCounterVec(o, labels)
	}
	histogram := func(n, help string) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "caddy", Subsystem: "vendgate", Name: n, Help: help, Buckets: latency}
	}
	m := &metrics{
		requests: counter("requests_total", "Calls by app and code; code is empty for what passed.", "app", "code"),
		vend:     prometheus.NewHistogramVec(histogram("vend_seconds", "Time to vend a credential."), []string{"source"}),
		upstream: prometheus.NewHistogramVec(histogram("upstream_seconds",
			"Time from forwarding a call to the header of the provider's answer."), []string{"app"}),
		overhead: prometheus.NewHistogram(histogram("overhead_seconds",
			"Time before forwarding that was not spent vending.")),
		refusals: counter("budget_refusals_total", "Calls refused by a budget or the in-flight bound.", "budget"),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "caddy", Subsystem: "vendgate", Name: "in_flight",
			Help: "Calls under way."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.vend, m.upstream, m.overhead, m.refusals, m.inFlight} {
		if err := ctx.GetMetricsRegistry().Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	m.unknown = m.app("unknown")
	return m, nil
}

// appMetrics are one app's, looked up once.
type appMetrics struct {
	slug     string
	passed   prometheus.Counter
	upstream prometheus.Observer
}

func (m *metrics) app(slug string) *appMetrics {
	return &appMetrics{slug: slug, passed: m.requests.WithLabelValues(slug, ""),
		upstream: m.upstream.WithLabelValues(slug)}
}

func (m *metrics) refused(budget string) { m.refusals.WithLabelValues(budget).Inc() }

// vended accounts for one vend.
func (m *metrics) vended(source string, took time.Duration) {
	m.vend.WithLabelValues(source).Observe(took.Seconds())
}

// countPlatform accounts for a call of the Platform API.
func (m *metrics) countPlatform(f *facts) {
	app := f.app
	if app == "" {
		app = m.unknown.slug
	}
	m.requests.WithLabelValues(app, string(f.code)).Inc()
}

// count accounts for a call that has ended.
func (m *metrics) count(c *call) {
	app := m.unknown
	if c.route != nil {
		app = c.route.metrics
	}
	if c.facts.code == "" {
		app.passed.Inc()
	} else {
		m.requests.WithLabelValues(app.slug, string(c.facts.code)).Inc()
	}
	if c.facts.vends > 0 {
		m.vended(c.tenant.Source, c.facts.firstVend)
	}
	if c.facts.vends > 1 {
		m.vended(c.tenant.Source, c.facts.vend-c.facts.firstVend)
	}
	if !c.facts.sent.IsZero() {
		m.overhead.Observe((c.facts.sent.Sub(c.facts.begun) - c.facts.firstVend).Seconds())
	}
	if c.facts.upstream > 0 {
		app.upstream.Observe(c.facts.upstream.Seconds())
	}
}
