package backup

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// serve is a Caddyfile on a store, with more sites.
func serve(dir, app, more string) func(*harness.Gateway) string {
	return func(g *harness.Gateway) string {
		return g.Caddyfile(fmt.Sprintf("data_dir %q\nsource local\n%s", dir, app), "", "vendgate_proxy\nvendgate_connect") +
			more
	}
}

// TestSecondGateway: a gateway warns of another that has its store and its address, and of no
// other.
func TestSecondGateway(t *testing.T) {
	const warning = "another gateway has the same store and listens at the same address"
	dir := t.TempDir()
	first, process := harness.StartApart(t, serve(dir, "", ""))
	process.Await(t, "the line of the start", time.Minute, func() bool {
		return strings.Contains(first.Log(), `"msg":"vendgate started"`)
	})
	if log := first.Log(); strings.Contains(log, warning) {
		t.Errorf("the first warns: %s", log)
	}
	_, port, _ := strings.Cut(first.Addr, ":")
	same := fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n\tvendgate_proxy\n}\n", port)
	for name, c := range map[string]struct {
		dir, more string
		want      bool
	}{
		"store and address": {dir, same, true},
		"store alone":       {dir, "", false},
		"address alone":     {t.TempDir(), same, false},
	} {
		t.Run(name, func(t *testing.T) {
			second, p := harness.StartApart(t, serve(c.dir, "", c.more))
			// It answers before: Caddy starts its apps in any order.
			p.Await(t, "the line of the start", time.Minute, func() bool {
				return strings.Contains(second.Log(), `"msg":"vendgate started"`)
			})
			log := second.Log()
			if strings.Contains(log, warning) != c.want {
				t.Errorf("a warning, want %v: %s", c.want, log)
			}
			if c.want && !strings.Contains(log, fmt.Sprintf(`"pid":%d`, process.PID())) {
				t.Errorf("the warning does not name process %d: %s", process.PID(), log)
			}
			p.Kill()
		})
	}
}

// TestBackupOfRunningGateway backs up under a running gateway and restores elsewhere: three
// connections made a moment before, which are in the WAL only, all answer calls there. The keyset
// comes out of the backup.
func TestBackupOfRunningGateway(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "elsewhere")
	app := harness.KeyApp(up.Addr)
	gateway, process := harness.StartApart(t, serve(dir, app, ""))
	env, program := harness.Environ(t), harness.Program(t)
	key := strings.TrimSpace(harness.Run(t, env, "", program, "tenant", "create", "acme", "--email", "dev@acme.example",
		"--data", dir))
	config := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(config, []byte("{\n\tvendgate {\n"+app+"\n\t}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 3 {
		id := harness.Run(t, env, fmt.Sprintf(`{"api_key":"sk-live-%d"}`, i), program, "connection", "import", "--tenant",
			"acme",
			"--user", harness.Alice, "--app", "key", "--no-verify", "--data", dir, "--config", config)
		ids = append(ids, strings.TrimSpace(id))
	}
	file := filepath.Join(t.TempDir(), "backup")
	const passphrase = "correct horse battery staple\n"
	harness.Run(t, env, passphrase, program, "store", "backup", file, "--with-keyset", "--passphrase-file", "-", "--data",
		dir)
	keyset := filepath.Join(dir, "keyset.json")
	for said, args := range map[string][]string{
		"not checked: see --passphrase-file":                    nil,
		"the passphrase opens it, and it opens the backup (key": {"--passphrase-file", "-"},
		keyset + " opens the backup (key":                       {"--keyset", keyset},
	} {
		out := harness.Run(t, env, passphrase, program, append([]string{"store", "verify", file}, args...)...)
		if !strings.Contains(out, "connections 3") || !strings.Contains(out, said) {
			t.Errorf("verify %q: %s", args, out)
		}
	}
	refused(t, "a gateway or a command has the store open: stop it first: process "+fmt.Sprint(process.PID()),
		"store", "restore", file, "--data", dir, "--replace")
	harness.Run(t, env, "", program, "connection", "delete", ids[0], "--tenant", "acme", "--data", dir)
	if status := call(t, gateway, key, ids[0]); status != http.StatusNotFound {
		t.Errorf("the deleted connection answers %d", status)
	}
	out := harness.Run(t, env, passphrase, program, "store", "restore", file, "--passphrase-file", "-", "--data",
		elsewhere,
		"--audit-from", dir)
	if !strings.Contains(out, "connection_deleted") || !strings.Contains(out, ids[0]) {
		t.Errorf("restore: %s", out)
	}
	restored, _ := harness.StartApart(t, serve(elsewhere, app, ""))
	for _, id := range ids {
		if status := call(t, restored, key, id); status != http.StatusOK {
			t.Errorf("the restored connection answers %d", status)
		}
	}
}

func call(t *testing.T, g *harness.Gateway, key, id string) int {
	t.Helper()
	status, _ := g.Do(g.Request(http.MethodGet, "/proxy/"+id+"/key/v1", nil, "Authorization: Bearer "+key))
	return status
}
