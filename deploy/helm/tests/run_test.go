package tests

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

// TestRun runs the program by the configuration and the arguments of the default pod, on sockets in
// a folder in place of its ports, and asks what its probes and Prometheus ask.
func TestRun(t *testing.T) {
	all := objects(t, "--values", filepath.Join(chart, "ci", "default-values.yaml"))
	container := workload(t, all).Spec.Containers[0]
	dir, err := os.MkdirTemp("", "pod") // short enough for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	caddyfile := only[*core.ConfigMap](t, all).Data["Caddyfile"]
	for from, to := range map[string]string{
		"/data/":            dir + "/data/",
		"shutdown_delay 5s": "",
		":8080 {":           ":8080 {\n\tbind unix/" + dir + "/http",
		":9090 {":           ":9090 {\n\tbind unix/" + dir + "/ops",
	} {
		caddyfile = strings.ReplaceAll(caddyfile, from, to)
	}
	write(t, filepath.Join(dir, "Caddyfile"), caddyfile)
	args := strings.Split(strings.ReplaceAll(strings.Join(container.Args, " "), "/etc/vendgate", dir), " ")
	cmd := exec.Command(vendgate, args...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "CADDY_ADMIN=unix/"+dir+"/admin")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	for _, c := range []struct {
		socket, path string
		status       int
		holds        string
	}{
		{"ops", container.ReadinessProbe.HTTPGet.Path, http.StatusOK, ""},
		{"ops", container.LivenessProbe.HTTPGet.Path, http.StatusOK, ""},
		{"ops", "/metrics", http.StatusOK, "caddy_vendgate_in_flight"},
		{"http", "/metrics", http.StatusNotFound, "not_found"},
		{"http", container.ReadinessProbe.HTTPGet.Path, http.StatusNotFound, "not_found"},
		{"http", "/proxy/x/gmail/y", http.StatusUnauthorized, "invalid_tenant_key"},
	} {
		status, body := get(t, filepath.Join(dir, c.socket), c.path)
		if status != c.status || !strings.Contains(body, c.holds) {
			t.Errorf("%s of %s: %d %s, want %d with %q", c.path, c.socket, status, body, c.status, c.holds)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

// get asks by a socket, and waits until something listens there.
func get(t *testing.T, socket, path string) (int, string) {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		for {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err == nil || ctx.Err() != nil {
				return conn, err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: time.Minute}
	response, err := client.Get("http://gateway.example.com" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
