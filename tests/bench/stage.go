package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// protocol is what an upstream speaks.
type protocol string

const (
	inClear protocol = roleUpstream
	tls1    protocol = roleUpstreamTLS1
	tls2    protocol = roleUpstreamTLS2
)

// stage holds what all scenarios share: the servers around the contenders, a tenant, and its
// connection.
type stage struct {
	dir, binary, caddy string
	upstreams          map[protocol]string // addresses
	platform, auth     string
	data, key          string
	// id is the connection of the local source, postgresID that in PostgreSQL.
	id, postgresID string
	// started are the processes that run; an interrupt ends them, too.
	lock    sync.Mutex
	started []*exec.Cmd
}

func newStage(dir, binary, caddy string) (*stage, error) {
	s := &stage{dir: dir, binary: binary, caddy: caddy, platform: freeAddr(), auth: freeAddr(),
		data: filepath.Join(dir, "data"), upstreams: map[protocol]string{}}
	if err := createCertificate(filepath.Join(dir, certName), filepath.Join(dir, keyName)); err != nil {
		return s, err
	}
	s.closeOnSignal()
	players := []player{{role: rolePlatform, addr: s.platform}, {role: roleAuth, addr: s.auth}}
	for _, p := range []protocol{inClear, tls1, tls2} {
		s.upstreams[p] = freeAddr()
		players = append(players, player{role: string(p), addr: s.upstreams[p], dir: dir})
	}
	for _, p := range players {
		if _, err := s.start(p.command(), p.addr); err != nil {
			return s, err
		}
	}
	var err error
	if s.key, err = s.createTenant(s.data); err != nil {
		return s, err
	}
	s.id, err = s.importConnection(dataDir(s.data))
	return s, err
}

// origin is where an upstream is reached.
func (s *stage) origin(p protocol) string {
	if p == inClear {
		return "http://" + s.upstreams[p]
	}
	return "https://" + s.upstreams[p]
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
	s.note(cmd)
	for range 400 {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return cmd, conn.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New(cmd.String() + " does not listen: " + stderr.String())
}

// end ends what was started.
func (s *stage) end(cmd *exec.Cmd) {
	// A killed nginx leaves its workers behind; asked to end, it takes them along.
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	kill.Stop()
	s.lock.Lock()
	defer s.lock.Unlock()
	s.started = slices.DeleteFunc(s.started, func(c *exec.Cmd) bool { return c == cmd })
}

// note adds a process to those that close ends.
func (s *stage) note(cmd *exec.Cmd) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.started = append(s.started, cmd)
}

func (s *stage) close() {
	s.lock.Lock()
	running := slices.Clone(s.started)
	s.lock.Unlock()
	for _, cmd := range running {
		s.end(cmd)
	}
}

// closeOnSignal ends all and the program when that is told to end.
func (s *stage) closeOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		s.close()
		_ = os.RemoveAll(s.dir)
		os.Exit(1)
	}()
}

// write writes a file of the run; slashes and spaces in its name become dashes.
func write(dir, name, content string) (string, error) {
	path := filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-").Replace(name))
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// setup says how the contenders of a scenario are to be.
type setup struct {
	upstream protocol
	path     string
	// log has them write an access log to a file.
	log bool
}

// open starts a contender and checks that it works.
func (s *stage) open(name string, u setup) (c *contender, err error) {
	switch name {
	case static, local, onPostgres, platform:
		c, err = s.openVendgate(name, u)
	case reverseProxy, forwardAuth, respond:
		c, err = s.openCaddy(name, u)
	case nginx:
		c, err = s.openNginx(u)
	case plain:
		c, err = s.openPlayer(name, player{role: roleProxy, target: s.origin(u.upstream)}, u)
	case empty:
		c, err = s.openPlayer(name, player{role: roleEmpty}, u)
	case direct:
		c = &contender{name: name, addr: s.upstreams[u.upstream], paths: []string{u.path},
			headers: map[string]string{"Authorization": "Bearer " + token}}
	default:
		err = fmt.Errorf("unknown contender %q", name)
	}
	if err == nil {
		err = c.works()
	}
	return c, err
}

// openPlayer starts a contender that is this program.
func (s *stage) openPlayer(name string, p player, u setup) (*contender, error) {
	p.addr, p.admin, p.dir = freeAddr(), freeAddr(), s.dir
	cmd, err := s.start(p.command(), p.addr)
	if err != nil {
		return nil, err
	}
	return &contender{name: name, addr: p.addr, admin: p.admin, paths: []string{u.path}, cmd: cmd,
		pids: []int{cmd.Process.Pid}}, nil
}
