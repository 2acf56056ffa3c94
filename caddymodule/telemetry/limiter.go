package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// limiterMetrics are those of budgets that are shared through a Redis.
type limiterMetrics struct {
	duration, lease prometheus.Histogram
	degraded, nodes prometheus.Gauge
}

func newLimiterMetrics() limiterMetrics {
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name,
			Help: help, Buckets: buckets})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	return limiterMetrics{
		duration: histogram("limiter_duration_seconds", "Time that a call of Redis took for budgets.", latency),
		lease: histogram("limiter_lease_units", "Units of a budget that a call of Redis brought.",
			prometheus.ExponentialBuckets(1, 4, 8)),
		degraded: gauge("limiter_degraded", "1 while Redis is away, so that budgets are not shared."),
		nodes:    gauge("limiter_nodes", "Gateways that share budgets, as last seen."),
	}
}

func (l limiterMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{l.duration, l.lease, l.degraded, l.nodes}
}

// ObserveLimiter registers the metrics of shared budgets.
func (m *Metrics) ObserveLimiter() error {
	return m.register(m.limiter.all()...)
}

// LimiterObserver returns what the limiter tells of itself. It outlives the configuration, as the
// limiter does.
func (c *Collectors) LimiterObserver() *LimiterObserver { return &LimiterObserver{c.limiter} }

// LimiterObserver counts what the limiter of shared budgets does.
type LimiterObserver struct{ metrics limiterMetrics }

// Call is told how long a call of Redis took.
func (o *LimiterObserver) Call(took time.Duration) { o.metrics.duration.Observe(took.Seconds()) }

// Lease is told how many units a call brought.
func (o *LimiterObserver) Lease(units int) { o.metrics.lease.Observe(float64(units)) }

// Degraded is told when Redis is away and when it is back.
func (o *LimiterObserver) Degraded(degraded bool) {
	value := 0.0
	if degraded {
		value = 1
	}
	o.metrics.degraded.Set(value)
}

// Nodes is told how many gateways share the budgets.
func (o *LimiterObserver) Nodes(n int) { o.metrics.nodes.Set(float64(n)) }
