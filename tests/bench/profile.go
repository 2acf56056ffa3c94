package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// profileTime is how long each gateway is loaded for a profile.
const profileTime = 15 * time.Second

// profile writes a CPU profile of gateways under load to a file, for profile-guided builds: of each
// source, with upstreams as providers are and in clear, and with an access log.
func (b *bench) profile(file string) error {
	if err := b.copyBinary(); err != nil {
		return err
	}
	setups := []setup{{upstream: tls2, path: kilobyte, log: true}, {upstream: inClear, path: kilobyte}}
	args := []string{"tool", "pprof", "-proto", "-output", file}
	for _, name := range []string{static, local, platform} {
		for _, u := range setups {
			part := filepath.Join(b.dir, fmt.Sprintf("profile-%d", len(args)))
			if err := b.profileOne(name, u, part); err != nil {
				return fmt.Errorf("profiling %s: %w", name, err)
			}
			args = append(args, part)
		}
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("merging the profiles: %w: %s", err, out)
	}
	return nil
}

// copyBinary has the gateways run from the directory of this run: a profile holds the path of its
// program.
func (b *bench) copyBinary() error {
	program, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	b.binary = filepath.Join(b.dir, filepath.Base(b.binary))
	return os.WriteFile(b.binary, program, 0o700) // #nosec G306 -- a program
}

func (b *bench) profileOne(name string, u setup, file string) error {
	c, err := b.open(name, u)
	if c != nil && c.cmd != nil {
		defer b.end(c.cmd)
	}
	if err != nil {
		return err
	}
	if _, err := wrk(b.dir, c, 32, time.Second); err != nil { // warm up
		return err
	}
	log.Printf("profiling %s, upstream %s", name, b.origin(u.upstream))
	loaded := make(chan error, 1)
	go func() {
		n, err := wrk(b.dir, c, 32, profileTime+2*time.Second)
		if err == nil && n.errors > 0 {
			err = fmt.Errorf("%d of %d requests failed", n.errors, n.requests)
		}
		loaded <- err
	}()
	err = saveProfile(c.admin, file)
	return errors.Join(err, <-loaded)
}

// saveProfile asks Caddy's admin endpoint for a CPU profile.
func saveProfile(admin, file string) (err error) {
	client := http.Client{Timeout: 2 * profileTime}
	res, err := client.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", admin, profileTime.Seconds()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	profile, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", admin, res.Status)
	}
	return errors.Join(err, os.WriteFile(file, profile, 0o600))
}
