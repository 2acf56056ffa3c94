package services

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Bouncer is a PgBouncer in transaction mode before one database.
type Bouncer struct {
	// URL is that of the database through PgBouncer, over loopback, with the role's password.
	URL string
	// Addr is host and port of URL.
	Addr string

	t       testing.TB
	process *process
}

// PgBouncer starts a PgBouncer before the database, and all others of its role, at the address that
// pg has; it ends with the test. Settings are of the section pgbouncer of its configuration,
// `name = value`.
func PgBouncer(t testing.TB, pg *Postgres, settings ...string) *Bouncer {
	t.Helper()
	program := find(t, "pgbouncer", "pgbouncer", "/usr/sbin")
	dir, addr := folder(t, "bouncer"), freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	must(t, err)
	pgHost, pgPort, err := net.SplitHostPort(pg.Addr)
	must(t, err)
	users, config := filepath.Join(dir, "users"), filepath.Join(dir, "pgbouncer.ini")
	write(t, users, fmt.Sprintf("%q %q\n", pg.Database, pg.Password))
	write(t, config, fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = %s
listen_port = %s
unix_socket_dir =
pool_mode = transaction
default_pool_size = 20
max_client_conn = 1000
auth_type = scram-sha-256
auth_file = %s
%s
`, pgHost, pgPort, host, port, users, strings.Join(settings, "\n")))
	b := &Bouncer{t: t, Addr: addr, process: &process{
		name: "pgbouncer", log: filepath.Join(dir, "log"), command: []string{program, config},
		end: syscall.SIGTERM, // at once; SIGINT waits for the end of all transactions
		ready: func(int) error {
			conn, err := net.Dial("tcp", addr)
			if err == nil {
				err = conn.Close()
			}
			return err
		},
	}}
	b.URL = (&url.URL{Scheme: "postgres", User: url.UserPassword(pg.Database, pg.Password), Host: addr,
		Path: "/" + pg.Database, RawQuery: "sslmode=disable"}).String()
	must(t, b.process.start())
	t.Cleanup(b.process.kill)
	return b
}

// Log returns the end of its log.
func (b *Bouncer) Log() string { return string(b.process.output()) }

// Kill ends it with SIGKILL.
func (b *Bouncer) Kill() { b.process.kill() }

// Stop ends it, and its clients' connections with it.
func (b *Bouncer) Stop() { b.process.stop() }

// Start starts one that Stop or Kill has ended at the same address, and waits until it answers.
func (b *Bouncer) Start() {
	b.t.Helper()
	must(b.t, b.process.start())
}

// Freeze stops it where it is: connections stay open and nothing answers.
func (b *Bouncer) Freeze() { b.process.freeze() }

// Thaw lets what Freeze has stopped go on.
func (b *Bouncer) Thaw() { b.process.thaw() }
