package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// within calls f until it is true. The store is asked each second, which package policy tests with
// a clock of its own; the rest of the wait is for a busy machine.
func within(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(15 * time.Second); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

// TestCommandsOnLiveGateway changes tenants and connections under a running gateway.
func TestCommandsOnLiveGateway(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	dir := t.TempDir()
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\n%s", dir, harness.KeyApp(up.Addr)),
		"vendgate_proxy\nvendgate_connect")
	mint := func(args ...string) string {
		return strings.TrimSpace(must(t, "", append([]string{"tenant", "--data", dir}, args...)...))
	}
	first := mint("create", "acme", "--email", "dev@acme.example")
	id := strings.TrimSpace(must(t, `{"api_key":"sk-live-1"}`, "connection", "import", "--tenant", "acme", "--user",
		harness.Alice, "--app", "key",
		"--data", dir, "--config", configOf(t, harness.KeyApp(up.Addr))))
	call := func(key string) int {
		status, _ := g.Do(g.Request("GET", "/proxy/"+id+"/key/v1", nil, "Authorization: Bearer "+key))
		return status
	}
	within(t, "a new key", func() bool { return call(first) == 200 })
	if got := up.Got(); len(got) == 0 || !strings.Contains(got[len(got)-1], "X-Api-Key: sk-live-1\r\n") {
		t.Errorf("the provider got %q", got)
	}
	second := mint("rotate", "acme")
	within(t, "the second key", func() bool { return call(second) == 200 })
	if status := call(first); status != 200 {
		t.Errorf("during rotation the first key is answered %d", status)
	}
	mint("promote", "acme")
	within(t, "the retired key", func() bool { return call(first) == 401 })
	if status := call(second); status != 200 {
		t.Errorf("after promote the second key is answered %d", status)
	}
	must(t, "", "connection", "delete", id, "--tenant", "acme", "--data", dir)
	if status := call(second); status != 404 {
		t.Errorf("a call of the deleted connection is answered %d", status)
	}
	mint("disable", "acme")
	within(t, "the disabled tenant", func() bool { return call(second) == 401 })
	mint("enable", "acme")
	within(t, "the enabled tenant", func() bool { return call(second) == 404 })
	mint("set", "acme", "--capabilities", "apps")
	within(t, "the tenant without a capability", func() bool { return call(second) == 403 })
	mint("delete", "acme", "--yes")
	within(t, "the deleted tenant", func() bool { return call(second) == 401 })
}

// TestLocalSourceRefreshes: token endpoints are dialled under the guard of their own app.
func TestLocalSourceRefreshes(t *testing.T) {
	up := harness.NewUpstream(t, func(request string) string {
		if strings.HasPrefix(request, "POST /token?") {
			body := `{"access_token":"at-fresh","token_type":"bearer","expires_in":3600,"refresh_token":"rt-2"}`
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body),
				body)
		}
		return harness.OK(request)
	})
	crm := func(slug, guard string) string {
		return fmt.Sprintf("app %[1]s {\n auth_type o_auth\n upstream http://%[2]s\n oauth2 {\n token_url "+
			"http://%[2]s/token?%[1]s\n }\n allow_http\n %[3]s\n}\noauth_client %[1]s {\n client_id vendgate\n}\n", slug,
			up.Addr, guard)
	}
	apps := crm("crm", "allow_private 127.0.0.0/8") + crm("guarded", "")
	dir := t.TempDir()
	key := strings.TrimSpace(must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir))
	config := configOf(t, apps)
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\n%s", dir, apps))
	for slug, want := range map[string]int{"crm": 200, "guarded": 503} {
		id := strings.TrimSpace(must(t, `{"refresh_token":"rt-1"}`, "connection", "import", "--tenant", "acme", "--user",
			harness.Alice, "--app", slug, "--data", dir, "--config", config))
		up.Got()
		status, body := g.Do(g.Request("GET", "/proxy/"+id+"/"+slug+"/me", nil, "Authorization: Bearer "+key))
		got := up.Got()
		if status != want {
			t.Errorf("%s: answered %d %s; the provider got %q", slug, status, body, got)
		}
		if want != 200 && len(got) != 0 {
			t.Errorf("%s: the provider got %q past the guard", slug, got)
		}
		if want == 200 && (len(got) != 2 || !strings.Contains(got[0], "grant_type=refresh_token") ||
			!strings.Contains(got[1], "Authorization: Bearer at-fresh\r\n")) {
			t.Errorf("%s: the provider got %q", slug, got)
		}
	}
}
