package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/vendgate/vendgate/tests/h2peer"
	"github.com/vendgate/vendgate/tests/harness"
)

// trusting configures the certificate of a peer.
func trusting(t *testing.T, peer *h2peer.Peer) string {
	t.Helper()
	return "upstream {\n trust_ca \"" + tempFile(t, peer.CA) + "\"\n}\n"
}

// interims notes the interim answers of a request.
func interims(ctx context.Context, seen *[]string) context.Context {
	return httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
			*seen = append(*seen, fmt.Sprint(status, " ", http.Header(h)))
			return nil
		}})
}

// promptly is far more than a call takes that is not held, and less than net/http would hold one
// that is refused.
const promptly = 30 * time.Second

func isRefused(res *http.Response) bool {
	return res.StatusCode == 503 && res.Header.Get("Vendgate-Code") == "upstream_unavailable" &&
		res.Header.Get("Vendgate-Origin") == "upstream" && res.Header.Get("Retry-After") == "1"
}

// TestRefusedStreams: a call that an HTTP/2 provider refuses is sent once more at most, and
// answered at once.
func TestRefusedStreams(t *testing.T) {
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		switch s.Path {
		case "/refused":
			s.Reset(http2.ErrCodeRefusedStream)
		case "/away":
			s.GoAway(0, http2.ErrCodeNo)
		default:
			s.OK()
		}
	})
	g := harness.Start(t, trusting(t, peer)+keyApp(peer.URL)+staticSource(t))
	g.Client.Timeout = promptly
	for _, c := range []struct {
		method, path string
		size, sent   int
		told         string // data.sent: whether the provider may have processed it
	}{
		{"GET", "/refused", 0, 2, `"sent":false`}, {"HEAD", "/refused", 0, 2, ""}, {"POST", "/refused", 0, 2, `"sent":false`},
		{"POST", "/refused", 100, 2, `"sent":false`}, {"POST", "/refused", 1 << 20, 1, `"sent":true`},
		{"DELETE", "/refused", 0, 2, `"sent":false`},
		{"GET", "/away", 0, 2, `"sent":true`}, {"POST", "/away", 0, 1, `"sent":true`},
		{"POST", "/away", 100, 1, `"sent":true`}, {"POST", "/away", 1 << 20, 1, `"sent":true`},
	} {
		before := len(peer.Streams())
		res, err := g.Client.Do(g.Request(c.method, "/proxy/c1/key"+c.path, make([]byte, c.size)))
		if err != nil {
			t.Fatalf("%s %s, %d bytes: %v", c.method, c.path, c.size, err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if sent := len(peer.Streams()) - before; !isRefused(res) || sent != c.sent ||
			!strings.Contains(string(body), c.told) {
			t.Errorf("%s %s, %d bytes: sent %d times, answered %d %v %s", c.method, c.path, c.size, sent, res.StatusCode,
				res.Header, body)
		}
	}
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/fine", nil))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "ok" {
		t.Errorf("afterwards: %d %s", res.StatusCode, body)
	}
	res.Body.Close()
}

// TestConnectionEnds: a provider that ends its connections in good order costs no call that may be
// repeated.
func TestConnectionEnds(t *testing.T) {
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		if s.Conn == 1 && s.Number == 3 {
			s.GoAway(s.ID-2, http2.ErrCodeNo) // this one was not processed
			return
		}
		s.OK()
	})
	g := harness.Start(t, trusting(t, peer)+keyApp(peer.URL)+staticSource(t))
	g.Client.Timeout = promptly
	for n := range 5 {
		res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/x", nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("call %d: %d", n, res.StatusCode)
		}
	}
	if sent := len(peer.Streams()); sent != 6 || peer.Conns() != 2 {
		t.Errorf("sent %d times over %d connections", sent, peer.Conns())
	}
}

// TestRefusedSource: the same for a remote source, and for the calls that go through it.
func TestRefusedSource(t *testing.T) {
	refused := ""
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		part := pipedreamPart(s.Path)
		if part == refused {
			s.Reset(http2.ErrCodeRefusedStream)
			return
		}
		switch part {
		case "token":
			s.Answer("application/json", `{"access_token":"pd_at_1","token_type":"Bearer","expires_in":3600}`)
		case "account":
			s.Answer("application/json",
				`{"id":"apn_1","external_id":"`+harness.Alice+`","healthy":true,"app":{"name_slug":"key"}}`)
		default:
			s.OK()
		}
	})
	g := harness.Start(t, trusting(t, peer)+keyApp("https://provider.example")+`
	source pipedream {
		project proj_1
		tenant acme
		environment development
		client_id client
		client_secret `+harness.Secret(t, "VG_PD_SECRET", "pd-secret")+`
		endpoint `+peer.URL+`
		allow_private 127.0.0.0/8
	}
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		budget token unlimited
	}`)
	g.Client.Timeout = promptly
	for _, c := range []struct {
		part string
		// sent is how often the refused part is: twice, and for a vend up to three times over.
		sent int
	}{{"token", 6}, {"account", 6}, {"proxy", 2}, {"", 0}} {
		refused = c.part
		before := count(peer, c.part)
		res, err := g.Client.Do(g.Request("POST", "/proxy/apn_1/key/x", []byte("body")))
		if err != nil {
			t.Fatalf("%s: %v", c.part, err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if c.part == "" {
			if res.StatusCode != 200 || string(body) != "ok" {
				t.Errorf("afterwards: %d %s", res.StatusCode, body)
			}
			continue
		}
		if sent := count(peer, c.part) - before; res.StatusCode != 503 ||
			res.Header.Get("Vendgate-Code") != "upstream_unavailable" || sent != c.sent || c.part == "proxy" && !isRefused(res) {
			t.Errorf("%s: sent %d times, answered %d %s", c.part, sent, res.StatusCode, body)
		}
	}
}

func pipedreamPart(path string) string {
	for _, part := range []string{"token", "account", "proxy"} {
		if strings.Contains(path, "/"+part) {
			return part
		}
	}
	return ""
}

func count(peer *h2peer.Peer, part string) (n int) {
	for _, s := range peer.Streams() {
		if pipedreamPart(s.Path) == part {
			n++
		}
	}
	return n
}
