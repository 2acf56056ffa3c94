package callerkey

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// patience bounds the wait until a change in the store is seen. The gateway asks each second, which
// package policy tests with a clock of its own; the rest is for a busy machine.
const patience = 15 * time.Second

// TestByAnotherProcess makes and ends keys by the program, while the gateway runs.
func TestByAnotherProcess(t *testing.T) {
	s := newScene(t, "")
	program, env := harness.Program(t), harness.Environ(t)
	command := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(harness.Run(t, env, "", program, append(args, "--data", s.dir)...))
	}
	create := func(more ...string) string {
		return command(append([]string{"caller-key", "create", "--tenant", "acme", "--connection", s.mine}, more...)...)
	}
	path := "/proxy/" + s.mine + "/key/x"
	begins := func(key string) {
		t.Helper()
		harness.Within(t, "a new key", patience, func() bool { return s.get(path, key).status != http.StatusUnauthorized })
	}
	ends := func(what, key string, end func()) {
		t.Helper()
		begins(key)
		s.mustPass(s.get(path, key), key)
		end()
		harness.Within(t, what, patience, func() bool { return s.get(path, key).status == http.StatusUnauthorized })
		s.mustRefuse(s.get(path, key), http.StatusUnauthorized, vending.InvalidTenantKey, key)
	}
	idOf := func(name string) string {
		for line := range strings.Lines(command("caller-key", "list")) {
			if strings.Contains(line, " "+name+" ") {
				id, _, _ := strings.Cut(line, " ")
				return id
			}
		}
		t.Fatalf("%s is not listed", name)
		return ""
	}
	lasting := create("--name", "lasting")
	ends("revoking", create("--name", "agent"), func() { command("caller-key", "revoke", idOf("agent")) })
	narrow := create("--method", "GET", "--path", "/y/**", "--budget", "5")
	begins(narrow)
	s.mustRefuse(s.get(path, narrow), http.StatusForbidden, vending.PolicyDenied, narrow)
	s.mustPass(s.get("/proxy/"+s.mine+"/key/y/z", narrow), narrow)

	s.mustPass(s.get(path, lasting), lasting)
	command("connection", "delete", s.mine, "--tenant", "acme")
	if a := s.get(path, lasting); a.status == http.StatusOK || len(a.sent) > 0 { // at once
		t.Errorf("the deleted connection answered %d, and the provider got %d requests", a.status, len(a.sent))
	}
	harness.Within(t, "the key of a deleted connection", patience, func() bool {
		return s.get(path, lasting).code == string(vending.InvalidTenantKey)
	})
	if left := command("caller-key", "list", "--json"); left != "[]" {
		t.Errorf("left are %s", left)
	}
}

// TestExpiry: a key ends by itself at its time, though nothing changed in the store.
func TestExpiry(t *testing.T) {
	s := newScene(t, "")
	end := time.Now().Add(3 * time.Second)
	key, _ := s.mint(func(k *connect.CallerKey) { k.ExpiresAt = end })
	path := "/proxy/" + s.mine + "/key/x"
	s.mustPass(s.get(path, key), key)
	time.Sleep(time.Until(end))
	a := s.get(path, key)
	s.mustRefuse(a, http.StatusUnauthorized, vending.InvalidTenantKey, key)
	if !strings.Contains(a.body, "this caller key has expired") {
		t.Errorf("it does not say why: %s", a.body)
	}
}

// TestTenantsEnd: a tenant that is disabled, or taken out of the configuration, takes its caller
// keys along.
func TestTenantsEnd(t *testing.T) {
	const conf = "tenant conf {\n source static\n key_sha256 " +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n}\n" +
		"source static more {\n connection c9 {\n tenant conf\n app key\n field api_key {env.CK_STATIC}\n }\n}\n"
	s := newScene(t, "", strings.Replace(conf, "source static\n", "source more\n", 1))
	stored, _ := s.mint(nil)
	configured, _ := s.mint(func(k *connect.CallerKey) { k.Tenant, k.User, k.Connection = "conf", harness.Alice, "c9" })
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", stored), stored)
	if a := s.get("/proxy/c9/key/x", configured); a.status != http.StatusOK {
		t.Fatalf("the configured tenant's answered %d %s", a.status, a.code)
	}
	s.Load(s.config(s.Gateway, ""))
	s.mustRefuse(s.get("/proxy/c9/key/x", configured), http.StatusUnauthorized, vending.InvalidTenantKey, configured)
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", stored), stored)
	if err := s.store.DisableTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	harness.Within(t, "disabling", patience, func() bool {
		return s.get("/proxy/"+s.mine+"/key/x", stored).code == string(vending.InvalidTenantKey)
	})
}

// TestBudgetOutlivesReload: a reload forgives no caller key.
func TestBudgetOutlivesReload(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(func(k *connect.CallerKey) { k.Budget = 1 })
	path := "/proxy/" + s.mine + "/key/x"
	s.mustPass(s.get(path, key), key)
	s.Load(s.config(s.Gateway, "max_in_flight 100"))
	s.mustRefuse(s.get(path, key), http.StatusTooManyRequests, vending.RateLimited, key)
}

// TestNothingIsTold: logs at DEBUG with the request trace, metrics, the audit trail and the files
// of the store know the key's public id, and never the key.
func TestNothingIsTold(t *testing.T) {
	s := newScene(t, "rule key deny /denied")
	key, id := s.mint(func(k *connect.CallerKey) { k.Name = "agent" })
	for _, line := range []string{bearer(key), "authorization: token " + key, basic(key, "x"), "X-Vendgate-Key: " + key} {
		for _, target := range []string{"/proxy/" + s.mine + "/key/x", "/proxy/" + s.mine + "/key/denied",
			"/proxy/" + s.second + "/key/x", "/platform/v1/apps", "/connect/dashboard", "/elsewhere"} {
			s.raw("GET "+target+" HTTP/1.1", line)
		}
	}
	s.up.Answer(func(string) string { return "" }) // breaks off
	s.get("/proxy/"+s.mine+"/key/x", key)
	s.up.Answer(func(string) string { return "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n" })
	s.get("/proxy/"+s.mine+"/key/x", key)
	if err := s.store.RevokeCallerKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	harness.Within(t, "the revocation", patience, func() bool {
		return s.get("/proxy/"+s.mine+"/key/x", key).status == http.StatusUnauthorized
	})
	log := s.Log()
	s.checkClean("the log", log, key)
	s.checkClean("the metrics", s.raw("GET /metrics HTTP/1.1").body, key)
	facts := regexp.MustCompile(`"vendgate":\{"request_id":"[A-Z2-7]{26}","tenant":"acme","connection":"` + s.mine +
		`","app":"key","caller_key":"` + id + `"`)
	if !facts.MatchString(log) {
		t.Errorf("the log lacks %s", facts)
	}
	for _, want := range []string{
		`"id":"` + id + `"`, `"X-Vendgate-Key":["REDACTED"]`, "http.log.trace",
		`"code":"policy_denied"`, `"code":"connection_deleted"`, `"code":"needs_reconnection"`,
		`"code":"upstream_unavailable"`, `"code":"invalid_tenant_key"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, credential := range []string{mineCredential, secondCredential} {
		if strings.Contains(log, credential) {
			t.Error("the log has a credential")
		}
	}
	s.checkFiles(key)
}
