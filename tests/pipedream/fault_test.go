package pipedream_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/pipedream"
)

func dialOnly(addr string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// TestFaults: each goes wrong as often as it was told to, and only where the call is as it should
// be.
func TestFaults(t *testing.T) {
	c := newRaw(t, options(), "")
	for name, fault := range map[string]struct {
		pipedream.Fault
		wrong func(reply, time.Duration) bool
	}{
		"an answer": {pipedream.Answer(502, "text/html", "<h1>Bad</h1>", "X-A: b"), func(r reply, _ time.Duration) bool {
			return r.StatusCode == 502 && r.body == "<h1>Bad</h1>" && r.Header.Get("Content-Type") == "text/html" &&
				r.Header.Get("X-A") == "b"
		}},
		"throttled": {pipedream.Throttle(7 * time.Second), func(r reply, _ time.Duration) bool {
			return r.StatusCode == 429 && r.Header.Get("Retry-After") == "7" && r.body == `{"error":"Throttled"}`+"\n"
		}},
		"slow": {pipedream.Slow(300 * time.Millisecond), func(r reply, took time.Duration) bool {
			return r.StatusCode == 200 && took > 250*time.Millisecond
		}},
		"cut": {pipedream.Cut(200, `{"id":`), func(r reply, _ time.Duration) bool {
			return r.StatusCode == 200 && r.body == `{"id":` && r.err != nil
		}},
		"hangup": {pipedream.Hangup, func(r reply, _ time.Duration) bool { return r.Response == nil && r.err != nil }},
		"drip": {pipedream.Drip(`{"id":1}`, 20*time.Millisecond), func(r reply, took time.Duration) bool {
			return r.body == `{"id":1}` && r.err == nil && took > 100*time.Millisecond
		}},
		"huge": {pipedream.Huge(3<<20, `{"id":`, `1}`), func(r reply, _ time.Duration) bool {
			return len(r.body) == 3<<20 && strings.HasSuffix(r.body, "1}")
		}},
	} {
		c.Fail(pipedream.AccountOf, 1, fault.Fault)
		c.refused(name+", a call outside the facts", c.account(account, "X-Other: a"), 400, true)
		begun := time.Now()
		if got := c.account(account); !fault.wrong(got, time.Since(begun)) {
			t.Errorf("%s: %+v", name, got)
		}
		if got := c.account(account); got.StatusCode != 200 {
			t.Errorf("%s: and then %d", name, got.StatusCode)
		}
	}
	c.Fail(pipedream.Token, -1, pipedream.Answer(500, "text/plain", "x"))
	for range 2 {
		if got := c.send(tokenRequest(goodClient)); got.StatusCode != 500 {
			t.Errorf("always: %d", got.StatusCode)
		}
	}
	c.Fail(pipedream.Token, 0, nil)
	c.token()
}

// TestSlowEnds: neither a caller who left nor the test's end waits for a slow answer.
func TestSlowEnds(t *testing.T) {
	begun := time.Now()
	t.Run("the API", func(t *testing.T) {
		c := newRaw(t, options(), "")
		c.Fail(pipedream.AccountOf, -1, pipedream.Slow(time.Minute))
		conn, err := net.Dial("tcp", c.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = conn.Write([]byte(c.request("GET /v1/connect/proj_1/accounts/"+account, "")))
		for len(c.Got(pipedream.AccountOf)) == 0 {
			time.Sleep(time.Millisecond)
		}
	})
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("ended after %s", took)
	}
}
