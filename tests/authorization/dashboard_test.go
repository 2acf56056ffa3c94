package authorization

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// desk is a gateway with a tenant of the store, whose key opens the dashboard.
func desk(t *testing.T, policy string, capabilities ...string) (*harness.Gateway, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	store, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	key, err := store.CreateTenant(t.Context(),
		connect.Tenant{ID: "desk", Email: "desk@example.com", Capabilities: capabilities})
	if err != nil {
		t.Fatal(err)
	}
	return harness.Start(t, fmt.Sprintf("data_dir %q\ntenant desk {\n%s\n}\n", dir, policy), "vendgate_connect"), key
}

func signIn(t *testing.T, g *harness.Gateway, key string) *harness.Visitor {
	t.Helper()
	v := harness.NewVisitor(t, nil).Open(g.URL + "/connect/dashboard")
	return v.Do(http.MethodPost, g.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {v.CSRF()}, "key": {key + "\n"}})
}

// TestDashboardNeedsCapability: a key that may only vend sees and changes nothing here.
func TestDashboardNeedsCapability(t *testing.T) {
	g, key := desk(t, "budget api unlimited", "token")
	v := signIn(t, g, key).Sees("signed in", http.StatusForbidden, "lacks the capability connections")
	for _, page := range []string{"/links/new", "/keys", "/audit", "/budgets", "/budgets/live",
		"/connections/conn_x/delete", "/connections/conn_x/update"} {
		v.Open(g.URL+"/connect/dashboard"+page).Sees(page, http.StatusForbidden, "lacks the capability")
	}
	for _, form := range []string{"/links", "/keys/rotate", "/keys/promote", "/keys/mcp", "/connections/conn_x/delete",
		"/connections/conn_x/refresh", "/connections/conn_x/update"} {
		v.Do(http.MethodPost, g.URL+"/connect/dashboard"+form, url.Values{"csrf": {v.CSRF()}}).Sees(form,
			http.StatusForbidden, "lacks the capability")
	}
}

// TestDashboardSpendsTheBudget: what costs by the Platform API costs here as well; signing out does
// not.
func TestDashboardSpendsTheBudget(t *testing.T) {
	g, key := desk(t, "budget api 3")
	v := signIn(t, g, key).Sees("signed in", http.StatusOK, "Connections")
	for range 2 {
		v.Open(g.URL+"/connect/dashboard/links/new").Submit("links", "email", "x", "app", "openai", "name",
			"n").Sees("a mistake", http.StatusUnprocessableEntity, "Enter one email address")
	}
	v.Open(g.URL+"/connect/dashboard/links/new").Submit("links", "email", "a@example.com", "app", "openai", "name",
		"n").Sees("one too many", http.StatusTooManyRequests, "budget")
	if v.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	v.Open(g.URL+"/connect/dashboard/budgets").Sees("budgets", http.StatusOK, "1 refusal in the last hour")
	v.Submit("sign-out").Sees("signed out", http.StatusOK, "Sign in")
	v.Open(g.URL + "/connect/dashboard/budgets/live")
	if v.Status != http.StatusUnauthorized {
		t.Errorf("the live budgets answer %d to nobody", v.Status)
	}
}
