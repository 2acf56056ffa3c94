package providers

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// wordpress is Debian's package, run by PHP's built-in server, with a MariaDB of its own.
type wordpress struct {
	t *testing.T
	// Addr is where it listens, and Host what it is called: a name, as an end user would enter it.
	Addr, Host string
	root, home string
	env        []string
}

const wordpressFiles = "/usr/share/wordpress"

// newWordPress installs one. Both servers end with the test, and all they write is in folders of
// the test.
func newWordPress(t *testing.T, domain string) *wordpress {
	t.Helper()
	dir := t.TempDir()
	addr := harness.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	w := &wordpress{t: t, Addr: addr, Host: domain + ":" + port, root: filepath.Join(dir, "site"),
		home: filepath.Join(dir, "home")}
	socket := startMariaDB(t, filepath.Join(dir, "db"))
	w.env = harness.Environ(t, "WP_DB_SOCKET="+socket, "WP_DB_USER="+userName(t), "WP_HOME_FILE="+w.home)
	w.isCalled(w.Host)
	harness.Run(t, w.env, "", "cp", "-rL", wordpressFiles, w.root)
	for name, text := range map[string]string{ // a theme, which the package only recommends
		"style.css": "/* Theme Name: Bare */", "index.php": "<?php",
	} {
		w.write(filepath.Join("wp-content/themes/bare", name), text)
	}
	w.write("wp-content/uploads/.keep", "")
	config, err := os.ReadFile("testdata/wp-config.php")
	if err != nil {
		t.Fatal(err)
	}
	w.write("wp-config.php", string(config))
	w.do("install")
	p := harness.StartProcess(t, w.env, "php", "-S", addr, "-t", w.root, "testdata/router.php")
	p.Await(t, "starting WordPress", time.Minute, func() bool {
		res, err := http.Get("http://" + addr + "/wp-json/")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	return w
}

// startMariaDB returns the socket of one that answers there alone.
func startMariaDB(t *testing.T, dir string) (socket string) {
	t.Helper()
	program, err := exec.LookPath("mariadbd")
	if err != nil {
		program = "/usr/sbin/mariadbd" // which is not in everybody's PATH
	}
	name, env := userName(t), harness.Environ(t)
	harness.Run(t, env, "", "mariadb-install-db", "--no-defaults", "--datadir="+dir, "--user="+name,
		"--auth-root-authentication-method=socket",
		"--auth-root-socket-user="+name, "--skip-test-db", "--skip-name-resolve")
	socket = filepath.Join(dir, "s")
	p := harness.StartProcess(t, env, program, "--no-defaults", "--datadir="+dir, "--socket="+socket,
		"--pid-file="+filepath.Join(dir, "pid"), "--user="+name,
		"--skip-networking", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0")
	p.Await(t, "starting MariaDB", time.Minute, func() bool {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return socket
}

func userName(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func (w *wordpress) write(name, text string) {
	w.t.Helper()
	file := filepath.Join(w.root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// isCalled has the site call itself by a host, in links and redirects.
func (w *wordpress) isCalled(host string) {
	w.t.Helper()
	if err := os.WriteFile(w.home, []byte("http://"+host), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// do is the administrator; see testdata/wp.php.
func (w *wordpress) do(verb string, args ...string) string {
	w.t.Helper()
	return strings.TrimSpace(harness.Run(w.t, w.env, "", "php",
		append([]string{"testdata/wp.php", w.root, verb}, args...)...))
}

// password makes an application password of the user alice.
func (w *wordpress) password(name string) (id, password string) {
	w.t.Helper()
	id, password, _ = strings.Cut(w.do("password", name), " ")
	if password == "" {
		w.t.Fatal("WordPress made no password")
	}
	return id, password
}

func (w *wordpress) revoke(id string) {
	w.t.Helper()
	w.do("revoke", id)
}
