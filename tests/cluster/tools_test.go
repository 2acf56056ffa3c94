package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// answers serves a word on a real socket, and returns its address.
func answers(t *testing.T, word string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, word)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// word asks an address, and returns its answer or what came instead.
func word(addr string) string {
	res, err := probes.Get("http://" + addr)
	if err != nil {
		return cause(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return cause(err)
	}
	return string(body)
}

// TestProxy: each fault is what its name says, and ends.
func TestProxy(t *testing.T) {
	p := newProxy(t, answers(t, "one"))
	want := func(what, answer string) {
		t.Helper()
		if got := word(p.addr); got != answer {
			t.Errorf("%s: %q, want %q", what, got, answer)
		}
	}
	want("at first", "one")
	p.cut()
	want("cut", "connection refused")
	p.restore()
	want("restored", "one")
	p.slow(300)
	began := time.Now()
	want("slow", "one")
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("slow by 300 ms took %s", took)
	}
	p.heal()
	p.reset()
	want("reset", "connection reset by peer")
	p.heal()
	p.toward(answers(t, "two"))
	want("toward another", "two")
}

// TestProxyHang: what hangs keeps its connection, and answers nothing.
func TestProxyHang(t *testing.T) {
	p := newProxy(t, answers(t, "one"))
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p.hang()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: one\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("a proxy that hangs: %v", err)
	}
	p.heal()
	if got := word(p.addr); got != "one" {
		t.Errorf("healed: %q", got)
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// refresh asks the provider as a node would.
func (p *provider) refresh(node, token string) string {
	res, err := probes.PostForm("http://"+p.addr+"/"+node+"/token", url.Values{"grant_type": {"refresh_token"},
		"refresh_token": {token}, "client_id": {clientID}, "client_secret": {clientSecret}})
	if err != nil {
		return cause(err)
	}
	defer res.Body.Close()
	return fmt.Sprint(res.StatusCode)
}

// TestProvider: a refresh token works once, and its second use ends the grant.
func TestProvider(t *testing.T) {
	p := newProvider(t)
	g := p.grant()
	old := p.grantOf(g)
	if got := p.refresh("1", old.refresh); got != "200" {
		t.Errorf("a refresh: %s", got)
	}
	if now := p.grantOf(g); now.refresh == old.refresh || now.ended {
		t.Errorf("a refresh rotates nothing: %+v", now)
	}
	if got := p.refresh("2", old.refresh); got != "400" {
		t.Errorf("a reuse: %s", got)
	}
	reuses := p.reuses()
	if len(p.refreshes()) != 2 || len(reuses) != 1 || reuses[0].node != "2" || !reuses[0].rotated.IsZero() ||
		!p.grantOf(g).ended {
		t.Errorf("%+v of %+v", reuses, p.refreshes())
	}
	if got := p.refresh("1", p.grantOf(g).refresh); got != "400" {
		t.Errorf("a refresh of a grant that has ended: %s", got)
	}
}

// TestProviderStream: events come until the caller leaves.
func TestProviderStream(t *testing.T) {
	p := newProvider(t)
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+"/0/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", rightKey)
	res, err := probes.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for _, want := range []string{"data: 0", "", "data: 1"} {
		if line, err := in.ReadString('\n'); err != nil || strings.TrimSpace(line) != want {
			t.Errorf("%q, %v; want %q", line, err, want)
		}
	}
	leave()
}

// TestLoad counts what came of each request.
func TestLoad(t *testing.T) {
	var n int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++ // of one worker
		if n%3 == 0 {
			w.Header().Set("Vendgate-Origin", "policy")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"data":{"code":"rate_limited"}}`)
		}
	}))
	defer server.Close()
	l := begin(1, 200, func(int) *http.Request {
		r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
		return r
	})
	began := time.Now()
	harness.Within(t, "60 requests", 10*time.Second, func() bool { return l.so() >= 60 })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("60 requests at 200 a second took %s", took)
	}
	all := l.stop()
	good, limited := all.count("200"), all.count("429 rate_limited policy")
	if good+limited != len(all) || limited != len(all)/3 || len(all.between(began, time.Now())) < 50 {
		t.Errorf("%d requests: %s", len(all), all)
	}
}
