// Package deployment checks the files by which Vendgate is deployed and released:
// deploy/compose.yaml by the library of Docker Compose, and the GitHub workflows by actionlint.
package deployment

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const composeFile = "../../deploy/compose.yaml"

// load reads the file as `docker compose config` does: a key that the specification does not know
// is an error.
func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{composeFile}, cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// TestComposeFile: the services are as locked down as the image allows, only loopback is published,
// and each is built from the image's Dockerfile.
func TestComposeFile(t *testing.T) {
	project := load(t)
	for name, s := range project.Services {
		if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" ||
			len(s.SecurityOpt) != 1 || s.SecurityOpt[0] != "no-new-privileges:true" {
			t.Errorf("%s is not locked down", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, p.Published, p.HostIP)
			}
		}
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFirstLook runs what the file describes as plain processes, then its health check and the call
// that its first comment has.
func TestFirstLook(t *testing.T) {
	project := load(t)
	program := vendgate(t)
	provider, gateway := freeAddr(t), freeAddr(t)
	own := strings.NewReplacer("/data", t.TempDir(), "http://provider:9000", "http://"+provider,
		":9000 {", "http://"+provider+" {\nbind 127.0.0.1", ":8080 {", "http://"+gateway+" {\nbind 127.0.0.1",
		"allow_private ", "allow_private 127.0.0.0/8 ", "127.0.0.1:8080", gateway, "127.0.0.1:9000", provider)
	// Docker starts the gateway when what it depends on is healthy.
	if d := project.Services["gateway"].DependsOn["provider"]; d.Condition != types.ServiceConditionHealthy {
		t.Errorf("the gateway starts when its provider is %q, which may not listen yet", d.Condition)
	}
	for _, service := range []string{"provider", "gateway"} {
		start(t, program, project, service, own)
		check := project.Services[service].HealthCheck
		if check == nil || len(check.Test) < 2 || check.Test[0] != "CMD" || check.Test[1] != "/usr/bin/vendgate" {
			t.Fatalf("the health check of the %s is %+v", service, check)
		}
		healthy(t, program, strings.Fields(own.Replace(strings.Join(check.Test[2:], " "))))
	}
	r := firstCall(t, own)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 ||
		string(answer) != `{"account":"alice"}` {
		t.Errorf("the call answers %d %s, %v", res.StatusCode, answer, err)
	}
}

// healthy runs the health check until it passes, as Docker does.
func healthy(t *testing.T, program string, args []string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput() // #nosec G204
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the health check: %v\n%s", err, out)
		}
	}
}

// firstCall is the call that the file's first comment shows.
func firstCall(t *testing.T, own *strings.Replacer) *http.Request {
	t.Helper()
	text, err := os.ReadFile(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`(?s)curl -H '(\w+): ([^']+)' \\\n#\s+-H '([\w-]+): ([^']+)' (\S+)`).FindStringSubmatch(
		string(text))
	if call == nil {
		t.Fatal("the file shows no call")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, own.Replace(call[5]), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(call[1], call[2])
	r.Header.Set(call[3], call[4])
	return r
}

// vendgate is the program that VENDGATE_BIN names, or one that is built here.
func vendgate(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("VENDGATE_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "vendgate")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "./cmd/vendgate") // #nosec G204
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}

// start runs a service by its own configuration and environment.
func start(t *testing.T, program string, project *types.Project, service string, own *strings.Replacer) {
	t.Helper()
	s := project.Services[service]
	caddyfile := filepath.Join(t.TempDir(), "Caddyfile")
	text := own.Replace(project.Configs[s.Configs[0].Source].Content)
	if err := os.WriteFile(caddyfile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	// #nosec G204 -- the test's own words
	p := exec.CommandContext(context.WithoutCancel(t.Context()), program, "run", "--config", caddyfile)
	p.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	for name, value := range s.Environment {
		p.Env = append(p.Env, fmt.Sprintf("%s=%s", name, *value))
	}
	var log strings.Builder
	p.Stderr = &log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		_ = p.Wait()
		if t.Failed() {
			t.Logf("%s: %s", service, &log)
		}
	})
}

// freeAddr is a loopback address that nothing listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
