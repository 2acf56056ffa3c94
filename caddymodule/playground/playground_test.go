package playground_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// TestPlayground runs it in a directory whose name needs quotes, and looks where it listens.
func TestPlayground(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `a "play" ground`)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	cmd := new(cobra.Command)
	caddycmd.Commands()["playground"].CobraFunc(cmd)
	cmd.SetOut(writer)
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{"--json", "--data", dir})
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		_ = writer.CloseWithError(err) // never fails
		ended <- err
	}()
	var facts struct {
		Gateway     string
		TenantKey   string `json:"tenant_key"`
		User        string
		Connections []struct{ Path string }
	}
	if err := json.NewDecoder(reader).Decode(&facts); err != nil {
		t.Fatal(err)
	}
	checkPlaygroundCall(t, facts.Gateway+facts.Connections[0].Path, facts.TenantKey, facts.User)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(facts.Gateway, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	// Who listens on every interface listens on all of 127.0.0.0/8.
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.2", port)); err == nil {
		t.Errorf("it listens on more than 127.0.0.1: %v", conn.Close())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func checkPlaygroundCall(t *testing.T, url, key, user string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-User-Email", user)
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("a call answered %s: %v", resp.Status, err)
	}
}
