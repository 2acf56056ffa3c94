package local

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// What the child process is told.
const (
	childDir        = "VENDGATE_TEST_DIR"
	childDatabase   = "VENDGATE_TEST_DATABASE"
	childConnection = "VENDGATE_TEST_CONNECTION"
	childProvider   = "VENDGATE_TEST_PROVIDER"
	childStalls     = "VENDGATE_TEST_STALLS" // before it sends, until it is told to go on
)

// vendAsChild vends once, says so, and waits to be killed.
func vendAsChild(dir string) int {
	ctx := context.Background()
	store, err := store.Open(ctx, optionsOf(storetest.PlaceOf(dir, os.Getenv(childDatabase))))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	transport := http.DefaultTransport
	if os.Getenv(childStalls) != "" {
		transport = roundTrip(stall)
	}
	s := New(Options{Store: store, Catalog: appsAt(os.Getenv(childProvider)), Clients: clients,
		Transport: through(transport)})
	cred, err := s.Vend(ctx, request(os.Getenv(childConnection)))
	fmt.Println(tokenOf(cred), err)
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent has gone, should it forget to kill
	return 0
}

// stall is a transport that takes long to connect, as it were.
func stall(r *http.Request) (*http.Response, error) {
	fmt.Println("sending")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return http.DefaultTransport.RoundTrip(r)
}

// startChild runs this test's binary as another process.
func startChild(t *testing.T, p *provider, dir, id string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd, out, _ := startChildWith(t, p, dir, id)
	return cmd, out
}

// startChildWith is startChild with more of an environment; go on tells it to.
func startChildWith(t *testing.T, p *provider, dir, id string, env ...string) (cmd *exec.Cmd, out *bufio.Reader,
	goOn func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childDatabase+"="+storetest.At(t, dir).Postgres,
		childConnection+"="+id, childProvider+"="+p.URL)
	cmd.Env = append(cmd.Env, env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(stdout), func() {
		if _, err := stdin.Write([]byte{'\n'}); err != nil {
			t.Error(err)
		}
	}
}

// kill is kill -9; Wait reports nothing else than that.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// afterCrash opens the directory again, an hour later, and returns what is left. A lease of the
// dead process must not be in the way.
func afterCrash(t *testing.T, dir, id string) (*store.Store, connect.GrantValues) {
	t.Helper()
	store := openStoreAt(t, dir, func() time.Time { return time.Now().Add(time.Hour) })
	_, v := stored(t, store, id)
	return store, v
}

// TestKilledAfterRotation kills the process when the provider has rotated and before it has
// answered. The old grant must be whole; that the provider now refuses it is what the end user must
// repair.
func TestKilledAfterRotation(t *testing.T) { storetest.DirectAtOnce(t, testKilledAfterRotation) }

func testKilledAfterRotation(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	id := seed(t, dir)
	pids, killed := make(chan *exec.Cmd, 1), make(chan struct{})
	p.beforeAnswer(func(issued int) {
		if issued == 1 && p.asked() == 1 {
			kill(<-pids)
			<-killed
		}
	})
	cmd, _ := startChild(t, p, dir, id)
	pids <- cmd
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	close(killed)
	store, v := afterCrash(t, dir, id)
	if v.AccessToken != "canary-access-0" || v.RefreshToken != "canary-refresh-0" {
		t.Fatalf("the old grant is not whole: %q, %q", v.AccessToken, v.RefreshToken)
	}
	s := newSource(t, p, store)
	if _, err := s.Vend(t.Context(), request(id)); codeOf(err) != vending.NeedsReconnection {
		t.Errorf("error %v, want %s", err, vending.NeedsReconnection)
	}
}

// TestKilledAfterVend kills the process when it has handed the new token over. The rotated refresh
// token must be there.
func TestKilledAfterVend(t *testing.T) { storetest.DirectAtOnce(t, testKilledAfterVend) }

func testKilledAfterVend(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	id := seed(t, dir)
	cmd, out := startChild(t, p, dir, id)
	line, err := out.ReadString('\n')
	kill(cmd)
	if _ = cmd.Wait(); err != nil || line != "canary-access-1 <nil>\n" {
		t.Fatalf("the child vended %q, %v", line, err)
	}
	store, v := afterCrash(t, dir, id)
	if v.AccessToken != "canary-access-1" || v.RefreshToken != "canary-refresh-1" {
		t.Fatalf("the new grant is not whole: %q, %q", v.AccessToken, v.RefreshToken)
	}
	s := newSource(t, p, store, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Hour) } })
	if cred, err := s.Vend(t.Context(), request(id)); err != nil || tokenOf(cred) != "canary-access-2" {
		t.Errorf("token %q, %v; want canary-access-2", tokenOf(cred), err)
	}
}

// TestKilledAnywhere kills the process at some moment between the provider's answer and the end of
// the vend: one of the two grants must be there, whole.
func TestKilledAnywhere(t *testing.T) { storetest.DirectAtOnce(t, testKilledAnywhere) }

func testKilledAnywhere(t *testing.T) {
	left := make(map[string]int)
	for i := range 12 {
		p := startProvider(t)
		dir := t.TempDir()
		id := seed(t, dir)
		answered := make(chan struct{}, 1)
		p.beforeAnswer(func(int) {
			answered <- struct{}{}
		})
		cmd, _ := startChild(t, p, dir, id)
		<-answered
		<-time.After(time.Duration(i) * 500 * time.Microsecond)
		kill(cmd)
		_ = cmd.Wait()
		_, v := afterCrash(t, dir, id)
		left[v.AccessToken+" "+v.RefreshToken]++
	}
	before, after := left["canary-access-0 canary-refresh-0"], left["canary-access-1 canary-refresh-1"]
	if before+after != 12 {
		t.Errorf("neither the old nor the new grant: %v", left)
	}
	t.Logf("killed before the commit %d times, after it %d times", before, after)
}

// seed makes a store with one connection whose token has ended, and closes it.
func seed(t *testing.T, dir string) (id string) {
	t.Helper()
	store, err := store.Open(t.Context(), optionsOf(storetest.At(t, dir)))
	if err != nil {
		t.Fatal(err)
	}
	id = importApp(t, store, "gmail", grantFor(-time.Second))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return id
}
