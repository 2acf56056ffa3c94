package platform_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// hang answers nothing until the caller has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drip sends head, then a blank every few milliseconds, for as long as the caller listens.
func drip(head string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for text := head; ; text = " " {
			if _, err := io.WriteString(w, text); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-tick.C:
			}
		}
	}
}

// large answers head and then blanks up to 10 MiB.
func large(status int, head string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, head)
		for range 10 << 10 {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<10)); err != nil {
				return
			}
		}
	}
}

// raw takes the connection over, writes text and closes it.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// counting counts the body bytes that were read of all answers.
type counting struct {
	http.RoundTripper
	read, closed atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &countingBody{resp.Body, c}
	}
	return resp, err
}

type countingBody struct {
	io.ReadCloser
	c *counting
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.c.read.Add(int64(n))
	return n, err
}

func (b *countingBody) Close() error { b.c.closed.Add(1); return b.ReadCloser.Close() }

// TestMisbehaviour: HOSTILE-CASES 31. Whatever either call meets, the vend ends in bounded time and
// memory without a credential, and its error repeats nothing.
func TestMisbehaviour(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"500":                      says(500, tenantKey),
		"time-out":                 hang,
		"slow drip":                drip(gmailToken),
		"slow drip of an error":    drip(`{"status":"error"`),
		"empty 200":                says(200, ""),
		"204":                      says(204, ""),
		"HTML 200":                 says(200, "<html>"+tenantKey+secret, "Content-Type", "text/html"),
		"10 MiB 200":               large(200, gmailToken),
		"10 MiB 401":               large(401, `{"status":"error","data":{"code":"needs_reconnection"}}`),
		"wrong types":              says(200, `{"status":1,"message":[],"data":"`+secret+`"}`),
		"deep nesting":             says(200, strings.Repeat(`{"data":`, 20_000)),
		"cut short":                raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + gmailToken),
		"closed without an answer": raw(""),
		"malformed status line":    raw("HTTP/1.1 " + tenantKey + " " + secret + "\r\n\r\n"),
		"malformed header":         raw("HTTP/1.1 200 OK\r\n" + tenantKey + " " + secret + "\r\n\r\n"),
		"malformed chunk":          raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n"),
		"bad length":               raw("HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n"),
	}
	for name, answer := range tests {
		for call, handlers := range map[string][2]http.HandlerFunc{
			"metadata": {answer, says(200, gmailToken)}, "token": {says(200, activeGmail), answer},
		} {
			t.Run(name+"/"+call, func(t *testing.T) {
				t.Parallel()
				s := serve(t, handlers[0], handlers[1])
				var c *counting
				source := newSource(t, s, func(o *platform.Options) {
					c = &counting{RoundTripper: o.Transport}
					o.Transport, o.Timeout = c, 2*time.Second
				})
				start := time.Now()
				cred, err := vend(source, request())
				refused(t, cred, err, vending.UpstreamUnavailable)
				if took := time.Since(start); took > 30*time.Second {
					t.Errorf("took %v", took)
				}
				if got := c.read.Load(); got > 256<<10+1+int64(len(activeGmail)) {
					t.Errorf("read %d bytes", got)
				}
				if call == "metadata" && s.asked("POST") != 0 {
					t.Error("a token was asked for without knowing the app")
				}
			})
		}
	}
}

// TestRedirect: the key goes nowhere but to the base URL.
func TestRedirect(t *testing.T) {
	target := serve(t, says(200, activeGmail), says(200, gmailToken))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for call, i := range map[string]int{"metadata": 0, "token": 1} {
			t.Run(fmt.Sprint(status, "/", call), func(t *testing.T) {
				handlers := [2]http.HandlerFunc{says(200, activeGmail), says(200, gmailToken)}
				handlers[i] = says(status, []string{activeGmail, gmailToken}[i], "Location",
					target.URL+"/platform/v1/connections/c1/token")
				cred, err := vend(newSource(t, serve(t, handlers[0], handlers[1])), request())
				refused(t, cred, err, vending.UpstreamUnavailable)
				if calls := target.all(); len(calls) != 0 {
					t.Fatalf("the redirect was followed: %q", calls)
				}
			})
		}
	}
}

// TestParallel: two tenants at once never get each other's credential.
func TestParallel(t *testing.T) {
	s := serve(t, says(200, activeGmail), func(w http.ResponseWriter, r *http.Request) {
		whose := r.Header.Get("Authorization") + "|" + r.Header.Get("X-User-Email")
		says(200, fmt.Sprintf(`{"status":"success","data":{"auth_type":"o_auth","access_token":%q}}`, whose))(w, r)
	})
	source := newSource(t, s, passthrough)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			r := request()
			r.User = fmt.Sprintf("u%d@example.com", i%8)
			r.Key = vending.NewSecret(fmt.Sprintf("pk_live_%d", i%4))
			cred, err := vend(source, r)
			want := fmt.Sprintf("Bearer pk_live_%d|%s", i%4, r.User)
			if got, _ := cred.Field(vending.AccessToken); err != nil || got != want {
				t.Errorf("got %q (%v), want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}
