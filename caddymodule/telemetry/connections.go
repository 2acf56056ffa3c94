package telemetry

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/connect"
)

const (
	// countEvery bounds how often scrapes ask the store, and so how old what they get may be.
	countEvery = 15 * time.Second
	// countTimeout bounds what a scrape waits for the store; Prometheus gives it 10 s in all.
	countTimeout = 3 * time.Second
)

// connections are gauges of a store. They are computed at a scrape, on the store's readers for
// lists: calls have others.
type connections struct {
	counts func(context.Context) ([]connect.ConnectionCount, error)
	// known reports whether an app is in the catalog.
	known func(app string) bool
	now   func() time.Time

	amount, ready *prometheus.Desc

	mu      sync.Mutex // only scrapes take it
	counted time.Time
	err     error
	last    map[connectionState]int64
}

// connectionState is what connections are counted by.
type connectionState struct {
	app    string
	status connect.Status
	needs  bool
}

// ObserveStore adds the gauges of a store. An app that is not known has no label of its own.
func (m *Metrics) ObserveStore(counts func(context.Context) ([]connect.ConnectionCount, error),
	known func(app string) bool) error {
	return m.register(newConnections(counts, known))
}

func newConnections(counts func(context.Context) ([]connect.ConnectionCount, error),
	known func(app string) bool) *connections {
	name := func(n string) string { return prometheus.BuildFQName(namespace, subsystem, n) }
	return &connections{
		counts: counts, known: known, now: time.Now,
		amount: prometheus.NewDesc(name("connections"), "Connections in the store, at most 15 s ago.",
			[]string{"app", "status", "needs_reconnection"}, nil),
		ready: prometheus.NewDesc(name("store_ready"), "1 if the store could be read, at most 15 s ago, else 0.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *connections) Describe(ch chan<- *prometheus.Desc) { ch <- c.amount; ch <- c.ready }

// Collect implements prometheus.Collector. While the store cannot be read there are no counts: old
// ones would look like those of today.
func (c *connections) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.last == nil || now.Sub(c.counted) >= countEvery {
		c.count()
		c.counted = now
	}
	ready := 1.0
	if c.err != nil {
		ready = 0
	}
	ch <- prometheus.MustNewConstMetric(c.ready, prometheus.GaugeValue, ready)
	for s, n := range c.last {
		ch <- prometheus.MustNewConstMetric(c.amount, prometheus.GaugeValue, float64(n), s.app, string(s.status),
			strconv.FormatBool(s.needs))
	}
}

func (c *connections) count() {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	counts, err := c.counts(ctx)
	if err != nil {
		counts = nil
	}
	c.err = err
	c.last = make(map[connectionState]int64, len(counts))
	for _, n := range counts {
		s := connectionState{n.App, n.Status, n.NeedsReconnection}
		if !c.known(n.App) {
			s.app = unknownApp
		}
		c.last[s] += n.Connections
		// So that an alert sees the first ones that end, too.
		c.last[connectionState{s.app, connect.Active, true}] += 0
	}
}

var _ prometheus.Collector = (*connections)(nil)
