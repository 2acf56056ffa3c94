// Package folding puts real servers behind the gateway, PHP with Symfony's HttpFoundation and
// Ruby's Rack, and asks them what they took each request for: whatever they fold, no request may
// become another one than the rules judged.
package folding

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, harness.LeakOptions()...) }

// server is a real one that answers what it took a request for.
type server struct{ addr string }

// taken is what a server took a request for.
type taken struct {
	Method string
	Route  any // what PHP has under that name, of any type
}

// start runs a program that listens on the address that takes the place of {addr} or {port}, and
// ends it with the test.
func start(t *testing.T, program string, args ...string) *server {
	t.Helper()
	s := &server{harness.FreeAddr(t)}
	_, port, _ := net.SplitHostPort(s.addr)
	for i := range args {
		args[i] = strings.NewReplacer("{addr}", s.addr, "{port}", port).Replace(args[i])
	}
	cmd := exec.Command(program, args...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: tests/run.sh installs it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	deadline := time.Now().Add(time.Minute)
	for {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			_ = conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", program, err)
		}
		time.Sleep(10 * time.Millisecond) // the program's own start is all there is to wait for
	}
}

func php(t *testing.T) *server {
	script, err := filepath.Abs("server.php")
	if err != nil {
		t.Fatal(err)
	}
	return start(t, "php", "-S", "{addr}", script)
}

func rack(t *testing.T) *server { return start(t, "ruby", "server.rb", "{port}") }

// request is one that may be taken for another.
type request struct {
	method, target, contentType, body string
}

func (r request) String() string {
	return fmt.Sprintf("%s %s (%s) %.80q", r.method, r.target, r.contentType, r.body)
}

// send sends r below base and returns the answer.
func (r request) send(t *testing.T, base, key string) (status int, what taken) {
	t.Helper()
	out, err := http.NewRequest(r.method, base+r.target, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.contentType != "" {
		out.Header.Set("Content-Type", r.contentType)
	}
	if key != "" {
		out.Header.Set("Authorization", "Bearer "+key)
		out.Header.Set("X-User-Email", harness.Alice)
	}
	res, err := client.Do(out)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, &what); err != nil {
			t.Fatalf("%v: %v in %.200q", r, err, text)
		}
	}
	return res.StatusCode, what
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
