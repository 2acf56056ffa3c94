// Package services runs PostgreSQL, PgBouncer and Redis for tests: the real programs of the
// machine, on ports, sockets and in a directory of their own. It takes the standard library alone.
//
// A program that the machine lacks fails the test with the name of Debian's package. PG_BIN names
// the directory of PostgreSQL's programs where they are neither in PATH nor where Debian puts them.
//
// PostgreSQL and PgBouncer refuse to run as root, so under root all of them run as the user
// `postgres` or, without one, as `nobody`.
package services

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// machine is what this test binary has started.
var machine struct {
	sync.Mutex
	dir      string // holds all data; deleted at the end
	janitor  *exec.Cmd
	lifeline io.Closer // the janitor's standard input
	clusters map[string]*cluster
	running  map[*process]bool
	ports    []net.Listener
}

// janitor waits for the end of this test binary, however it comes, then ends what is left of its
// services, frozen or not, and deletes their directory. PostgreSQL removes its shared memory on
// SIGQUIT, not on SIGKILL.
const janitor = `
cat >/dev/null
pids() { cat "$dir"/pids/* /dev/null; }
signal() { for pid; do kill "-$signal" "$pid"; done; }
family() {
	pids
	for stat in /proc/[0-9]*/stat; do
		read -r id name state parent rest <"$stat" && for pid in $(pids); do [ "$parent" = "$pid" ] && echo "$id"; done
	done
}
alive() { for pid in $(pids); do kill -0 "$pid" && return; done; return 1; }
{
	dir=$1 all=$(family)
	signal=QUIT signal $(pids)
	signal=CONT signal $all
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do alive || break; sleep 0.1; done
	signal=KILL signal $all
	for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$dir" && break; sleep 0.2; done
} 2>/dev/null
`

// directory makes the directory of this test binary's services, which their user may enter, and
// starts the janitor. Its name is short: the path of a Unix socket has at most 107 bytes.
func directory() (string, error) {
	machine.Lock()
	defer machine.Unlock()
	if machine.dir != "" {
		return machine.dir, nil
	}
	dir, err := os.MkdirTemp("/tmp", "vendgate-")
	if err != nil {
		return "", err
	}
	if err := startJanitor(dir); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	machine.dir = dir
	return dir, errors.Join(os.Mkdir(filepath.Join(dir, "pids"), 0o700), own(dir))
}

func startJanitor(dir string) error {
	cmd := exec.Command("/bin/sh", "-c", janitor, "janitor", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no Ctrl-C of a terminal reaches it
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	machine.janitor, machine.lifeline = cmd, lifeline
	return cmd.Start()
}

// WithShutdown returns m with a Run that ends in Shutdown, so that goleak.VerifyTestMain, which
// looks for goroutines when Run has returned, finds those of no service.
func WithShutdown(m interface{ Run() int }) interface{ Run() int } { return closing{m} }

type closing struct{ m interface{ Run() int } }

func (c closing) Run() int {
	defer Shutdown()
	return c.m.Run()
}

// Shutdown ends all services of this test binary and deletes their data. TestMain calls it when the
// tests have run.
func Shutdown() {
	machine.Lock()
	dir, ports, running := machine.dir, machine.ports, slices.Collect(maps.Keys(machine.running))
	machine.dir, machine.ports, machine.clusters = "", nil, nil
	machine.Unlock()
	if dir == "" {
		return
	}
	var all sync.WaitGroup
	for _, p := range running {
		all.Go(p.quit)
	}
	all.Wait()
	for _, l := range ports {
		_ = l.Close()
	}
	_ = machine.lifeline.Close()
	_ = machine.janitor.Wait() // it deletes the directory
}

// account is the user that services run as, or nil for the one who runs the tests.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// own gives a file or a directory to the account.
func own(path string) error {
	as, err := account()
	if err != nil || as == nil {
		return err
	}
	return os.Chown(path, int(as.Uid), int(as.Gid))
}

// folder makes a directory for one service.
func folder(t testing.TB, name string) string {
	t.Helper()
	dir, err := directory()
	if err == nil {
		dir, err = os.MkdirTemp(dir, name)
	}
	if err == nil {
		err = own(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// write puts a file for one service.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), own(path)); err != nil {
		t.Fatal(err)
	}
}

// freeAddr returns a loopback address that is this test binary's until it ends. It works like
// FreeAddr of tests/harness, and with it: both mark a port by the same abstract socket.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 10000 {
		port := 10000 + rand.IntN(20000)
		mark, err := net.Listen("unix", fmt.Sprintf("@vendgate-test-port-%d", port))
		if err != nil {
			continue
		}
		machine.Lock()
		machine.ports = append(machine.ports, mark)
		machine.Unlock()
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

// find returns the path of a program, from PATH or one of the directories.
func find(t testing.TB, program, debian string, dirs ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	t.Fatalf("there is no %s: install Debian's package %s", program, debian)
	return ""
}
