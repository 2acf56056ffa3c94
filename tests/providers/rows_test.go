package providers

import (
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestProviders goes through the table: one gateway, one connection a row, made by a link.
func TestProviders(t *testing.T) {
	rows := slices.Concat(tokenRows, answerRows, formRows, endedRows)
	providers, dir := standin(t, rows), t.TempDir()
	var apps strings.Builder
	for _, r := range rows {
		if r.source == "" || r.does == "" || r.sees == "" {
			t.Fatalf("row %s: say what the provider does, where that is known from, and what is seen of it", r.slug)
		}
		apps.WriteString(providers[r.slug].config(t, dir))
	}
	g, _ := harness.StartApart(t, func(g *harness.Gateway) string {
		return g.Caddyfile(tenant(t, dir+"/store")+apps.String(), "", site)
	})
	for _, r := range rows {
		t.Run(r.slug, func(t *testing.T) {
			c := &customer{t: t, Gateway: g, app: r.slug, p: providers[r.slug]}
			defer func() {
				if t.Failed() {
					t.Logf("the provider: %s (%s)\nwanted: %s", r.does, r.source, r.sees)
				}
			}()
			r.check(t, c)
		})
	}
}
