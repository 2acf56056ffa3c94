package store

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// grown is a gateway of BenchmarkGrowth.
type grown struct {
	scale
	m       *million
	p       *program
	hot     []connect.Connection
	client  *http.Client
	process *os.Process
	command *exec.Cmd
	turn    atomic.Int64

	// wall and cpu are what its starts took, and cost is the CPU time of a call in each round.
	wall, cpu, cost []time.Duration
}

// configure writes the configuration. The apps that connections are of, and those that the binary
// does not have, are in a catalog file.
func (g *grown) configure(b *testing.B, upstream string) {
	g.p, g.hot = g.m.program(b), hotOf(g.m.rows, g.scale.hot)
	g.client = &http.Client{Transport: g.p.transport()}
	var lines []string
	for i := range 20 {
		lines = append(lines, fmt.Sprintf(`{"slug":"app%d","name":"App","auth_type":"o_auth","upstream":%q,`+
			`"oauth2":{"token_url":"%s/token"},"allow_http":true,"allow_private":["127.0.0.0/8"]}`, i, upstream, upstream))
	}
	for n := 2; len(lines) < g.apps-embeddedApps; n++ {
		for _, file := range []string{"apps.jsonl", "community.jsonl"} {
			for line := range strings.Lines(string(must[[]byte](b)(os.ReadFile("../../catalog/" + file)))) {
				slug, rest, _ := strings.Cut(strings.TrimSpace(line), `",`)
				lines = append(lines, fmt.Sprintf(`%s-%d",%s`, slug, n, rest))
			}
		}
	}
	apps := filepath.Join(g.p.dir, "apps.jsonl")
	count := max(20, g.apps-embeddedApps)
	err := errors.Join(os.WriteFile(apps, []byte(strings.Join(lines[:count], "\n")), 0o600),
		g.p.write("catalog {\n community *\n file "+apps+"\n }\n tenant_defaults {\n budget token unlimited\n "+
			"budget api unlimited\n }", "vendgate_proxy"))
	if err != nil {
		b.Fatal(err)
	}
}

// start notes what it takes until a call is answered.
func (g *grown) start(b *testing.B) {
	begun := time.Now()
	g.command = g.p.command(b.Context(), "run")
	log := must[*os.File](b)(os.Create(filepath.Join(g.p.dir, "log")))
	g.command.Stderr = log
	err := errors.Join(g.command.Start(), log.Close())
	if err != nil {
		b.Fatal(err)
	}
	g.process = g.command.Process
	for err = g.callOne(g.hot[0]); err != nil && time.Since(begun) < time.Minute; err = g.callOne(g.hot[0]) {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		raw, _ := os.ReadFile(log.Name())
		b.Fatalf("%v: %s", err, raw)
	}
	g.wall, g.cpu = append(g.wall, time.Since(begun)), append(g.cpu, processCPU(b, g.process.Pid))
}

func (g *grown) stop(b *testing.B) {
	g.client.CloseIdleConnections()
	if err := errors.Join(g.process.Signal(os.Interrupt), g.command.Wait()); err != nil {
		b.Fatal(err)
	}
}

// call makes n calls, 32 at a time, in turn through the connections.
func (g *grown) call(b *testing.B, n int) {
	var callers sync.WaitGroup
	var failed atomic.Pointer[error]
	left := int64(n)
	for range 32 {
		callers.Go(func() {
			for atomic.AddInt64(&left, -1) >= 0 {
				// The factor is a prime, so that connections called one after the other lie far apart.
				if err := g.callOne(g.hot[g.turn.Add(1)*6_700_417%int64(len(g.hot))]); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	callers.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

func (g *grown) callOne(c connect.Connection) error {
	r, err := http.NewRequest(http.MethodGet, "http://gateway/proxy/"+c.ID+"/"+c.App+"/messages", http.NoBody)
	if err != nil {
		return err
	}
	tenant, err := strconv.Atoi(strings.TrimPrefix(c.Tenant, "tenant"))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+keyAt(tenant))
	r.Header.Set("x-user-email", c.User)
	res, err := g.client.Do(r)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, answer)
	}
	return err
}

// processCPU is the CPU time of the threads that a process has. Those that ended are not counted;
// Go rarely ends one.
func processCPU(b *testing.B, pid int) (total time.Duration) {
	files := must[[]string](b)(filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid)))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text, _, _ := strings.Cut(string(raw), " ")
		spent := must[int64](b)(strconv.ParseInt(text, 10, 64))
		total += time.Duration(spent)
	}
	return total
}
