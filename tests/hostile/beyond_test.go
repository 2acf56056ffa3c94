package hostile

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// beyondCanary is in all that a babbler sends beyond an answer.
const beyondCanary = "beyond-canary-53"

// beyondSeen is how the log tells of it.
const beyondSeen = "Unsolicited response received on idle HTTP channel (withheld"

// framings are ways to end an answer before the bytes do, by name: each returns an answer with
// body, as far as it may have one.
var framings = map[string]func(body string) string{
	"HEAD":                       func(body string) string { return reply("200 OK", body) }, // body is beyond it
	"204":                        func(string) string { return lines("HTTP/1.1 204 No Content") },
	"304":                        func(string) string { return lines("HTTP/1.1 304 Not Modified", `Etag: "x"`) },
	"Content-Length too short":   func(body string) string { return reply("200 OK", body) },
	"bytes after the last chunk": func(body string) string { return chunked("200 OK", body) },
	"two answers":                func(body string) string { return reply("200 OK", body) },
}

func chunked(status, body string) string {
	return lines("HTTP/1.1 "+status, "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

// extra is what follows the answer.
func extra(framing string) string {
	tokens := fmt.Sprintf(`{"access_token":"%s-access","refresh_token":"%[1]s-refresh"}`, beyondCanary)
	if framing == "two answers" {
		return reply("200 OK", tokens)
	}
	return tokens
}

// babbler is a server on raw sockets that sends more than its answer.
type babbler struct {
	url, addr string
	listener  net.Listener
	done      sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	answer  func(*http.Request) (text, more string)
	later   chan struct{} // non-nil: what is beyond comes when it is closed
	babbled int           // how often all of it was written
}

func newBabbler(t *testing.T, config *tls.Config) *babbler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &babbler{addr: l.Addr().String(), listener: l, conns: make(map[net.Conn]bool)}
	b.url = "http://" + b.addr
	if config != nil {
		b.url, b.listener = "https://"+b.addr, tls.NewListener(l, config)
	}
	b.play(false, func(*http.Request) (string, string) { return reply("200 OK", "ok"), "" })
	b.done.Go(b.accept)
	t.Cleanup(func() {
		_ = b.listener.Close()
		b.mu.Lock()
		for c := range b.conns {
			_ = c.Close()
		}
		b.mu.Unlock()
		b.done.Wait()
	})
	return b
}

// play sets the answers from now on. With hold, what is beyond waits for the returned function.
func (b *babbler) play(hold bool, answer func(*http.Request) (text, more string)) (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer, b.later, b.babbled = answer, nil, 0
	if !hold {
		return func() {}
	}
	later := make(chan struct{})
	b.later = later
	return sync.OnceFunc(func() { close(later) })
}

// count is how often everything was written since play.
func (b *babbler) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.babbled
}

func (b *babbler) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[conn] = true
		b.mu.Unlock()
		b.done.Go(func() { b.serve(conn) })
	}
}

func (b *babbler) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		b.mu.Lock()
		delete(b.conns, conn)
		b.mu.Unlock()
	}()
	for in := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		b.mu.Lock()
		answer, later := b.answer, b.later
		b.mu.Unlock()
		text, more := answer(r)
		if later != nil && more != "" {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			<-later
			text = ""
		}
		_, err = io.WriteString(conn, text+more)
		if more != "" {
			b.mu.Lock()
			b.babbled++
			b.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// certificate is a server's TLS configuration without HTTP/2, and the file of its authority.
func certificate(t *testing.T) (config *tls.Config, file string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12}, file
}

// stdLog is what the standard logger writes.
type stdLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *stdLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *stdLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// captureStdLog is for a configuration whose default log is not the standard one: the standard
// logger then keeps its output.
func captureStdLog(t *testing.T) *stdLog {
	t.Helper()
	l, out, flags := new(stdLog), log.Writer(), log.Flags()
	log.SetFlags(0)
	log.SetOutput(l)
	t.Cleanup(func() {
		log.SetOutput(out)
		log.SetFlags(flags)
	})
	return l
}

// beyond is a gateway that calls babblers in every way that it calls out: api is the upstream of
// all apps, and b has everything else. A connection of the one is thus never waiting for bytes
// beyond an answer of the other.
type beyond struct {
	*harness.Gateway
	t      *testing.T
	api, b *babbler
	std    *stdLog
	// options are those of the vendgate block.
	options string
}

