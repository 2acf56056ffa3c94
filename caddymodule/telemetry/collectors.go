package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/gateway"
)

// Names begin with these, like those of Caddy's other modules.
const (
	namespace = "caddy"
	subsystem = "vendgate"
)

// Collectors count the calls of a process, whatever configuration they came under. What is new to
// count, such as deliveries of webhooks, is declared here and listed in all.
type Collectors struct {
	requests  *prometheus.CounterVec
	vend      *prometheus.HistogramVec
	appVend   *prometheus.HistogramVec
	upstream  *prometheus.HistogramVec
	responses *prometheus.CounterVec
	overhead  prometheus.Histogram
	refusals  *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	store     *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	limiter   limiterMetrics
	// Without quantiles, a summary is a sum and a count: two series a tenant, not eighteen.
	tenantVend     *prometheus.SummaryVec
	tenantUpstream *prometheus.SummaryVec

	// What a call counts in is looked up here, without the locks of the collectors.
	apps      table[string, *appMetrics]
	vends     table[string, prometheus.Observer] // by source
	named     table[string, struct{}]            // the tenants with labels of their own
	byTenant  table[string, tenantMetrics]       // by label
	refreshed table[string, struct{}]            // the apps that had a refresh
}

// latency covers 100 µs to 100 s.
var latency = prometheus.ExponentialBucketsRange(0.0001, 100, 16)

// NewCollectors returns collectors that have counted nothing.
func NewCollectors() *Collectors {
	return &Collectors{
		requests: counters("requests_total", "Calls by app and code; code is empty for what passed.", "app", "code",
			"tenant"),
		vend:    histograms("vend_seconds", "Time to vend a credential, by source.", "source"),
		appVend: histograms("app_vend_seconds", "Time that a call spent vending, by app.", "app"),
		upstream: histograms("upstream_seconds",
			"Time from forwarding a call to the header of the provider's answer.", "app"),
		responses: counters("upstream_responses_total",
			"Responses of providers by class of status, like 2xx; `none` is a call without one.", "app", "class"),
		overhead: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "overhead_seconds", Help: "Time before forwarding that was not spent vending.", Buckets: latency}),
		refusals: counters("budget_refusals_total", "Calls refused by a budget or the in-flight bound.", "budget", "tenant"),
		refreshes: counters("refreshes_total", "Refreshes of tokens by result; `ok` is one that brought a token.",
			"app", "class"),
		store: histograms("store_duration_seconds",
			"Time of the store's database, by operation: `grant` is what each vend reads.", "operation"),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: "in_flight",
			Help: "Calls under way."}),
		limiter:        newLimiterMetrics(),
		tenantVend:     sums("tenant_vend_seconds", "Time that calls spent vending, by tenant.", "tenant"),
		tenantUpstream: sums("tenant_upstream_seconds", "Time that calls waited for providers, by tenant.", "tenant"),
	}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name,
		Help: help}, labels)
}

func histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name,
		Help: help, Buckets: latency}, labels)
}

func sums(name, help string, labels ...string) *prometheus.SummaryVec {
	return prometheus.NewSummaryVec(prometheus.SummaryOpts{Namespace: namespace, Subsystem: subsystem, Name: name,
		Help: help}, labels)
}

// all lists what is registered.
func (c *Collectors) all() []prometheus.Collector {
	return []prometheus.Collector{
		optionalLabel{c.requests, "tenant"}, optionalLabel{c.refusals, "tenant"},
		c.vend, c.appVend, c.upstream, c.responses, c.overhead, c.refreshes, c.store, c.inFlight, c.tenantVend,
		c.tenantUpstream,
	}
}

// appMetrics are one app's, looked up once.
type appMetrics struct {
	label          string
	vend, upstream prometheus.Observer
	// responses are counted by the first digit of the status.
	responses [6]prometheus.Counter
	answers   table[answerKey, prometheus.Counter]
}

// classes name the responses by the first digit of their status; one above 599 counts as none.
var classes = [6]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (c *Collectors) newApp(label string) *appMetrics {
	app := &appMetrics{label: label, vend: c.appVend.WithLabelValues(label), upstream: c.upstream.WithLabelValues(label)}
	for i, class := range classes {
		app.responses[i] = c.responses.WithLabelValues(label, class)
	}
	return app
}

// tenantMetrics are one tenant's.
type tenantMetrics struct{ vend, upstream prometheus.Observer }

func (t tenantMetrics) observe(e *gateway.Event) {
	if e.Vends > 0 {
		t.vend.Observe(e.Vend.Seconds())
	}
	if e.Upstream > 0 {
		t.upstream.Observe(e.Upstream.Seconds())
	}
}
