package tests

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// postgres is a PostgreSQL on a socket in a folder of its own. Package tests/services is not for
// this module, whose versions are those of helm.
type postgres struct{ dir, bin string }

func startPostgres() (*postgres, error) {
	dir, err := os.MkdirTemp("/tmp", "pg") // short enough for the name of a socket
	if err != nil {
		return nil, err
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	p := &postgres{dir: dir, bin: cmp.Or(os.Getenv("PG_BIN"), slices.Max(append(found, "")))}
	if os.Getuid() == 0 { // as which PostgreSQL refuses to run
		err = exec.Command("chown", "postgres", dir).Run()
	}
	options := fmt.Sprintf("-c listen_addresses='' -c unix_socket_directories='%s' -c fsync=off", dir)
	if err == nil {
		err = p.run("initdb", "--pgdata", dir+"/data", "--username", "vendgate", "--auth", "trust", "--encoding", "UTF8")
	}
	if err == nil {
		err = p.run("pg_ctl", "--pgdata", dir+"/data", "--log", dir+"/log", "--wait", "--options", options, "start")
	}
	if err != nil {
		return nil, fmt.Errorf("a PostgreSQL, of Debian's package postgresql: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	return p, nil
}

// run runs one of PostgreSQL's programs.
func (p *postgres) run(program string, args ...string) error {
	command := append([]string{filepath.Join(p.bin, program)}, args...)
	if os.Getuid() == 0 {
		command = append([]string{"runuser", "-u", "postgres", "--"}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	// Not by a pipe, which the server would keep open.
	log, err := os.CreateTemp("", "pg")
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(log.Close(), os.Remove(log.Name())) }()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w\n%s", program, err, text)
	}
	return nil
}

func (p *postgres) stop() error {
	return errors.Join(p.run("pg_ctl", "--pgdata", p.dir+"/data", "--mode", "immediate", "stop"), os.RemoveAll(p.dir))
}

// url is that of a database that only TestRunCluster makes tables in.
func (p *postgres) url() string { return "postgres://vendgate@/postgres?host=" + p.dir }

// startRedis starts a Redis on a socket in dir, and returns its URL.
func startRedis(t *testing.T, dir string) string {
	t.Helper()
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("a Redis, of Debian's package redis-server: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	conn, err := dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	return "unix://" + socket
}
