package hostile

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

var budgetCases = []row{
	{name: "38 parallel callers at the last unit of a budget", run: lastUnits},
	{name: "42 two tenants in parallel are never swapped", run: neverSwapped},
}

// await fails a case that would hang.
func await(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("waited in vain for %s", what)
	}
}

// lastUnits starts all callers at once; zeta has seven units, and gets another one only after nine
// seconds.
func lastUnits(t *testing.T, f *fleet) {
	const callers, units = 60, 7
	f.up.Answer(harness.OK)
	script.play(fields(vending.APIKey, "api_key", credHeader))
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		counts = map[int]int{}
		start  = make(chan struct{})
	)
	for range callers {
		group.Go(func() {
			<-start
			res, err := f.Client.Do(f.Request("GET", "/proxy/c/key/x", nil, "Authorization: Bearer "+keyZ))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			counts[res.StatusCode]++
			if wait := res.Header.Get("Retry-After"); res.StatusCode == 429 &&
				(wait == "" || wait == "0" || res.Header.Get("Vendgate-Origin") != "gateway") {
				t.Errorf("refused with Retry-After %q of %s", wait, res.Header.Get("Vendgate-Origin"))
			}
		})
	}
	close(start)
	group.Wait()
	if sent, vends := len(f.up.Got()), script.vended(); counts[200] != units || counts[429] != callers-units ||
		sent != units || vends != units {
		t.Errorf("answers %v, the upstream got %d, vended %d; want %d of each", counts, sent, vends, units)
	}
}

// neverSwapped has two tenants call the same app by the same connection ids. The path of each call
// says whose it is.
func neverSwapped(t *testing.T, f *fleet) {
	const goroutines, calls = 50, 200
	script.play(func(r vending.Request) (vending.Credential, error) {
		return fields(vending.APIKey, "api_key", "canary-"+r.Tenant+"-"+r.Connection)(r)
	})
	f.up.Answer(func(request string) string {
		return reply("200 OK", requestPath(request),
			"X-Echo: "+request[strings.Index(request, "canary-"):strings.LastIndex(request, "\r\n\r\n")])
	})
	var group sync.WaitGroup
	for g := range goroutines {
		tenant, key := "gamma", keyC
		if g%2 == 1 {
			tenant, key = "eta", keyG
		}
		group.Go(func() {
			for n := range calls {
				path := fmt.Sprintf("/%s/c%d/%d/%d", tenant, n%3, g, n)
				r := f.Request("GET", fmt.Sprintf("/proxy/c%d/key%s", n%3, path), nil, "Authorization: Bearer "+key)
				if err := sameAnswer(f.Client, r, "/base"+path); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	got := f.up.Got()
	if len(got) != goroutines*calls {
		t.Errorf("the upstream got %d calls, want %d", len(got), goroutines*calls)
	}
	for _, request := range got {
		parts := strings.Split(requestPath(request), "/")
		if !strings.HasSuffix(request, "\r\nX-Api-Key: canary-"+parts[2]+"-"+parts[3]+"\r\n\r\n") ||
			strings.Count(request, "canary-") != 1 {
			t.Fatalf("swapped: %q", request)
		}
	}
}

func requestPath(request string) string {
	_, rest, _ := strings.Cut(request, " ")
	path, _, _ := strings.Cut(rest, " ")
	return path
}

func sameAnswer(client *http.Client, r *http.Request, want string) error {
	res, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("calling: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if string(body) != want || res.Header.Get("X-Echo") != "[redacted]" {
		return fmt.Errorf("the answer to %s is %q with the echo %q", want, body, res.Header.Get("X-Echo"))
	}
	return nil
}
