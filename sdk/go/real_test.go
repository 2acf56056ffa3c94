package vendgate_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	vendgate "github.com/vendgate/vendgate/sdk/go"
)

const (
	tenantKey = "pk_live_CanaryOfTheTenant0123456789CanaryOfTheTen"
	secret    = "sk-provider-canary-0123456789"
)

// caddyfile configures a gateway for OpenAI's API at the test's provider: its directory twice, the
// provider's URL, and the port.
const caddyfile = `{
	admin off
	persist_config off
	auto_https off
	grace_period 1s
	log {
		level ERROR
	}
	vendgate {
		data_dir %[1]s/data
		source local
		source static {
			connection conn_1 {
				tenant acme
				user alice@example.com
				app openai
				field api_key {file.%[1]s/secret}
			}
		}
		tenant acme {
			key {file.%[1]s/tenant}
			source static
		}
		app openai {
			upstream %[2]s/v1
			allow_http
			allow_private 127.0.0.0/8
		}
	}
}

http://%[3]s {
	bind fd/3
	vendgate_proxy
	vendgate_connect
}
`

// TestRealGateway calls a provider by its own address through the program itself, which
// VENDGATE_BIN names, or which is built from this repository.
func TestRealGateway(t *testing.T) {
	var got []call
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, call{r.Method + " " + r.RequestURI, string(body), r.Header})
		if len(got) == 1 {
			w.Header().Set("Location", "/v1/models?page=2")
			w.WriteHeader(http.StatusFound)
		}
	}))
	t.Cleanup(provider.Close)
	o := vendgate.Options{Gateway: startVendgate(t, provider.URL), Key: tenantKey, Email: alice, Connection: "conn_1",
		App: "openai"}
	response, err := clientOf(t, o).Get(provider.URL + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if len(got) != 2 || got[0].Line != "GET /v1/models" || got[1].Line != "GET /v1/models?page=2" {
		t.Fatalf("the provider got %+v", got)
	}
	for _, c := range got {
		text := fmt.Sprint(c)
		if c.Header.Get("Authorization") != "Bearer "+secret || bytes.Contains([]byte(text), []byte(tenantKey)) ||
			bytes.Contains([]byte(text), []byte(alice)) {
			t.Errorf("the provider got %+v", c)
		}
	}
	_, err = clientOf(t, o).Get(provider.URL + "/elsewhere")
	mustRefuse(t, err, vendgate.ReasonPath)
}

// startVendgate returns the URL of a gateway that runs until the test ends. It takes over a socket
// of the test: a port that is only free may be another program's when the gateway binds it.
func startVendgate(t *testing.T, provider string) string {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"secret": secret, "tenant": tenantKey,
		"Caddyfile": fmt.Sprintf(caddyfile, dir, provider, address)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	program := exec.CommandContext(ctx, binary(t, dir), "run", "--config", filepath.Join(dir, "Caddyfile"))
	program.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var log bytes.Buffer
	program.Stderr = &log
	program.Cancel = func() error { return program.Process.Signal(syscall.SIGTERM) }
	program.ExtraFiles = []*os.File{socket} // fd/3
	err = program.Start()
	_, _ = listener.Close(), socket.Close()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = program.Wait() // it ends by our signal
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	await(t, address, ended, &log)
	return "http://" + address
}

// await waits until the gateway answers.
func await(t *testing.T, address string, ended chan struct{}, log *bytes.Buffer) {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; {
		res, err := http.Get("http://" + address)
		if err == nil {
			_ = res.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("the gateway ended: %s", log)
		case <-time.After(25 * time.Millisecond):
		}
	}
	t.Fatal("the gateway does not answer")
}

func binary(t *testing.T, dir string) string {
	t.Helper()
	if file := os.Getenv("VENDGATE_BIN"); file != "" {
		return file
	}
	file := filepath.Join(dir, "vendgate")
	build := exec.Command("go", "build", "-o", file, "./cmd/vendgate")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}
