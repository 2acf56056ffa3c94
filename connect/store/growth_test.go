package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

// scale is how much a gateway of BenchmarkGrowth has. Of its connections, hot are called, or all
// that can be vended if those are fewer.
type scale struct{ connections, tenants, apps, hot int }

// embeddedApps are those of the binary with all of the community.
const embeddedApps = 933

// scales are the sizes that are measured. The others are compared with the first.
var scales = []scale{
	{10, 10, embeddedApps, 10},
	{10_000, 10, embeddedApps, 1000},
	{10_000, millionTenants, embeddedApps, 1000},
	{10, 10, 5000, 10},
	{millionRows, millionTenants, embeddedApps, 1000},
	{millionRows, millionTenants, embeddedApps, millionRows},
}

const (
	growthStarts = 7
	growthRounds = 9
	growthCalls  = 6000
)

// BenchmarkGrowth measures what a call costs, a start takes and a gateway keeps in memory by how
// much it has, in SQLite: `make growth`. The gateways run side by side and are called in turns, so
// that the rest of the machine slows all of them alike. Where VENDGATE_STORES names a folder, the
// stores in it are measured again for as long as their tokens last, or made there.
func BenchmarkGrowth(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ya29.") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1024))
	}))
	defer upstream.Close()
	var all []*grown
	for _, s := range scales {
		g := &grown{scale: s, m: storeOf(b, s)}
		g.configure(b, upstream.URL)
		for range growthStarts {
			g.start(b)
			g.stop(b)
		}
		all = append(all, g)
	}
	for _, g := range all {
		g.start(b)
		defer g.stop(b)
		g.call(b, growthCalls)
	}
	for range growthRounds {
		for _, g := range all {
			before := processCPU(b, g.process.Pid)
			g.call(b, growthCalls)
			g.cost = append(g.cost, (processCPU(b, g.process.Pid)-before)/growthCalls)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.Log(table(b, all))
}

// storeOf fills a store and closes it, as a gateway does that ends; one of the same size serves.
func storeOf(b *testing.B, s scale) *million {
	b.Helper()
	dir := cmp.Or(os.Getenv("VENDGATE_STORES"), filepath.Join(os.TempDir(), fmt.Sprint("vendgate-growth-", os.Getpid())))
	if os.Getenv("VENDGATE_STORES") == "" {
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	dir = filepath.Join(dir, fmt.Sprint(s.connections, "-", s.tenants))
	m := &million{connections: s.connections, tenants: s.tenants, dir: dir}
	rows, key := filepath.Join(dir, "rows.json"), filepath.Join(dir, "key")
	if raw, err := os.ReadFile(key); err == nil {
		m.kek = string(raw)
		if err := json.Unmarshal(must[[]byte](b)(os.ReadFile(rows)), &m.rows); err != nil {
			b.Fatal(err)
		}
		return m
	}
	m.kek, _ = vault.CreateKEK()
	keys := []vault.KEK{must[vault.KEK](b)(vault.ParseKEK(m.kek))}
	m.Store = must[*Store](b)(Open(b.Context(), Options{Dir: dir, KeyEncryptionKeys: keys}))
	m.fill(b)
	raw, err := json.Marshal(m.rows)
	if err := errors.Join(err, m.Close(), os.WriteFile(rows, raw, 0o600),
		os.WriteFile(key, []byte(m.kek), 0o600)); err != nil {
		b.Fatal(err)
	}
	return m
}

// table writes the figures in Markdown.
func table(b *testing.B, all []*grown) string {
	var out strings.Builder
	out.WriteString("\n| connections | called | tenants | apps | CPU of a call | of the first | " +
		"start to the first answer | CPU of that | memory |\n" + strings.Repeat("|--:", 9) + "|\n")
	for _, g := range all {
		ratios := make([]float64, len(g.cost))
		for i := range g.cost {
			ratios[i] = float64(g.cost[i]) / float64(all[0].cost[i])
		}
		_, _ = fmt.Fprintf(&out, "| %d | %d | %d | %d | %.0f µs | %.2f | %d ms | %d ms | %.0f MiB |\n", g.connections,
			len(g.hot), g.tenants, g.apps, float64(median(g.cost))/float64(time.Microsecond), median(ratios),
			slices.Min(g.wall).Milliseconds(), slices.Min(g.cpu).Milliseconds(), residentMiB(b, g.process.Pid))
	}
	return out.String()
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// hotOf picks n of the connections, evenly spread over all.
func hotOf(rows []connect.Connection, n int) (hot []connect.Connection) {
	n = min(n, len(rows))
	for i := range n {
		hot = append(hot, rows[i*len(rows)/n])
	}
	return hot
}
