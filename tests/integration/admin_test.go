package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// adminSocket calls the admin API of a process on its Unix socket.
type adminSocket struct {
	t      *testing.T
	client *http.Client
}

func newAdminSocket(t *testing.T, path string) *adminSocket {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &adminSocket{t, &http.Client{Transport: transport}}
}

// post makes a call that must succeed, and returns the key in its answer, if there is one.
func (s *adminSocket) post(path, body string) (key string) {
	s.t.Helper()
	res, err := s.client.Post("http://admin"+path, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct{ Data struct{ Key string } }
	if err := json.Unmarshal(raw, &answer); err != nil || res.StatusCode/100 != 2 {
		s.t.Fatalf("%s: answered %d %s: %v", path, res.StatusCode, raw, err)
	}
	return answer.Data.Key
}

// codeOf returns what a gateway says to a key: of an accepted one, that there is no such
// connection.
func codeOf(t *testing.T, g *harness.Gateway, key string) string {
	t.Helper()
	res, err := g.Client.Do(g.Request("GET", "/proxy/conn_none/openai/v1/models", nil, "Authorization: Bearer "+key))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.Header.Get("Vendgate-Code")
}

// TestKeysByAdminSocket rotates a tenant's key through one process's admin socket, and calls that
// process and another one over the same store. Neither is restarted.
func TestKeysByAdminSocket(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "admin.sock")
	site := func(admin string) func(*harness.Gateway) string {
		return func(g *harness.Gateway) string {
			return fmt.Sprintf("{\n admin %s\n persist_config off\n auto_https off\n grace_period 1s\n log {\n level DEBUG\n "+
				"}\n vendgate {\n data_dir %q\n }\n}\nhttp://%s {\n bind 127.0.0.1\n log\n vendgate_proxy\n vendgate_connect\n}\n",
				admin, filepath.Join(dir, "store"), g.Addr)
		}
	}
	one, first := harness.StartApart(t, site("unix/"+socket))
	two, second := harness.StartApart(t, site("off"))
	say := func(what, key, want string) {
		t.Helper()
		for name, g := range map[string]*harness.Gateway{"the process of the socket": one, "the other process": two} {
			// The store is asked each second; the rest is for a busy machine.
			harness.Within(t, what+", "+name, 15*time.Second, func() bool { return codeOf(t, g, key) == want })
		}
	}
	const accepted, refused = "connection_deleted", "invalid_tenant_key"
	admin := newAdminSocket(t, socket)
	old := admin.post("/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	say("the first key", old, accepted)
	fresh := admin.post("/vendgate/tenants/acme/rotate", "")
	say("the second key", fresh, accepted)
	say("the first key during rotation", old, accepted)
	admin.post("/vendgate/tenants/acme/promote", "")
	say("the retired key", old, refused)
	say("the second key after promote", fresh, accepted)
	admin.post("/vendgate/tenants/acme/disable", "")
	say("a disabled tenant's key", fresh, refused)
	for name, p := range map[string]*harness.Process{"the process of the socket": first, "the other process": second} {
		said := p.Stdout() + p.Stderr()
		if !strings.Contains(said, "conn_none") {
			t.Errorf("%s logged no call:\n%s", name, said)
		}
		if strings.Contains(said, old) || strings.Contains(said, fresh) {
			t.Errorf("%s logged a key", name)
		}
	}
}
