package authorization

import (
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// notice bounds the wait until a running gateway has noticed a change in the store. It asks each
// second, which package policy tests with a clock of its own; the rest is for a busy machine.
const notice = 15 * time.Second

// TestKeysOfTheCommand changes a tenant's keys by the program's commands while a gateway runs in
// another process.
func TestKeysOfTheCommand(t *testing.T) {
	s := newStage(t)
	g := s.start("5s")
	env := harness.Environ(t)
	command := func(args ...string) string {
		return strings.TrimSpace(harness.Run(t, env, "", harness.Program(t),
			append([]string{"tenant", "--data", s.dir}, args...)...))
	}
	imported := func(tenant string) string {
		granted := s.provider.grant()
		config := g.Caddyfile(s.local("margin 5s"), "", site)
		return s.importBy(env, tenant, config, `{"access_token":"`+granted.Access+`","refresh_token":"`+granted.Refresh+
			`","expires_in":60}`)
	}
	first := command("create", "beta", "--email", "dev@beta.example")
	id := imported("beta")
	status := func(key string) int { return get(t, g, id, "Authorization: Bearer "+key).status }
	becomes := func(what, key string, want int) {
		t.Helper()
		begun := time.Now()
		harness.Within(t, what, notice, func() bool { return status(key) == want })
		t.Logf("%s: noticed %s after the command", what, time.Since(begun).Round(time.Millisecond))
	}
	becomes("a new key", first, 200)
	second := command("rotate", "beta")
	becomes("a second key", second, 200)
	if got := status(first); got != 200 {
		t.Errorf("during rotation the first key is answered %d", got)
	}
	command("promote", "beta")
	becomes("the retired key", first, 401)
	if got := status(second); got != 200 {
		t.Errorf("after promote the second key is answered %d", got)
	}
	command("disable", "beta")
	becomes("the disabled tenant", second, 401)
	s.api.requests()
	for name, key := range map[string]string{"retired": first, "disabled": second} {
		expect(t, "a "+name+" key", get(t, g, id, "Authorization: Bearer "+key), "401 invalid_tenant_key gateway")
	}
	if n := len(s.api.requests()); n != 0 {
		t.Errorf("%d calls with dead keys reached the upstream", n)
	}
}
