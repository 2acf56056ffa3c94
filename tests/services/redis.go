package services

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a Redis of the test's own. It keeps nothing on disk: one that was ended starts
// empty.
type RedisServer struct {
	// URL goes over loopback and holds the password.
	URL string
	// Addr is host and port of URL.
	Addr string
	// Password is that of the default user.
	Password string

	t       testing.TB
	process *process
}

// Redis starts a Redis, which ends with the test. The arguments are redis-server's, such as
// "--maxmemory-policy", "allkeys-lru".
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	program := find(t, "redis-server", "redis-server")
	dir, addr := folder(t, "redis"), freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	must(t, err)
	r := &RedisServer{t: t, Addr: addr, Password: rand.Text()}
	config := filepath.Join(dir, "redis.conf")
	write(t, config, fmt.Sprintf("bind %s\nport %s\nsave \"\"\nappendonly no\ndir %s\nrequirepass %s\n",
		host, port, dir, r.Password))
	r.address(addr)
	r.process = &process{name: "redis", log: filepath.Join(dir, "log"), end: syscall.SIGTERM,
		command: append([]string{program, config}, args...),
		ready: func(int) error {
			_, err := r.do("PING")
			return err
		}}
	must(t, r.process.start())
	t.Cleanup(r.process.kill)
	return r
}

func (r *RedisServer) address(addr string) {
	r.Addr = addr
	r.URL = (&url.URL{Scheme: "redis", User: url.UserPassword("", r.Password), Host: addr, Path: "/0"}).String()
}

// Via returns the same Redis at another address, such as that of a proxy before it.
func (r *RedisServer) Via(addr string) *RedisServer {
	other := *r
	other.address(addr)
	return &other
}

// Do runs a command and returns its answer as text: of an array, its elements on lines of their
// own.
func (r *RedisServer) Do(args ...string) string {
	r.t.Helper()
	answer, err := r.do(args...)
	must(r.t, err)
	return answer
}

func (r *RedisServer) do(args ...string) (answer string, err error) {
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	in := bufio.NewReader(conn)
	for _, command := range [][]string{{"AUTH", r.Password}, args} {
		request := fmt.Sprintf("*%d\r\n", len(command))
		for _, arg := range command {
			request += fmt.Sprintf("$%d\r\n%s\r\n", len(arg), arg)
		}
		if _, err = io.WriteString(conn, request); err == nil {
			answer, err = reply(in)
		}
		if err != nil {
			return "", err
		}
	}
	return answer, nil
}

// reply reads one answer of Redis's protocol, RESP 2.
func reply(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errors.New(rest)
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 {
		return "", err
	}
	if kind == '$' {
		text := make([]byte, n+2)
		_, err := io.ReadFull(in, text)
		return string(text[:n]), err
	}
	elements := make([]string, n)
	for i := range elements {
		if elements[i], err = reply(in); err != nil {
			return "", err
		}
	}
	return strings.Join(elements, "\n"), nil
}

// Log returns the end of its log.
func (r *RedisServer) Log() string { return string(r.process.output()) }

// Kill ends it with SIGKILL; what it held is lost.
func (r *RedisServer) Kill() { r.process.kill() }

// Stop ends it in order; what it held is lost.
func (r *RedisServer) Stop() { r.process.stop() }

// Start starts one that Stop or Kill has ended at the same address, empty, and waits until it
// answers.
func (r *RedisServer) Start() {
	r.t.Helper()
	must(r.t, r.process.start())
}

// Freeze stops it where it is: connections stay open and nothing answers.
func (r *RedisServer) Freeze() { r.process.freeze() }

// Thaw lets what Freeze has stopped go on.
func (r *RedisServer) Thaw() { r.process.thaw() }
