package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// builds are the programs that this test binary has built.
var builds struct {
	sync.Mutex
	dir   string
	paths map[string]string
}

// Program builds cmd/vendgate as the Makefile does and returns its path. A program that the
// environment names in VENDGATE_BIN takes its place, so that one build does for all packages.
func Program(t testing.TB) string {
	if path := os.Getenv("VENDGATE_BIN"); path != "" {
		return path
	}
	return build(t, "vendgate", ".", "./cmd/vendgate")
}

// AuthorizationServer builds tests/authserver, a module of its own, and returns its path. A program
// that AUTHSERVER_BIN names takes its place.
func AuthorizationServer(t testing.TB) string {
	if path := os.Getenv("AUTHSERVER_BIN"); path != "" {
		return path
	}
	return build(t, "authserver", "tests/authserver", ".")
}

// build builds each program once in the life of a test binary; see RemoveBuilds. It is built
// without the race detector: what runs as a process is what users run.
func build(t testing.TB, name, folder, pkg string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if path, ok := builds.paths[name]; ok {
		return path
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "vendgate-test-")
		if err != nil {
			t.Fatal(err)
		}
		builds.dir, builds.paths = dir, make(map[string]string)
	}
	path := filepath.Join(builds.dir, name)
	// #nosec G204 -- the test's own words
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-trimpath", "-o", path, pkg)
	cmd.Dir = filepath.Join(Root(t), folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	builds.paths[name] = path
	return path
}

// RemoveBuilds deletes what was built; TestMain calls it last.
func RemoveBuilds() {
	builds.Lock()
	defer builds.Unlock()
	_ = os.RemoveAll(builds.dir) // a rest in the temporary directory harms nobody
	builds.dir, builds.paths = "", nil
}

// Root is the root of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "vendgate")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test does not run inside the repository")
		}
	}
}

// Process is a program that runs beside the test. It is killed at the test's end if it has not
// ended by then.
type Process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
}

// output is what a process printed so far.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Environ is the environment of this process with a home directory of its own, so that no program
// touches the user's, and with the given variables.
func Environ(t testing.TB, more ...string) []string {
	t.Helper()
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	return append(env, more...)
}

// StartProcess starts a program with an environment as Environ makes it.
func StartProcess(t testing.TB, env []string, program string, args ...string) *Process {
	t.Helper()
	return StartInherited(t, env, nil, program, args...)
}

// StartInherited is StartProcess of a program that inherits files: the first as descriptor 3, as
// sockets come from systemd (sd_listen_fds(3)).
func StartInherited(t testing.TB, env []string, files []*os.File, program string, args ...string) *Process {
	t.Helper()
	// #nosec G204 -- the test's own words
	p := &Process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), program, args...),
		ended: make(chan struct{})}
	p.cmd.Env, p.cmd.ExtraFiles, p.cmd.Stdout, p.cmd.Stderr = env, files, &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(p.Kill)
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout returns what it has written to standard output so far.
func (p *Process) Stdout() string { return p.stdout.String() }

// Stderr is Stdout of standard error.
func (p *Process) Stderr() string { return p.stderr.String() }

// Kill is `kill -9`. It returns when the process has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Ended waits for the end of the process, at most for limit, and returns its exit code; -1 after a
// signal.
func (p *Process) Ended(t testing.TB, limit time.Duration) int {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-timer.C:
		t.Fatalf("the process has not ended within %s\n%s%s", limit, p.Stdout(), p.Stderr())
		return -1
	}
}

// Await polls f until it is true, and fails the test after limit or when the process has ended.
func (p *Process) Await(t testing.TB, what string, limit time.Duration, f func() bool) {
	t.Helper()
	Within(t, what, limit, func() bool {
		select {
		case <-p.ended:
			t.Fatalf("%s: the process ended instead\n%s%s", what, p.Stdout(), p.Stderr())
		default:
		}
		return f()
	})
}

// Within polls f until it is true, and fails the test after limit.
func Within(t testing.TB, what string, limit time.Duration, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

// Run runs a program to its end with input on standard input, and returns its standard output.
// Anything but exit code 0 fails the test.
func Run(t testing.TB, env []string, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...) // #nosec G204 -- the test's own words
	cmd.Env, cmd.Stdin = env, strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		t.Fatalf("%s %q: %v", filepath.Base(program), args, err)
	}
	return string(out)
}

// StartApart runs a gateway as a process of the real program: caddy.Load is global, so a test's own
// process has room for one. The Caddyfile must serve Addr; the gateway is returned when Addr
// answers.
func StartApart(t testing.TB, caddyfile func(*Gateway) string) (*Gateway, *Process) {
	t.Helper()
	return StartProgram(t, Program(t), caddyfile)
}

// StartProgram is StartApart with another program than cmd/vendgate.
func StartProgram(t testing.TB, program string, caddyfile func(*Gateway) string) (*Gateway, *Process) {
	t.Helper()
	dir, addr := t.TempDir(), FreeAddr(t)
	g := &Gateway{t: t, bind: "bind 127.0.0.1", Addr: addr, URL: "http://" + addr,
		LogFile: filepath.Join(dir, "caddy.log")}
	g.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		Timeout: 60 * time.Second}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile(g)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := StartProcess(t, Environ(t), program, "run", "--config", config)
	t.Cleanup(g.Client.CloseIdleConnections)
	p.Await(t, "starting a gateway", time.Minute, func() bool {
		res, err := g.Client.Do(g.Request(http.MethodGet, "/", nil))
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	})
	return g, p
}
