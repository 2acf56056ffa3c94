package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/vendgate/vendgate/tests/h2peer"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestNoGuessedContentType: what a provider does not state is not guessed, by either version of
// HTTP.
func TestNoGuessedContentType(t *testing.T) {
	answer := ""
	up := harness.NewUpstream(t, func(string) string { return answer })
	g := harness.Start(t, keyApp("http://"+up.Addr)+staticSource(t), "global:servers {\n protocols h1 h2c\n}")
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h2 := &http.Transport{Protocols: protocols}
	defer h2.CloseIdleConnections()
	for name, text := range map[string]string{
		"known length": "Content-Length: 15\r\n\r\n<html>x</html>\n",
		"chunked":      "Transfer-Encoding: chunked\r\n\r\nf\r\n<html>x</html>\n\r\n0\r\n\r\n",
		"empty":        "Content-Length: 0\r\n\r\n",
	} {
		for _, client := range []*http.Client{g.Client, {Transport: h2}} {
			answer = "HTTP/1.1 200 OK\r\n" + text
			res, err := client.Do(g.Request("GET", "/proxy/c1/key/x", nil))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if stated, ok := res.Header["Content-Type"]; err != nil || ok || res.StatusCode != 200 || len(body) != 0 &&
				string(body) != "<html>x</html>\n" {
				t.Errorf("%s, %s: %d, Content-Type %q, %q %v", name, res.Proto, res.StatusCode, stated, body, err)
			}
		}
	}
}

// TestCutAnswers: of an answer that breaks off the caller gets what came, or a whole error where
// nothing of it was sent.
func TestCutAnswers(t *testing.T) {
	answer := ""
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	g.Client.Timeout = promptly
	for name, c := range map[string]struct {
		came, length int
		replaced     bool
	}{
		"before the body":          {0, 100, true},
		"within a short one":       {99, 100, true},
		"at the start of a long":   {4000, 1 << 20, true},
		"in the midst of a long":   {5000, 1 << 20, false},
		"before the end of a long": {1<<20 - 1, 1 << 20, false},
		"nowhere":                  {100, 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			answer = fmt.Sprintf("HTTP/1.1 201 OK\r\nX-Theirs: 1\r\nConnection: close\r\nContent-Type: "+
				"text/plain\r\nContent-Length: %d\r\n\r\n%s", c.length, strings.Repeat("x", c.came))
			res, err := g.Client.Do(g.Request("POST", "/proxy/c1/key/x", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if c.replaced {
				if err != nil || res.StatusCode != 503 || res.Header.Get("Vendgate-Code") != "upstream_unavailable" ||
					res.Header.Get("X-Theirs") != "" ||
					res.Header.Get("Content-Type") != "application/json" || !strings.Contains(string(body), `"sent":true`) {
					t.Errorf("%d %v %s %v", res.StatusCode, res.Header, body, err)
				}
				return
			}
			if res.StatusCode != 201 || len(body) != c.came || (err == nil) != (c.came == c.length) ||
				res.Header.Get("X-Theirs") != "1" {
				t.Errorf("%d %v, %d bytes, %v", res.StatusCode, res.Header, len(body), err)
			}
		})
	}
}

// TestCutStreams is TestCutAnswers of an HTTP/2 provider, by callers of both versions.
func TestCutStreams(t *testing.T) {
	short := strings.Repeat("x", 50)
	ways := map[string]func(*h2peer.Stream){
		"/reset-after-head": func(s *h2peer.Stream) {
			s.Head(false, "200", "content-type", "text/plain", "content-length", "100")
			s.Reset(http2.ErrCodeInternal)
		},
		"/reset-within": func(s *h2peer.Stream) {
			s.Head(false, "200", "content-type", "text/plain", "content-length", "100", "x-theirs", "1")
			s.Data(false, short)
			s.Reset(http2.ErrCodeCancel)
		},
		"/ended-within": func(s *h2peer.Stream) {
			s.Head(false, "200", "content-type", "text/plain", "content-length", "100")
			s.Data(true, short)
		},
		"/ended-without": func(s *h2peer.Stream) {
			s.Head(true, "200", "content-type", "text/plain", "content-length", "100")
		},
		"/error-cut": func(s *h2peer.Stream) {
			s.Head(false, "404", "content-type", "text/plain", "content-length", "100")
			s.Data(true, short)
		},
	}
	peer := h2peer.New(t, func(s *h2peer.Stream) { ways[s.Path](s) })
	g := harness.Start(t, trusting(t, peer)+keyApp(peer.URL)+staticSource(t), "global:servers {\n protocols h1 h2c\n}")
	g.Client.Timeout = promptly
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h2 := &http.Transport{Protocols: protocols}
	defer h2.CloseIdleConnections()
	for path := range ways {
		for _, client := range []*http.Client{g.Client, {Transport: h2, Timeout: promptly}} {
			res, err := client.Do(g.Request("GET", "/proxy/c1/key"+path, nil))
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 503 || res.Header.Get("X-Theirs") != "" ||
				!strings.Contains(string(body), `"sent":true`) {
				t.Errorf("%s, %s: %d %v %s %v", path, res.Proto, res.StatusCode, res.Header, body, err)
			}
		}
	}
}
