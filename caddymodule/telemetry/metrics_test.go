package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

func newMetrics(t testing.TB, tenants int) (*Metrics, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	m, err := NewMetrics(registry, NewCollectors(), tenants)
	if err != nil {
		t.Fatal(err)
	}
	return m, registry
}

// values are what a scrape gets of a metric, by its labels.
func values(t testing.TB, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() != "caddy_vendgate_"+name {
				continue
			}
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			found[strings.Join(labels, ",")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return found
}

// TestTenantLabels: however many tenants call at once, at most so many have labels, and a name that
// follows from what a caller sent is never one.
func TestTenantLabels(t *testing.T) {
	m, registry := newMetrics(t, 10)
	var calls sync.WaitGroup
	for i := range 1000 {
		calls.Go(func() { m.count(&gateway.Event{App: "gmail", Tenant: fmt.Sprintf("tenant%d", i%50)}) })
	}
	calls.Wait()
	for range 3 {
		m.count(&gateway.Event{App: "gmail", Tenant: "key-0a1b", Unverified: true})
	}
	got := values(t, registry, "requests_total")
	if got["app=gmail,code=,tenant=other"] != 800 || got["app=gmail,code=,tenant=*"] != 3 || len(got) != 12 {
		t.Errorf("counted %v, want 10 tenants, 800 calls of others and 3 of *", got)
	}
	m.CountPlatform(&gateway.Event{Tenant: "tenant7", Code: vending.RateLimited, Budget: "api"})
	for labels, n := range values(t, registry, "budget_refusals_total") {
		if !strings.HasPrefix(labels, "budget=api,tenant=") || n != 1 {
			t.Errorf("refused: %s %v", labels, n)
		}
	}
}

// TestRefreshCounts: with an app's first refresh, all results have a count.
func TestRefreshCounts(t *testing.T) {
	m, registry := newMetrics(t, 0)
	m.Refreshed("gmail", local.RefreshOK)
	m.Refreshed("gmail", local.RefreshUnsaved)
	got := values(t, registry, "refreshes_total")
	if got["app=gmail,class=ok"] != 1 || got["app=gmail,class=unsaved"] != 1 || len(got) != len(local.RefreshResults()) {
		t.Errorf("counted %v", got)
	}
}

// TestConnectionGauges: scrapes ask the store at most every 15 s, and one that cannot be read has
// no counts.
func TestConnectionGauges(t *testing.T) {
	m, registry := newMetrics(t, 0)
	asked, broken := 0, error(nil)
	counts := func(context.Context) ([]connect.ConnectionCount, error) {
		asked++
		return []connect.ConnectionCount{
			{App: "gmail", Status: connect.Active, Connections: 5},
			{App: "gmail", Status: connect.Active, NeedsReconnection: true, Connections: 2},
			{App: "gone", Status: connect.Pending, Connections: 1},
			{App: "renamed", Status: connect.Pending, Connections: 1},
		}, broken
	}
	now := time.Now()
	gauges := newConnections(counts, func(app string) bool { return app == "gmail" })
	gauges.now = func() time.Time { return now }
	if err := m.register(gauges); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"app=gmail,needs_reconnection=false,status=active": 5, "app=gmail,needs_reconnection=true,status=active": 2,
		"app=unknown,needs_reconnection=false,status=pending": 2, "app=unknown,needs_reconnection=true,status=active": 0,
	}
	for range 3 {
		if got := values(t, registry, "connections"); !maps.Equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
	}
	if now = now.Add(countEvery - 1); values(t, registry, "store_ready")[""] != 1 || asked != 1 {
		t.Errorf("the store was asked %d times, want 1", asked)
	}
	now, broken = now.Add(1), errors.New("disk")
	if got := values(t, registry, "store_ready"); got[""] != 0 || asked != 2 {
		t.Errorf("store_ready is %v after %d questions, want 0 after 2", got, asked)
	}
	if got := values(t, registry, "connections"); len(got) != 0 {
		t.Errorf("without a store the counts are %v", got)
	}
}

// TestMetricsDocumented: the page has each metric with its labels, and no other.
func TestMetricsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics-and-logs.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string][]string)
	code := regexp.MustCompile("`([^`]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| `(caddy_vendgate_\\w+)` \\|([^|]*)\\|").FindAllStringSubmatch(
		string(page), -1) {
		documented[row[1]] = []string{}
		for _, label := range code.FindAllStringSubmatch(row[2], -1) {
			documented[row[1]] = append(documented[row[1]], label[1])
		}
	}
	registered := make(map[string][]string)
	all := append(NewCollectors().all(), buildInfo(), newConnections(nil, nil), newStoreState(nil, nil))
	for _, c := range append(all, newLimiterMetrics().all()...) {
		for name, labels := range described(c) {
			registered[name] = labels
		}
	}
	for name, labels := range registered {
		if got, ok := documented[name]; !ok || !slices.Equal(slices.Sorted(slices.Values(got)), labels) {
			t.Errorf("docs/metrics-and-logs.md has %s with labels %q, want %q", name, got, labels)
		}
		delete(documented, name)
	}
	if len(documented) > 0 {
		t.Errorf("docs/metrics-and-logs.md has %v, which there are not", documented)
	}
}

// described returns the names of a collector's metrics, and their labels, sorted. Only the text of
// a description has them.
func described(c prometheus.Collector) map[string][]string {
	if o, ok := c.(optionalLabel); ok {
		c = o.Collector
	}
	ch := make(chan *prometheus.Desc, 10)
	c.Describe(ch)
	close(ch)
	found := make(map[string][]string)
	form := regexp.MustCompile(`fqName: "(\w+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)
	for d := range ch {
		m := form.FindStringSubmatch(d.String())
		labels := []string{}
		for _, l := range strings.Split(m[2]+","+m[3], ",") {
			if name, _, _ := strings.Cut(l, "="); name != "" {
				labels = append(labels, name)
			}
		}
		slices.Sort(labels)
		found[m[1]] = labels
	}
	return found
}

// BenchmarkCount counts calls of many goroutines. It allocates nothing, and takes no lock.
func BenchmarkCount(b *testing.B) {
	for _, tenants := range []int{0, 100} {
		b.Run(fmt.Sprintf("tenants=%d", tenants), func(b *testing.B) {
			m, _ := newMetrics(b, tenants)
			now := time.Now()
			e := &gateway.Event{App: "gmail", Tenant: "acme", Source: "local", Vends: 1, Start: now, Sent: now.Add(2),
				Status:    200,
				FirstVend: time.Microsecond, Vend: time.Microsecond, Upstream: time.Millisecond}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					m.count(e)
				}
			})
		})
	}
}
