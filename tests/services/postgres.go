package services

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// FsyncOff is a setting of PostgreSQL for tests that kill neither it nor the machine.
const FsyncOff = "fsync=off"

// Postgres is a database of its own in a PostgreSQL.
type Postgres struct {
	// URL goes over loopback, SocketURL over a Unix socket. Both hold the role's password.
	URL, SocketURL string
	// Addr is host and port of URL.
	Addr string
	// Database is the database's name and that of the role which owns it, which is no superuser.
	Database string
	// Password is the role's.
	Password string

	t       testing.TB
	cluster *cluster
}

// cluster is what PostgreSQL calls so: one server with its data.
type cluster struct {
	once sync.Once
	err  error
	*process
	bin, dir, host, port string
}

// PostgreSQL returns a fresh database, encoded in UTF-8, of the server that all tests of this
// binary share; it is dropped when the test ends. Settings are of postgresql.conf, `name=value`.
// Calls with other settings get a server of theirs.
func PostgreSQL(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	dir, err := directory()
	must(t, err)
	key := strings.Join(settings, "\n")
	machine.Lock()
	if machine.clusters == nil {
		machine.clusters = make(map[string]*cluster)
	}
	c := machine.clusters[key]
	if c == nil {
		c = new(cluster)
		machine.clusters[key] = c
	}
	machine.Unlock()
	c.once.Do(func() {
		c.err = errors.New("starting PostgreSQL failed in another test")
		c.init(t, dir, settings)
		c.err = nil
	})
	must(t, c.err)
	must(t, c.start())
	p := c.database(t)
	t.Cleanup(func() {
		c.thaw()
		if err := c.start(); err != nil {
			t.Error(err)
		}
		drop := fmt.Sprintf("DROP DATABASE IF EXISTS %[1]s WITH (FORCE);\nDROP ROLE %[1]s;", p.Database)
		if _, err := c.psql("postgres", drop); err != nil {
			t.Error(err)
		}
	})
	return p
}

// OwnPostgreSQL is PostgreSQL on a server of the test's own, which ends with the test.
func OwnPostgreSQL(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	dir, err := directory()
	must(t, err)
	c := new(cluster)
	c.init(t, dir, settings)
	t.Cleanup(func() {
		c.quit()
		_ = os.RemoveAll(c.dir) // Shutdown deletes what is left
	})
	return c.database(t)
}

// BinDir is the directory of PostgreSQL's programs: pg_dump, psql and others.
func BinDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("PG_BIN"); dir != "" {
		return dir
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	path, err := filepath.EvalSymlinks(find(t, "initdb", "postgresql", dirs...)) // psql is next to the real one
	must(t, err)
	return filepath.Dir(path)
}

// init makes the data and starts the server.
func (c *cluster) init(t testing.TB, dir string, settings []string) {
	t.Helper()
	c.bin, c.dir = BinDir(t), folder(t, "pg")
	var err error
	c.host, c.port, err = net.SplitHostPort(freeAddr(t))
	must(t, err)
	as, err := account()
	must(t, err)
	data := filepath.Join(c.dir, "data")
	cmd := exec.Command(filepath.Join(c.bin, "initdb"), "-D", data, "-U", "postgres", "-E", "UTF8",
		"--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.process = &process{name: "postgres", log: filepath.Join(c.dir, "log"), end: syscall.SIGINT, ready: c.ready}
	c.command = c.arguments(data, settings)
	must(t, c.start())
}

func (c *cluster) arguments(data string, settings []string) []string {
	command := []string{filepath.Join(c.bin, "postgres"), "-D", data, "-k", c.dir, "-h", c.host, "-p", c.port}
	// Shared memory of the mmap type lies with the data, where nothing of it is left behind.
	for _, setting := range append([]string{"max_connections=300", "shared_buffers=64MB", "jit=off",
		"dynamic_shared_memory_type=mmap", "log_min_messages=warning", "max_prepared_transactions=0"}, settings...) {
		command = append(command, "-c", setting)
	}
	return command
}

// ready reads postmaster.pid, as pg_ctl does.
func (c *cluster) ready(pid int) error {
	raw, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		return err
	}
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(pid) || strings.TrimSpace(lines[7]) != "ready" {
		return fmt.Errorf("postmaster.pid says %q", lines)
	}
	return nil
}

