package reload

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestReloadsUnderHTTP2: by HTTP/2 over a TLS socket that was handed over, no call is lost either.
// The server sends GOAWAY, which names the last call that it will answer; Go's client sends the
// others again by itself, which is safe (RFC 9113, section 6.8), and nothing else.
func TestReloadsUnderHTTP2(t *testing.T) {
	t.Run("TLS", func(t *testing.T) { reloadUnderHTTP2(t, (*stage).secure) })
	t.Run("unencrypted", func(t *testing.T) { reloadUnderHTTP2(t, (*stage).unencrypted) })
}

func reloadUnderHTTP2(t *testing.T, protocol func(*stage)) {
	s := newStage(t, ok)
	file := s.handOver()
	protocol(s)
	s.start(file)
	var tally tally
	var callers sync.WaitGroup
	stop := make(chan struct{})
	for i := range 50 {
		if i%10 == 0 { // five connections
			s.client = s.newClient()
		}
		client := s.client
		callers.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				s.callBy(client, &tally, n)
			}
		})
	}
	for range reloads / 8 {
		s.reload()
	}
	close(stop)
	callers.Wait()
	t.Logf("%d reloads: %s", reloads/8, &tally)
	if tally.lost.Load()+tally.wrong.Load() != 0 {
		t.Error("not every call got its answer")
	}
}

// secure has the site be served by TLS, with a certificate of Caddy's own authority.
func (s *stage) secure() {
	s.scheme = "https://localhost"
	s.bind += " {\n protocols h1 h2\n}" // HTTP/3 needs a datagram socket
	s.global += "skip_install_trust\n"
	s.site += "\ntls internal\n"
	s.client = s.newClient()
}

// unencrypted has the site be served by HTTP/2 without TLS as well.
func (s *stage) unencrypted() {
	s.bind += " {\n protocols h1 h2c\n}"
	s.client = s.newClient()
}

// newClient makes a client with one connection of its own.
func (s *stage) newClient() *http.Client {
	tr := &http.Transport{
		ForceAttemptHTTP2: true,
		// #nosec G402 -- a test's own authority
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"},
	}
	if s.scheme == "http://" {
		tr.Protocols = new(http.Protocols)
		tr.Protocols.SetUnencryptedHTTP2(true)
	}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func (s *stage) url() string {
	if s.scheme == "http://" {
		return "http://" + s.addr
	}
	return "https://" + s.addr
}

func (s *stage) callBy(client *http.Client, t *tally, n int) {
	method, body := http.MethodGet, ""
	if n%2 == 0 {
		method, body = http.MethodPost, `{"a": "b"}`
	}
	r, err := http.NewRequest(method, s.url()+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	r.Host = "localhost"
	r.Header.Set("Authorization", "Bearer "+harness.KeyA)
	r.Header.Set("X-User-Email", harness.Alice)
	res, err := client.Do(r)
	if err != nil {
		t.fail(&t.lost, "lost", err)
		return
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		t.fail(&t.lost, "lost", err)
	case res.StatusCode != http.StatusOK || string(answer) != "ok" || res.ProtoMajor != 2:
		t.fail(&t.wrong, "wrong", fmt.Errorf("%s %d %q", res.Proto, res.StatusCode, answer))
	default:
		t.answered.Add(1)
	}
}
