package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// program is a built vendgate with a configuration for the store.
type program struct {
	path, dir, socket string
	env               []string
	// store is what the configuration says of the store.
	store string
}

func (m *million) program(b *testing.B) *program {
	p := &program{path: os.Getenv("VENDGATE_BIN"), dir: b.TempDir()}
	if p.path == "" {
		p.path = filepath.Join(p.dir, "vendgate")
		if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", p.path,
			"../../cmd/vendgate").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	p.socket = filepath.Join(p.dir, "http.sock")
	p.env = append(os.Environ(), "VENDGATE_KEK="+m.kek, "DATABASE_URL="+m.url, "XDG_DATA_HOME="+p.dir,
		"XDG_CONFIG_HOME="+p.dir)
	p.store = "data_dir " + m.dir + "\n store {\n key_encryption_key {env.VENDGATE_KEK}\n"
	if m.url != "" {
		p.store += " postgres {env.DATABASE_URL}\n"
	}
	p.store += " }"
	if err := p.write("", "vendgate_health"); err != nil {
		b.Fatal(err)
	}
	return p
}

// write writes the configuration, with further options and the directives of its site.
func (p *program) write(options, site string) error {
	return os.WriteFile(filepath.Join(p.dir, "Caddyfile"), fmt.Appendf(nil, "{\n admin off\n persist_config off\n "+
		"vendgate {\n %s\n %s\n }\n}\nhttp:// {\n bind unix/%s\n %s\n}\n", p.store, options, p.socket, site), 0o600)
}

func (p *program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, append(args, "--config", filepath.Join(p.dir, "Caddyfile"))...)
	cmd.Env = p.env
	return cmd
}

// measureGateway starts the program on the store, and runs commands.
func (m *million) measureGateway(b *testing.B) {
	p, least := m.program(b), map[string]time.Duration{}
	note := func(name string, begun time.Time) {
		if took := time.Since(begun); least[name] == 0 || took < least[name] {
			least[name] = took
		}
	}
	for range 5 {
		begun := time.Now()
		gateway := p.command(b.Context(), "run")
		if err := gateway.Start(); err != nil {
			b.Fatal(err)
		}
		p.awaitReady(b)
		note("ready", begun)
		b.ReportMetric(residentMiB(b, gateway.Process.Pid), "RSS-MiB")
		if err := errors.Join(gateway.Process.Signal(os.Interrupt), gateway.Wait()); err != nil {
			b.Fatal(err)
		}
		for name, args := range map[string][]string{
			"connection-list": {"connection", "list", "--tenant", tenantOf(0)}, "tenant-list": {"tenant", "list"},
		} {
			begun := time.Now()
			if out, err := p.command(b.Context(), args...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
			note(name, begun)
		}
		begun = time.Now() // a command that opens no store
		if err := exec.CommandContext(b.Context(), p.path, "version").Run(); err != nil {
			b.Fatal(err)
		}
		note("version", begun)
	}
	b.ReportMetric(0, "ns/op")
	for name, took := range least {
		b.ReportMetric(float64(took)/float64(time.Millisecond), name+"-ms")
	}
}

// transport leads to the gateway.
func (p *program) transport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", p.socket)
	}}
}

// awaitReady asks the gateway until it is ready.
func (p *program) awaitReady(b *testing.B) {
	client := &http.Client{Transport: p.transport()}
	defer client.CloseIdleConnections()
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		res, err := client.Get("http://gateway/health/ready")
		if err != nil {
			last = err.Error()
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
		last = res.Status
	}
	b.Fatal("the gateway does not become ready: ", last)
}

// residentMiB is what a process takes of the machine's memory.
func residentMiB(b *testing.B, pid int) float64 {
	raw := must[[]byte](b)(os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)))
	var size, resident int
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		b.Fatal(err)
	}
	return float64(resident) * float64(os.Getpagesize()) / (1 << 20)
}
