package policy

import (
	"slices"
	"testing"
	"time"
)

// TestRemaining: what is left of app and connection budgets is told, the least first, and telling
// it spends nothing.
func TestRemaining(t *testing.T) {
	now := time.Now()
	l := NewMemory(nil)
	budgets := Budgets{Token: 600, Connection: 10, Apps: map[string]Budget{"slack": 20, "gmail": 30, "free": 0}}
	tenant := &Tenant{ID: "acme", Budgets: budgets, Usage: l.Usage("acme", budgets)}
	other := &Tenant{ID: "evil", Budgets: budgets, Usage: l.Usage("evil", budgets)}
	spend := func(t *Tenant, app, connection string, times int) {
		for range times {
			reserved, _, _ := vend(l, t, nil, app, connection, now)
			reserved.Commit(true)
		}
	}
	spend(tenant, "gmail", "conn_b", 2)
	spend(tenant, "gmail", "conn_a", 7)
	spend(other, "slack", "conn_c", 5)
	for range 2 {
		if got, want := AppsLeft(t.Context(), l, tenant, now), []Remaining{{"gmail", 30, 21},
			{"slack", 20, 20}}; !slices.Equal(got, want) {
			t.Errorf("apps: %v, want %v", got, want)
		}
		want := []Remaining{{"conn_a", 10, 3}, {"conn_b", 10, 8}}
		if got := ConnectionsLeft(t.Context(), l, tenant, 5, now); !slices.Equal(got, want) {
			t.Errorf("connections: %v, want %v", got, want)
		}
		if got := ConnectionsLeft(t.Context(), l, tenant, 1, now); !slices.Equal(got, want[:1]) {
			t.Errorf("one connection: %v, want %v", got, want[:1])
		}
	}
	if got := ConnectionsLeft(t.Context(), l, tenant, 5, now.Add(time.Minute)); got != nil {
		t.Errorf("a minute later: %v", got)
	}
	if got := ConnectionsLeft(t.Context(), l, &Tenant{ID: "acme"}, 5, now); got != nil {
		t.Errorf("without such a budget: %v", got)
	}
}