func newBeyond(t *testing.T, config *tls.Config, ca string) *beyond {
	t.Helper()
	s := &beyond{t: t, api: newBabbler(t, config), b: newBabbler(t, config), std: captureStdLog(t)}
	t.TempDir() // the first call decides when all of them go, with the log
	s.options = beyondOptions(t, s.api.url, s.b.url)
	if ca != "" {
		s.options += "upstream {\ntrust_ca \"" + ca + "\"\n}\n"
	}
	s.Gateway = harness.Start(t, s.options, "route {\nvendgate_connect\nvendgate_proxy\n}")
	return s
}

// beyondOptions has all sources, an app that takes a key, and one of each kind of OAuth.
func beyondOptions(t *testing.T, api, url string) string {
	t.Helper()
	const open = "allow_http\nallow_private 127.0.0.0/8\n"
	app := func(slug, rest string) string {
		return fmt.Sprintf("app %s {\nupstream %s/api\n%s%s\n}\n", slug, api, open, rest)
	}
	oauth := func(rest string) string {
		return fmt.Sprintf("oauth2 {\nauthorize_url %[1]s/authorize\ntoken_url %[1]s/token\n"+
			"revoke_url %[1]s/revoke\n%[2]s}\n", url, rest)
	}
	tenant := func(id, key, source string) string {
		return fmt.Sprintf("tenant %s {\nkey %s\nbudget token unlimited\nbudget api unlimited\nsource %s\n}\n", id,
			harness.Secret(t, "BEYOND_"+strings.ToUpper(id), key), source)
	}
	const client = "client_id id\nclient_secret "
	secret := harness.Secret(t, "BEYOND_SECRET", "client-secret-53")
	return "data_dir \"" + t.TempDir() + "\"\n" +
		app("key", "auth_type api_key\nfield api_key Key secret\nheader X-Api-Key {api_key}\nverify /me") +
		app("auth", "auth_type o_auth\nfield account {\nfrom grant\n}\nheader Authorization \"Bearer {access_token}\"\n"+
			oauth("capture account call id {\nurl "+url+"/whoami\n}\n")) +
		app("legacy",
			fmt.Sprintf("auth_type o_auth\noauth1 {\nrequest_token_url %[1]s/temporary\nauthorize_url "+
				"%[1]s/authorize\naccess_token_url %[1]s/token1\n}\n", url)) +
		"oauth_client auth {\n" + client + secret + "\n}\noauth_client legacy {\n" + client + secret + "\n}\n" +
		"source local\nsource static {\nconnection c-key {\ntenant alpha\nuser *\napp key\nfield api_key " + secret +
		"\n}\n}\n" +
		"source platform {\nurl " + url + "/platform\nkey " + secret + "\n" + open + "}\n" +
		"source pipedream {\nproject proj_1\ntenant gamma\nenvironment development\n" + client + secret + "\nendpoint " +
		url + "/pd\n" + open + "}\n" +
		"default_source static\n" +
		tenant("alpha", harness.KeyA, "static") + tenant("beta", harness.KeyB, "platform") + tenant("gamma", keyC,
		"pipedream") + tenant("delta", keyD, "local")
}

// seen is how often the log tells of bytes beyond an answer.
func (s *beyond) seen() int { return strings.Count(s.std.String(), beyondSeen) }

// check looks for the canary wherever the gateway logs.
func (s *beyond) check() {
	s.t.Helper()
	for place, text := range map[string]string{"the standard logger": s.std.String(), "the log": s.Log()} {
		if i := strings.Index(text, beyondCanary); i >= 0 {
			s.t.Errorf("%s has %.300q", place, text[max(0, i-200):])
		}
	}
}

// await waits for what b has to send beyond an answer, and for the log to tell of it.
func (s *beyond) await(b *babbler, before int) {
	s.t.Helper()
	harness.Within(s.t, "the bytes beyond the answer", 10*time.Second, func() bool { return b.count() >= 1 })
	harness.Within(s.t, "the log that tells of them", 10*time.Second, func() bool { return s.seen() > before })
}
