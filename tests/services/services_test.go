package services

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("SERVICES_TEST_DIE") != "" {
		goleak.VerifyTestMain(m) // by kill -9, before it comes to this
		return
	}
	goleak.VerifyTestMain(WithShutdown(m))
}

// psql runs statements as the role of the database.
func psql(t *testing.T, url, statements string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(BinDir(t), "psql"), "-X", "-A", "-t", "-d", url, "-c",
		statements)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// frozen reports whether psql gets no answer.
func frozen(t *testing.T, url string) bool {
	t.Helper()
	out, err := psql(t, url+"&connect_timeout=2", "SELECT 1")
	return err != nil && strings.Contains(out, "timeout expired")
}

func TestPostgreSQL(t *testing.T) {
	a, b := PostgreSQL(t), PostgreSQL(t)
	if a.Addr != b.Addr || a.Database == b.Database {
		t.Errorf("two databases of one server: %s and %s of %s and %s", a.Database, b.Database, a.Addr, b.Addr)
	}
	for _, url := range []string{a.URL, a.SocketURL, PgBouncer(t, a).URL} {
		out, err := psql(t, url, "SELECT current_database(), current_user, usesuper, pg_encoding_to_char(encoding) "+
			"FROM pg_user, pg_database WHERE usename = current_user AND datname = current_database()")
		if want := a.Database + "|" + a.Database + "|f|UTF8"; err != nil || out != want {
			t.Errorf("%s, %v; want %s", out, err, want)
		}
	}
	if got := a.Query("SELECT 'a' < 'B'; SHOW fsync"); got != "t\non" {
		t.Errorf("the database compares by bytes, or does not sync: %q", got)
	}
	if got := PostgreSQL(t, FsyncOff).Query("SHOW fsync"); got != "off" {
		t.Errorf("with fsync=off it is %s", got)
	}
}

// TestPostgreSQLFaults ends a server in every way, and finds what it has committed each time.
func TestPostgreSQLFaults(t *testing.T) {
	p := OwnPostgreSQL(t)
	p.Query("CREATE TABLE t (n INT); INSERT INTO t VALUES (1)")
	hold := exec.CommandContext(t.Context(), filepath.Join(BinDir(t), "psql"), "-X", "-d", p.URL, "-c",
		"SELECT pg_sleep(3600)")
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	busy := "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
	for p.Query(busy) != "1" {
		time.Sleep(time.Millisecond)
	}
	pids := children(p.cluster.cmd.Process.Pid)
	p.Freeze()
	if !frozen(t, p.URL) {
		t.Error("a frozen server answers")
	}
	p.Thaw()
	if got := p.Query(busy); got != "1" {
		t.Errorf("after a thaw, %s of 1 connections goes on", got)
	}
	p.Kill()
	if i := slices.IndexFunc(pids, alive); i >= 0 || len(pids) < 3 {
		t.Errorf("of %v, one is alive", pids)
	}
	if err := hold.Wait(); err == nil {
		t.Error("a connection outlives its server")
	}
	if out, err := psql(t, p.URL, "SELECT 1"); err == nil || !strings.Contains(out, "refused") {
		t.Errorf("a killed server: %s, %v", out, err)
	}
	p.Start()
	p.Stop()
	p.Start()
	if got := p.Query("SELECT n FROM t"); got != "1" {
		t.Errorf("the server has %q", got)
	}
}

func TestPgBouncer(t *testing.T) {
	b := PgBouncer(t, PostgreSQL(t))
	b.Freeze()
	if !frozen(t, b.URL) {
		t.Error("a frozen PgBouncer answers")
	}
	b.Kill()
	if out, err := psql(t, b.URL, "SELECT 1"); err == nil || !strings.Contains(out, "refused") {
		t.Errorf("a killed PgBouncer: %s, %v", out, err)
	}
	b.Start()
	if out, err := psql(t, b.URL, "SELECT 1"); out != "1" || err != nil {
		t.Errorf("a PgBouncer that was started again: %s, %v\n%s", out, err, b.Log())
	}
}

func TestRedis(t *testing.T) {
	r := Redis(t, "--maxmemory-policy", "allkeys-lru")
	if got := r.Do("CONFIG", "GET", "maxmemory-policy"); got != "maxmemory-policy\nallkeys-lru" {
		t.Errorf("its options: %q", got)
	}
	if got := r.Do("SET", "k", "v") + r.Do("GET", "k"); got != "OKv" {
		t.Errorf("SET and GET: %q", got)
	}
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.Freeze()
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = conn.Write([]byte("PING\r\n"))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Errorf("a frozen Redis answers %q", line)
	}
	r.Thaw()
	if got := r.Do("GET", "k"); got != "v" {
		t.Errorf("after a thaw: %q", got)
	}
	r.Kill()
	r.Start()
	if got := r.Do("EXISTS", "k"); got != "0" {
		t.Errorf("after a kill: %q", got)
	}
}

// TestDeath kills a test binary with its services, which leaves neither a process nor a file.
func TestDeath(t *testing.T) {
	if os.Getenv("SERVICES_TEST_DIE") != "" {
		p := OwnPostgreSQL(t)
		Redis(t)
		p.Freeze()
		_, _ = os.Stdout.WriteString(machine.dir + "\n")
		select {}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDeath$")
	cmd.Env = append(os.Environ(), "SERVICES_TEST_DIE=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(out).ReadString('\n')
	dir = strings.TrimSpace(dir)
	var pids []string
	for _, file := range []string{"pg*", "redis*"} {
		found, _ := filepath.Glob(filepath.Join(dir, "pids", file))
		for _, path := range found {
			raw, _ := os.ReadFile(path)
			pids = append(pids, strings.TrimSpace(string(raw)))
		}
	}
	if err != nil || len(pids) != 2 {
		t.Fatalf("%q: %v, %v", dir, pids, err)
	}
	postmaster, _ := strconv.Atoi(pids[0])
	for _, pid := range children(postmaster) {
		pids = append(pids, strconv.Itoa(pid))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(dir)
		gone := os.IsNotExist(err)
		for _, pid := range pids {
			fields := stat("/proc/" + pid + "/stat")
			gone = gone && (len(fields) == 0 || fields[0] == "Z")
		}
		if gone {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s, %v: left after the death of the test binary", dir, pids)
		}
	}
}

// TestMissing says which package of Debian's lacks.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var fatal recorder
	done := make(chan struct{})
	go func() {
		defer close(done)
		find(&fatal, "redis-server", "redis-server")
	}()
	<-done
	if want := "there is no redis-server: install Debian's package redis-server"; fatal.text != want {
		t.Errorf("%q, want %q", fatal.text, want)
	}
}

// recorder is a test that fails.
type recorder struct {
	testing.TB
	text string
}

func (*recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.text = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
