package integration

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestReloadUnderLoad reloads 60 times while 50 clients call: no call fails, a spent budget stays
// spent, and nothing is left behind. What clients see that repeat nothing is in tests/reload.
func TestReloadUnderLoad(t *testing.T) {
	var forwarded atomic.Int64
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded.Add(1)
		if r.Header.Get("X-Api-Key") != canary {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte("ok"))
	}), "plain")
	second := `
	tenant thrifty {
		key ` + harness.Secret(t, "VG_TENANT_B", harness.KeyB) + `
		budget token 1
	}
`
	source := strings.Replace(staticSource(t), "source static {",
		"source static {\n connection c2 {\n tenant thrifty\n app key\n field api_key {env.VG_KEY}\n }\n", 1)
	config := keyApp(url) + source + second
	g := harness.Start(t, config, harness.Kept)
	thrifty := func() int {
		res, err := g.Client.Do(g.Request("GET", "/proxy/c2/key/", nil, "Authorization: Bearer "+harness.KeyB))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if status := thrifty(); status != 200 {
		t.Fatalf("the first call of the thrifty tenant answers %d", status)
	}
	begun := time.Now()
	var calls atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := callOnce(g); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	goroutines, checked := 0, 0
	for i := range 60 {
		// Each configuration differs from the one before, so that nothing is skipped.
		g.Load(g.Caddyfile(config+fmt.Sprintf("\nvend_timeout %ds\n", 10+i%2), "", "vendgate_proxy"))
		if i == 20 {
			goroutines = runtime.NumGoroutine()
		}
		// Its one unit comes back after a minute, which the reloads may take on a slow machine.
		if (i == 0 || i%20 == 19) && time.Since(begun) < 55*time.Second {
			checked++
			if status := thrifty(); status != 429 {
				t.Errorf("after %d reloads the spent budget answers %d", i+1, status)
			}
		}
	}
	if grown := growth(goroutines); grown > 100 {
		t.Errorf("%d goroutines more after 40 further reloads", grown)
	}
	close(stop)
	clients.Wait()
	if checked == 0 {
		t.Error("a reload took so long that nothing can be said of the budget")
	}
	if n := calls.Load() + 1; forwarded.Load() != n {
		t.Errorf("%d calls were answered and %d forwarded", n, forwarded.Load())
	}
	t.Logf("%d calls during 60 reloads in %s", calls.Load(), time.Since(begun))
}

// growth is how many goroutines there are beyond before. The servers of the last configurations may
// still be closing their connections, so it waits for them for up to half a minute: one that each
// reload leaves behind never goes.
func growth(before int) (grown int) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if grown = runtime.NumGoroutine() - before; grown <= 100 || time.Now().After(end) {
			return grown
		}
	}
}

func callOnce(g *harness.Gateway) error {
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(body) != "ok" {
		return fmt.Errorf("answered %d %q %w", res.StatusCode, body, err)
	}
	return nil
}

// TestReloadChangesBudget: another budget counts from the first call after the reload, and what was
// spent of it before stays spent.
func TestReloadChangesBudget(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}), "plain")
	source := staticSource(t)
	config := func(budget int) string {
		return keyApp(url) + strings.Replace(source, "budget token unlimited", fmt.Sprintf("budget token %d", budget), 1)
	}
	g := harness.Start(t, config(1))
	for i, c := range []struct{ budget, calls int }{{1, 1}, {4, 3}, {2, 0}, {5, 1}} {
		if i > 0 {
			g.Load(g.Caddyfile(config(c.budget), "", "vendgate_proxy"))
		}
		calls := 0
		for callOnce(g) == nil {
			calls++
		}
		if calls != c.calls {
			t.Errorf("%d calls of a budget of %d, want %d", calls, c.budget, c.calls)
		}
	}
}

// TestBadReloadKeepsTheOld: a configuration with a mistake changes nothing.
func TestBadReloadKeepsTheOld(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	for _, mistake := range []string{"tenant acme {\n budget token none\n}", "tenant other {\n key {env.VG_NOT_SET}\n}",
		"source platform {\n url http://example.com\n key passthrough\n}"} {
		if err := g.TryLoad(g.Caddyfile(keyApp(url)+mistake, "", "vendgate_proxy")); err == nil {
			t.Errorf("%q was accepted", mistake)
		}
		if err := callOnce(g); err != nil {
			t.Errorf("after %q: %v", mistake, err)
		}
	}
}

// TestStreamOutlivesReload: the grace period covers a stream that ends in time.
func TestStreamOutlivesReload(t *testing.T) {
	proceed := make(chan struct{})
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte("one\n"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-proceed:
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte("two\n"))
	}), "plain")
	config := keyApp(url) + staticSource(t)
	g := harness.Start(t, config)
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	g.Load(g.Caddyfile(config+"\nvend_timeout 9s\n", "", "vendgate_proxy")) // the old server shuts down beside the new one
	close(proceed)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "two\n" {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
}