// psql runs statements as the superuser.
func (c *cluster) psql(database, statements string) (string, error) {
	cmd := exec.Command(filepath.Join(c.bin, "psql"), "-h", c.dir, "-p", c.port, "-U", "postgres", "-X", "-q",
		"-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
	cmd.Stdin = strings.NewReader(statements)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("psql: %w\n%s", err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

// database makes a role and its database.
func (c *cluster) database(t testing.TB) *Postgres {
	t.Helper()
	name, password := "vg_"+strings.ToLower(rand.Text()[:10]), rand.Text()
	p := &Postgres{t: t, cluster: c, Database: name, Password: password}
	version, err := c.psql("postgres", "SHOW server_version_num")
	must(t, err)
	// A collation of a language, as servers have, finds the text that is not compared by bytes.
	locale := ""
	if version >= "150000" {
		locale = " LOCALE_PROVIDER icu ICU_LOCALE 'en'"
	}
	_, err = c.psql("postgres", fmt.Sprintf("CREATE ROLE %[1]s LOGIN PASSWORD '%[2]s';\n"+
		"CREATE DATABASE %[1]s OWNER %[1]s ENCODING 'UTF8' TEMPLATE template0%[3]s;", name, password, locale))
	must(t, err)
	p.address(net.JoinHostPort(c.host, c.port))
	return p
}

func (p *Postgres) address(addr string) {
	p.Addr = addr
	u := url.URL{Scheme: "postgres", User: url.UserPassword(p.Database, p.Password), Host: addr,
		Path: "/" + p.Database, RawQuery: "sslmode=disable"}
	p.URL = u.String()
	u.Host, u.RawQuery = "", url.Values{"host": {p.cluster.dir}, "port": {p.cluster.port}}.Encode()
	p.SocketURL = u.String()
}

// Via returns the same database at another address, such as that of a proxy before it.
func (p *Postgres) Via(addr string) *Postgres {
	other := *p
	other.address(addr)
	return &other
}

// Adopt makes the role and the database of another server here, empty, and is that database from
// now on: with its data, this server can take the other's place.
func (p *Postgres) Adopt(other *Postgres) {
	p.t.Helper()
	_, err := p.cluster.psql("postgres", fmt.Sprintf("CREATE ROLE %[1]s LOGIN PASSWORD '%[2]s';\n"+
		"CREATE DATABASE %[1]s OWNER %[1]s ENCODING 'UTF8' TEMPLATE template0;", other.Database, other.Password))
	must(p.t, err)
	p.Database, p.Password = other.Database, other.Password
	p.address(p.Addr)
}

// Query runs statements in the database as the superuser, by psql, and returns the rows that come
// back: fields parted by `|`, rows by line feeds.
func (p *Postgres) Query(statements string) string {
	p.t.Helper()
	out, err := p.cluster.psql(p.Database, statements)
	must(p.t, err)
	return out
}

// Log returns the end of the server's log.
func (p *Postgres) Log() string { return string(p.cluster.output()) }

// Kill ends the server and all its backends with SIGKILL. The data stays.
func (p *Postgres) Kill() { p.cluster.kill() }

// Stop ends the server in order, and its clients' connections with it.
func (p *Postgres) Stop() { p.cluster.stop() }

// Start starts a server that Stop or Kill has ended, with the same data at the same address, and
// waits until it takes connections.
func (p *Postgres) Start() {
	p.t.Helper()
	must(p.t, p.cluster.start())
}

// Freeze stops the server and all its backends where they are: connections stay open and nothing
// answers.
func (p *Postgres) Freeze() { p.cluster.freeze() }

// Thaw lets what Freeze has stopped go on.
func (p *Postgres) Thaw() { p.cluster.thaw() }
