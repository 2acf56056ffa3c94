package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/connect/store"
)

// StoreObserver returns what a store tells of its operations. It outlives the configuration, as the
// store does.
func (c *Collectors) StoreObserver() func(operation string, took time.Duration) {
	by := make(map[string]prometheus.Observer)
	for _, operation := range store.Operations() {
		by[operation] = c.store.WithLabelValues(operation)
	}
	return func(operation string, took time.Duration) {
		if o, ok := by[operation]; ok {
			o.Observe(took.Seconds())
		}
	}
}

// storeState are gauges of a store that cost it nothing.
type storeState struct {
	up   func() bool
	pool func() (store.Pool, bool)

	isUp, connections *prometheus.Desc
}

// ObserveState adds the gauges of a store: whether it answered when it was last asked, and the
// connections to a database server, if it has one.
func (m *Metrics) ObserveState(up func() bool, pool func() (store.Pool, bool)) error {
	return m.register(newStoreState(up, pool))
}

func newStoreState(up func() bool, pool func() (store.Pool, bool)) *storeState {
	name := func(n string) string { return prometheus.BuildFQName(namespace, subsystem, n) }
	return &storeState{
		up: up, pool: pool,
		isUp: prometheus.NewDesc(name("store_up"), "1 if the store answered when it was last asked, which is each second.",
			nil, nil),
		connections: prometheus.NewDesc(name("store_pool_connections"), "Connections to the database server, by state.",
			[]string{"state"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *storeState) Describe(ch chan<- *prometheus.Desc) { ch <- s.isUp; ch <- s.connections }

// Collect implements prometheus.Collector.
func (s *storeState) Collect(ch chan<- prometheus.Metric) {
	up := 0.0
	if s.up() {
		up = 1
	}
	ch <- prometheus.MustNewConstMetric(s.isUp, prometheus.GaugeValue, up)
	pool, ok := s.pool()
	if !ok {
		return
	}
	for state, n := range map[string]int{"in_use": pool.InUse, "idle": pool.Idle, "max": pool.Max} {
		ch <- prometheus.MustNewConstMetric(s.connections, prometheus.GaugeValue, float64(n), state)
	}
}

var _ prometheus.Collector = (*storeState)(nil)
