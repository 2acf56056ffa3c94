package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	serviceFile = "../systemd/vendgate.service"
	socketFile  = "../systemd/vendgate.socket"
	// maxExposure is the most that systemd-analyze security may say, of 10.
	maxExposure = 2.0
)

// TestUnits has systemd read the units in a root of their own, where the program is at its place.
func TestUnits(t *testing.T) {
	root := t.TempDir()
	for from, to := range map[string]string{
		serviceFile:       "etc/systemd/system/vendgate.service",
		socketFile:        "etc/systemd/system/vendgate.socket",
		"/usr/bin/true":   "usr/bin/vendgate",
		"/etc/os-release": "etc/os-release",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if to == "usr/bin/vendgate" {
			mode = 0o755
		}
		to = filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range []string{"sysinit.target", "basic.target", "network-online.target", "shutdown.target",
		"sockets.target", "multi-user.target", "system.slice", "-.slice"} {
		path := filepath.Join(root, "etc/systemd/system", unit)
		if err := os.WriteFile(path, []byte("[Unit]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range []string{"vendgate.service", "vendgate.socket"} {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+root, unit).CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}

// TestOrder: a PostgreSQL or a Redis of the same machine runs while the service does, and the
// service starts without one.
func TestOrder(t *testing.T) {
	text, err := os.ReadFile(serviceFile)
	if err != nil {
		t.Fatal(err)
	}
	after := strings.Join(regexp.MustCompile(`(?m)^After=(.+)$`).FindAllString(string(text), -1), " ")
	for _, unit := range []string{"postgresql.service", "pgbouncer.service", "redis-server.service", "redis.service"} {
		if !strings.Contains(after, " "+unit) && !strings.Contains(after, "="+unit) {
			t.Errorf("the service may start before %s", unit)
		}
	}
	needed := regexp.MustCompile(`(?m)^(Requires|Requisite|BindsTo|Wants|PartOf)=(.+)$`)
	for _, m := range needed.FindAllStringSubmatch(string(text), -1) {
		if m[2] != "network-online.target" {
			t.Errorf("the service needs %s", m[2])
		}
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func exposureOf(t *testing.T, unit string) float64 {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", unit).CombinedOutput()
	found := exposure.FindSubmatch(out)
	if found == nil {
		t.Fatalf("%s: %v\n%s", unit, err, out)
	}
	level, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return level
}

// TestExposure compares the service with the one of Debian's own caddy.
func TestExposure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { // apt downloads as its own user
		t.Fatal(err)
	}
	script := exec.Command("sh", "-c", "apt-get download -qq caddy && dpkg-deb --extract caddy_*.deb caddy")
	script.Dir = dir
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("getting Debian's caddy: %v\n%s", err, out)
	}
	ours := exposureOf(t, serviceFile)
	theirs := exposureOf(t, filepath.Join(dir, "caddy/lib/systemd/system/caddy.service"))
	t.Logf("vendgate.service %.1f, caddy.service %.1f", ours, theirs)
	if ours > maxExposure || ours >= theirs {
		t.Errorf("exposure is %.1f: at most %.1f, and less than caddy's %.1f", ours, maxExposure, theirs)
	}
}
