package integration

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// storedConnection makes a store in dir with one connection of the app `key` for tenant acme and
// Alice.
func storedConnection(t *testing.T, dir string) string {
	t.Helper()
	ctx := context.Background()
	store, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	grant := connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: canary}}})
	id, err := store.ImportConnection(ctx,
		connect.Connection{Tenant: "acme", User: harness.Alice, App: "key", AuthType: vending.APIKey}, grant)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestTokenEndpointObeysPolicy: what binds the gateway's vends binds those of the Platform API.
func TestTokenEndpointObeysPolicy(t *testing.T) {
	dir := t.TempDir()
	id := storedConnection(t, dir)
	for name, c := range map[string]struct {
		policy string
		want   []string // codes of three calls
	}{
		"nothing in the way": {"", []string{"", "", ""}},
		"another app only":   {"apps openai", []string{"policy_denied", "policy_denied", "policy_denied"}},
		"a rule for the app": {"rule key deny DELETE", []string{"policy_denied", "policy_denied", "policy_denied"}},
		"a rule for all":     {"rule * allow GET", []string{"policy_denied", "policy_denied", "policy_denied"}},
		"connection budget":  {"budget connection 1", []string{"", "rate_limited", "rate_limited"}},
		"app budget":         {"budget app key 2", []string{"", "", "rate_limited"}},
		"token budget":       {"budget token 1", []string{"", "rate_limited", "rate_limited"}},
		"no capability": {"capabilities connections",
			[]string{"capability_disabled", "capability_disabled", "capability_disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9")+`
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		`+c.policy+`
	}`, "vendgate_connect")
			for i, want := range c.want {
				res, err := g.Client.Do(g.Request("POST", "/platform/v1/connections/"+id+"/token", nil))
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if got := res.Header.Get("Vendgate-Code"); got != want || (want == "") != strings.Contains(string(body), canary) {
					t.Errorf("call %d: %q, want %q: %s", i+1, got, want, body)
				}
			}
		})
	}
}

// TestSearchingSpends: who tries connection ids spends the token budget by it.
func TestSearchingSpends(t *testing.T) {
	dir := t.TempDir()
	storedConnection(t, dir)
	g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9")+`
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		budget token 2
	}`, "vendgate_connect")
	for i, want := range []string{"connection_deleted", "connection_deleted", "rate_limited"} {
		res, err := g.Client.Do(g.Request("POST", "/platform/v1/connections/conn_guess/token", nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Vendgate-Code"); got != want {
			t.Errorf("call %d: %q, want %q", i+1, got, want)
		}
	}
}

// TestConnectLogsItsFactsAndNoKey: alone on a site, whatever header carries the key.
func TestConnectLogsItsFactsAndNoKey(t *testing.T) {
	dir := t.TempDir()
	id := storedConnection(t, dir)
	g := harness.Start(t, "data_dir \""+dir+"\"\n"+keyApp("http://127.0.0.1:9")+`
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
	}`, "log\nvendgate_connect")
	for _, path := range []string{"/platform/v1/connections/" + id, "/platform/v1/connections/" + id + "/nothing",
		"/platform/v2/x", "/elsewhere"} {
		res, err := g.Client.Do(g.Request("GET", path, nil, "Authorization:", "X-Vendgate-Key: "+harness.KeyA))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	log := g.Log()
	if strings.Contains(log, harness.KeyA) {
		t.Error("the log has the tenant key")
	}
	facts := regexp.MustCompile(`"vendgate":\{"request_id":"[A-Z2-7]{26}","tenant":"acme","connection":"` + id + `"`)
	if !facts.MatchString(log) ||
		!strings.Contains(log, `"code":"invalid_request"`) {
		t.Errorf("the log lacks the call's facts:\n%s", log)
	}
}
