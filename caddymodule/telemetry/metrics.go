package telemetry

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/gateway"
)

// Metrics are registered with each configuration: Caddy gives every one its own registry.
// Labels come from the catalog, the codes and the configured sources only, never from what callers
// send.
type Metrics struct {
	requests *prometheus.CounterVec
	vend     *prometheus.HistogramVec
	upstream *prometheus.HistogramVec
	overhead prometheus.Histogram
	refusals *prometheus.CounterVec
	inFlight prometheus.Gauge

	mu   sync.RWMutex
	apps map[string]*appMetrics
}

// latency covers 100 µs to 100 s.
var latency = prometheus.ExponentialBucketsRange(0.0001, 100, 16)

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
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
	m := &Metrics{
		apps:     make(map[string]*appMetrics),
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
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	m.app("")
	return m, nil
}

// unknownApp is the label of calls that named no app, or were refused before it was known whose.
const unknownApp = "unknown"

// appMetrics are one app's, looked up once.
type appMetrics struct {
	label    string
	passed   prometheus.Counter
	upstream prometheus.Observer
}

// app returns the metrics of an app of the catalog, or of calls to none. It allocates at an app's
// first call only.
func (m *Metrics) app(slug string) *appMetrics {
	m.mu.RLock()
	app := m.apps[slug]
	m.mu.RUnlock()
	if app != nil {
		return app
	}
	label := cmp.Or(slug, unknownApp)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.apps[slug] = &appMetrics{label: label, passed: m.requests.WithLabelValues(label, ""),
		upstream: m.upstream.WithLabelValues(label)}
	return m.apps[slug]
}

// Vended counts one vend.
func (m *Metrics) Vended(source string, took time.Duration) {
	m.vend.WithLabelValues(source).Observe(took.Seconds())
}

// CountPlatform counts a call of the Platform API.
func (m *Metrics) CountPlatform(e *gateway.Event) {
	m.countRefusal(e)
	m.requests.WithLabelValues(cmp.Or(e.App, unknownApp), string(e.Code)).Inc()
}

func (m *Metrics) countRefusal(e *gateway.Event) {
	if e.Budget != "" {
		m.refusals.WithLabelValues(e.Budget).Inc()
	}
}

// count counts a call that has ended.
func (m *Metrics) count(e *gateway.Event) {
	m.countRefusal(e)
	app := m.app(e.App)
	if e.Code == "" {
		app.passed.Inc()
	} else {
		m.requests.WithLabelValues(app.label, string(e.Code)).Inc()
	}
	if e.Vends > 0 {
		m.Vended(e.Source, e.FirstVend)
	}
	if e.Vends > 1 {
		m.Vended(e.Source, e.Vend-e.FirstVend)
	}
	if !e.Sent.IsZero() {
		m.overhead.Observe((e.Sent.Sub(e.Start) - e.FirstVend).Seconds())
	}
	if e.Upstream > 0 {
		app.upstream.Observe(e.Upstream.Seconds())
	}
}
