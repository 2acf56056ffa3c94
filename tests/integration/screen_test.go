package integration

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// received is what a provider got of a body, and whether it got all of it.
type received struct {
	body    string
	err     error
	trailer string
}

// TestScreenedBodies: under rules a body that names another method ends before that, whatever
// carries it, and any other arrives whole, with its trailers.
func TestScreenedBodies(t *testing.T) {
	const data, steers = `"}`, `","_method":"DELETE"}`
	for _, protocol := range []string{"plain", "HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			var cases sync.Map // what the provider got, by the case's name
			url, ca := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				got, _ := cases.Load(r.Header.Get("X-Case"))
				got.(chan received) <- received{string(body), err, r.Trailer.Get("X-Sum")}
				_, _ = w.Write([]byte("done"))
			}), protocol)
			rule := "budget token unlimited\n\t\trule key allow POST /x"
			g := harness.Start(t, ca+keyApp(url)+strings.Replace(staticSource(t), "budget token unlimited", rule, 1))
			for name, c := range map[string]struct {
				body   string
				length bool
				expect bool
			}{
				"short":                   {`{"a":"` + data, true, false},
				"short, chunks":           {`{"a":"` + data, false, false},
				"short, steers":           {`{"a":"` + steers, true, false},
				"short, chunks, steers":   {`{"a":"` + steers, false, false},
				"long":                    {`{"a":"` + strings.Repeat("x", 1<<20) + data, true, false},
				"long, chunks":            {`{"a":"` + strings.Repeat("x", 1<<20) + data, false, false},
				"long, steers":            {`{"a":"` + strings.Repeat("x", 1<<20) + steers, true, false},
				"long, chunks, steers":    {`{"a":"` + strings.Repeat("x", 1<<20) + steers, false, false},
				"waits for 100":           {`{"a":"` + data, true, true},
				"waits for 100, steers":   {`{"a":"` + steers, true, true},
				"at the bound":            {`{"a":"` + strings.Repeat("x", 64<<10-8) + data, true, false},
				"at the bound, steers":    {`{"a":"` + strings.Repeat("x", 64<<10-27) + steers, true, false},
				"across the bound, steer": {`{"a":"` + strings.Repeat("x", 64<<10-15) + steers, true, false},
			} {
				t.Run(name, func(t *testing.T) {
					got := make(chan received, 1)
					cases.Store(name, got)
					r := g.Request("POST", "/proxy/c1/key/x", nil)
					r.Header.Set("X-Case", name)
					r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(c.body)), int64(len(c.body)), nil
					r.Header.Set("Content-Type", "application/json")
					if !c.length {
						r.ContentLength, r.Trailer = -1, http.Header{"X-Sum": {"42"}}
					}
					if c.expect {
						r.Header.Set("Expect", "100-continue")
					}
					res, err := g.Client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					text, _ := io.ReadAll(res.Body)
					res.Body.Close()
					if strings.Contains(c.body, "_method") {
						if res.StatusCode != http.StatusForbidden || res.Header.Get("Vendgate-Code") != "policy_denied" {
							t.Errorf("answered %d %.300s", res.StatusCode, text)
						}
						select {
						case up := <-got:
							if up.err == nil || strings.Contains(up.body, "DELETE") {
								t.Errorf("the provider got %d bytes, %v", len(up.body), up.err)
							}
						default:
						}
						return
					}
					if res.StatusCode != http.StatusOK {
						t.Fatalf("answered %d %.300s", res.StatusCode, text)
					}
					up := <-got
					if up.body != c.body || up.err != nil || !c.length && up.trailer != "42" {
						t.Errorf("the provider got %d bytes of %d, trailer %q, %v", len(up.body), len(c.body), up.trailer, up.err)
					}
				})
			}
		})
	}
}
