package tests

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

// TestRun runs the program by the configuration and the arguments of a pod, on sockets in a folder
// in place of its ports, and asks what its probes and Prometheus ask.
func TestRun(t *testing.T) {
	for _, values := range []string{"default-values.yaml", "cluster-values.yaml"} {
		t.Run(values, func(t *testing.T) {
			all := objects(t, "--values", filepath.Join(chart, "ci", values))
			container := workload(t, all).Spec.Containers[0]
			dir, err := os.MkdirTemp("", "pod") // short enough for the name of a socket
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			shared := strings.HasPrefix(values, "cluster")
			if shared {
				share(t, dir)
			}
			stop := start(t, dir, container.Args, only[*core.ConfigMap](t, all).Data["Caddyfile"])
			ask(t, dir, container)
			if _, body := get(t, filepath.Join(dir, "ops"), "/metrics"); shared &&
				!strings.Contains(body, "\ncaddy_vendgate_limiter_degraded 0\n") {
				t.Errorf("budgets are not shared: %s", body)
			}
			stop()
			if store := filepath.Join(dir, "data", "vendgate"); shared == exists(store) {
				t.Errorf("%s is there: %v", store, exists(store))
			}
		})
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// share writes what the pods' Secrets hold.
func share(t *testing.T, dir string) {
	t.Helper()
	kek, err := exec.Command(vendgate, "keyset", "kek", "create").Output()
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"kek": string(kek), "redis": startRedis(t, dir),
		"postgres": database.url(), "postgres-listen": database.url()} {
		write(t, filepath.Join(dir, file), text)
	}
}

// start starts the program; stop ends it and waits.
func start(t *testing.T, dir string, args []string, caddyfile string) (stop func()) {
	t.Helper()
	for from, to := range map[string]string{
		"/data/":               dir + "/data/",
		"/run/secrets/shared/": dir + "/",
		"shutdown_delay 5s":    "",
		":8080 {":              ":8080 {\n\tbind unix/" + dir + "/http",
		":9090 {":              ":9090 {\n\tbind unix/" + dir + "/ops",
	} {
		caddyfile = strings.ReplaceAll(caddyfile, from, to)
	}
	write(t, filepath.Join(dir, "Caddyfile"), caddyfile)
	args = strings.Split(strings.ReplaceAll(strings.Join(args, " "), "/etc/vendgate", dir), " ")
	cmd := exec.Command(vendgate, args...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "CADDY_ADMIN=unix/"+dir+"/admin")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			t.Errorf("the program ended with %v", err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	t.Cleanup(stop)
	return stop
}

// ask asks what the probes, Prometheus and callers do.
func ask(t *testing.T, dir string, container core.Container) {
	t.Helper()
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
}

// dial waits until something listens at a socket.
func dial(ctx context.Context, socket string) (net.Conn, error) {
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// get asks by a socket, and waits until something listens there.
func get(t *testing.T, socket, path string) (int, string) {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, socket) }
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
