package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is a copy of this one that really boots systemd: an overlay over the root, thrown away at
// the end, with no network but its own loopback.
type machine struct {
	t      *testing.T
	leader string // the process id of its systemd
}

// bootScript runs in a mount namespace of its own, so that nothing of it is left behind. The target
// starts what systemd needs, and none of the services that happen to be installed here.
const bootScript = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
rm -f usr/sbin/policy-rc.d
printf '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n' >etc/systemd/system/vendgate-test.target
exec systemd-nspawn --quiet --keep-unit --register=no --notify-ready=yes --private-network \
	--bind-ro="$2:/dist" --directory="$1/root" --boot systemd.unit=vendgate-test.target
`

// needRoot skips where the machine's owner did not lend it: tests/run.sh runs as root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("run this as root: it mounts an overlay and boots systemd in it")
	}
}

func boot(t *testing.T, dist string) *machine {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	notify := filepath.Join(dir, "notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	mount := filepath.Join(dir, "mount")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	console := new(bytes.Buffer)
	cmd := exec.Command("unshare", "--mount", "bash", "-c", bootScript, "boot", mount, dist)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify)
	cmd.Stdout, cmd.Stderr = console, console
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t}
	t.Cleanup(func() {
		// Twice: the first asks its systemd to halt, and there is nothing to be kept.
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	if err := m.await(ready); err != nil {
		t.Fatalf("the machine did not boot: %v\n%s", err, console)
	}
	return m
}

// await reads systemd-nspawn's notices until the machine has booted.
func (m *machine) await(ready *net.UnixConn) error {
	if err := ready.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	for buf := make([]byte, 4096); ; {
		n, err := ready.Read(buf)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(buf[:n]), "\n") {
			if pid, ok := strings.CutPrefix(line, "X_NSPAWN_LEADER_PID="); ok {
				m.leader = pid
			}
			if line == "READY=1" {
				return nil
			}
		}
	}
}

// try runs a shell script in the machine, as root, and returns all that it wrote.
func (m *machine) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", m.leader, "--all", "bash", "-c", "set -e -o pipefail\n"+script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run is try for what must work.
func (m *machine) run(t *testing.T, script string) string {
	t.Helper()
	out, err := m.try(script)
	if err != nil {
		journal, _ := m.try("journalctl --no-pager --lines 30 --unit vendgate")
		t.Fatalf("%s\n%v\n%s\njournal:\n%s", script, err, out, journal)
	}
	return out
}

// want runs a script that must print exactly that.
func (m *machine) want(t *testing.T, script, want string) {
	t.Helper()
	if got := m.run(t, script); got != want {
		t.Errorf("%s\ngot  %s\nwant %s", script, got, want)
	}
}

// write makes a file in the machine.
func (m *machine) write(t *testing.T, path, mode, text string) {
	t.Helper()
	cmd := exec.Command("nsenter", "--target", m.leader, "--all", "install", "-m", mode, "/dev/stdin", path)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("writing %s: %v: %s", path, err, out)
	}
}

// testRelease is a release of the working tree, for Linux on this processor, with artefacts in a
// folder of its own. All of them pack the one program that was built first.
func testRelease(t *testing.T, version string, artefacts ...string) *release {
	t.Helper()
	r, err := newRelease(t.Context(), "../..", t.TempDir(), version, []string{hostPlatform})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	r.binaries[hostPlatform] = path
	if err := r.run(t.Context(), artefacts); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *release) only(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(r.file(pattern))
	if err != nil || len(found) != 1 {
		t.Fatal(fmt.Errorf("%s: %v, %w", pattern, found, err))
	}
	return found[0]
}
