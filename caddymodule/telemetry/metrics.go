package telemetry

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/internal/version"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Metrics are the metrics of one configuration. All configurations of a process count in the same
// collectors, so that counters survive a reload, a call that began under the configuration before
// is counted, and the calls in flight are those of both.
//
// Labels come from the catalog, the codes, the configured sources and the known tenants only, never
// from what callers send.
type Metrics struct {
	*Collectors
	registry prometheus.Registerer
	// tenants is how many tenants have a label of their own; 0 means that there is no such label.
	tenants int
}

// NewMetrics registers the metrics with a configuration's registry: Caddy gives every one its own.
// The first so many tenants that call have labels of their own.
func NewMetrics(registry prometheus.Registerer, c *Collectors, tenants int) (*Metrics, error) {
	m := &Metrics{Collectors: c, registry: registry, tenants: tenants}
	return m, m.register(append(c.all(), buildInfo())...)
}

func (m *Metrics) register(all ...prometheus.Collector) error {
	for _, c := range all {
		if err := m.registry.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// buildInfo is always 1: its labels say which build this is.
func buildInfo() prometheus.Collector {
	build := version.Get()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "build_info", Help: "Which build this is; always 1.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "caddy": build.Caddy},
	}, func() float64 { return 1 })
}

const (
	// unknownApp is the label of calls that named no app, or were refused before it was known whose.
	unknownApp = "unknown"
	// otherTenants is the label of the tenants that came after the bound.
	otherTenants = "other"
)

// tenantLabel is empty where tenants have no labels, and for a call that was refused before it was
// known whose it was.
func (m *Metrics) tenantLabel(e *gateway.Event) string {
	switch {
	case m.tenants == 0 || e.Tenant == "":
		return ""
	case e.Unverified:
		return policy.UnverifiedTenants
	}
	_, named := m.named.find(e.Tenant)
	if !named && m.named.len() < m.tenants {
		_, named = m.named.add(e.Tenant, struct{}{}, m.tenants)
	}
	if !named {
		return otherTenants
	}
	return e.Tenant
}

// Vended counts one vend.
func (m *Metrics) Vended(source string, took time.Duration) {
	o, ok := m.vends.find(source)
	if !ok {
		o, _ = m.vends.add(source, m.vend.WithLabelValues(source), math.MaxInt)
	}
	o.Observe(took.Seconds())
}

// Refreshed counts one refresh of a token. With an app's first one, its other results are there
// with 0: Prometheus sees no increase in a counter that begins at 1.
func (m *Metrics) Refreshed(app string, result local.RefreshResult) {
	if _, ok := m.refreshed.find(app); !ok {
		for _, r := range local.RefreshResults() {
			m.refreshes.WithLabelValues(app, string(r))
		}
		m.refreshed.add(app, struct{}{}, math.MaxInt)
	}
	m.refreshes.WithLabelValues(app, string(result)).Inc()
}

// CountPlatform counts a call of the Platform API.
func (m *Metrics) CountPlatform(e *gateway.Event) {
	m.countAnswer(m.app(e.App), m.tenantLabel(e), e)
}

// countAnswer counts what became of a call.
func (m *Metrics) countAnswer(app *appMetrics, tenant string, e *gateway.Event) {
	if e.Budget != "" {
		m.refusals.WithLabelValues(e.Budget, tenant).Inc()
	}
	key := answerKey{tenant, e.Code}
	c, ok := app.answers.find(key)
	if !ok {
		c, _ = app.answers.add(key, m.requests.WithLabelValues(app.label, string(e.Code), tenant), math.MaxInt)
	}
	c.Inc()
}

// count counts a call that has ended.
func (m *Metrics) count(e *gateway.Event) {
	app, tenant := m.app(e.App), m.tenantLabel(e)
	m.countAnswer(app, tenant, e)
	if e.Vends > 0 {
		m.Vended(e.Source, e.FirstVend)
		app.vend.Observe(e.Vend.Seconds())
	}
	if e.Vends > 1 {
		m.Vended(e.Source, e.Vend-e.FirstVend)
	}
	if !e.Sent.IsZero() {
		m.overhead.Observe((e.Sent.Sub(e.Start) - e.FirstVend).Seconds())
		m.countResponse(app, e)
	}
	if e.Upstream > 0 {
		app.upstream.Observe(e.Upstream.Seconds())
	}
	if tenant != "" {
		m.tenant(tenant).observe(e)
	}
}

// countResponse counts what a provider answered. Of a caller who left before it did, there is
// nothing to say.
func (m *Metrics) countResponse(app *appMetrics, e *gateway.Event) {
	class := e.Status / 100
	switch {
	case e.Status == 0 && e.Code == gateway.Aborted:
		return
	case class >= len(app.responses): // without a meaning (RFC 9110, section 15)
		class = 0
	}
	app.responses[class].Inc()
}

// answerKey is what the calls of an app are counted by.
type answerKey struct {
	tenant string
	code   vending.Code
}

// app returns the metrics of an app of the catalog, or of calls to none.
func (m *Metrics) app(slug string) *appMetrics {
	if app, ok := m.apps.find(slug); ok {
		return app
	}
	app, _ := m.apps.add(slug, m.newApp(cmp.Or(slug, unknownApp)), math.MaxInt)
	return app
}

// tenant returns the metrics of a tenant's label.
func (m *Metrics) tenant(label string) tenantMetrics {
	t, ok := m.byTenant.find(label)
	if !ok {
		t, _ = m.byTenant.add(label, tenantMetrics{
			vend: m.tenantVend.WithLabelValues(label), upstream: m.tenantUpstream.WithLabelValues(label),
		}, math.MaxInt)
	}
	return t
}
