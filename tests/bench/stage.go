package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage holds everything that runs.
type stage struct {
	dir, binary                    string
	upstream, platform, auth, data string
	key                            string
	started                        []*exec.Cmd
}

func newStage(dir, binary string) (*stage, error) {
	s := &stage{dir: dir, binary: binary, upstream: freeAddr(), platform: freeAddr(), auth: freeAddr(),
		data: filepath.Join(dir, "data")}
	for _, r := range []struct{ role, addr string }{{"upstream", s.upstream}, {"platform", s.platform}, {"auth", s.auth}} {
		if _, err := s.start(self(r.role, r.addr, ""), r.addr); err != nil {
			return s, err
		}
	}
	key, err := s.vendgate("", "tenant", "create", "bench", "--email", "bench@example.com", "--data", s.data)
	s.key = strings.TrimSpace(key)
	return s, err
}

// vendgate runs a command of the binary with input on its standard input.
func (s *stage) vendgate(input string, args ...string) (string, error) {
	cmd := exec.Command(s.binary, args...)
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("vendgate %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start starts cmd and waits until addr accepts connections.
func (s *stage) start(cmd *exec.Cmd, addr string) (*exec.Cmd, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.started = append(s.started, cmd)
	for range 200 {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return cmd, conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New(cmd.String() + " does not listen: " + stderr.String())
}

func (s *stage) close() {
	for _, cmd := range s.started {
		// A killed nginx leaves its workers behind; asked to end, it takes them along.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
}

// caddy starts the binary with a configuration; %ADMIN% in it becomes the admin address.
func (s *stage) caddy(name, config string) (pid int, admin string, err error) {
	admin = freeAddr()
	file, err := write(s.dir, name+".caddyfile", strings.ReplaceAll(config, "%ADMIN%", admin))
	if err != nil {
		return 0, "", err
	}
	cmd := exec.Command(s.binary, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "VG_KEY="+s.key, "VG_TOKEN="+token, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	if _, err := s.start(cmd, admin); err != nil {
		return 0, "", err
	}
	return cmd.Process.Pid, admin, nil
}

// works reports whether a call passes: a contender that fails every call would be the fastest of
// all.
func works(c *contender) error {
	var last error
	for range 100 {
		r, err := http.NewRequest(http.MethodGet, c.url, http.NoBody)
		if err != nil {
			return err
		}
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
		res, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s answers %s", c.name, res.Status)
		}
		last = err
		time.Sleep(50 * time.Millisecond)
	}
	return last
}
