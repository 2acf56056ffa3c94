package hostile

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// masked is a canary that this process holds in two halves, neither of which is anything by itself:
// a search of the heap must not find the test's own copy.
type masked struct{ a, b []byte }

// newMasked makes a canary of 43 random letters behind prefix.
func newMasked(prefix string) masked {
	m := masked{b: make([]byte, len(prefix)+43)}
	_, _ = rand.Read(m.b) // never fails
	text := []byte(prefix + rand.Text() + rand.Text())[:len(m.b)]
	m.a = bytes.Clone(text)
	for i := range m.a {
		m.a[i] ^= m.b[i]
	}
	clear(text)
	return m
}

// reveal is the canary. Only goroutines that end soon may call it.
func (m masked) reveal() string {
	text := make([]byte, len(m.a))
	for i := range text {
		text[i] = m.a[i] ^ m.b[i]
	}
	return string(text)
}

// apart runs f on a stack that is gone afterwards.
func apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// TestHeap shows that a gateway at rest, its configuration loaded, has nothing in memory of the
// calls that went through it.
func TestHeap(t *testing.T) {
	key := newMasked("pk_live_")
	credentials := []masked{newMasked("sk-heap-"), newMasked("sk-heap-"), newMasked("sk-heap-")}
	var digest string
	apart(func() {
		sum := sha256.Sum256([]byte(key.reveal()))
		digest = hex.EncodeToString(sum[:])
	})
	up := harness.NewUpstream(t, harness.OK)
	g := harness.Start(t, apps(up.Addr)+"source scripted\ntenant alpha {\nkey_sha256 "+digest+
		"\nbudget token unlimited\n}\n", "log\nvendgate_proxy")
	atRest := goleak.IgnoreCurrent()

	for round := range 20 {
		script.play(heapVend(credentials, round))
		for _, answer := range heapAnswers {
			up.Answer(answer)
			for _, target := range []string{"/proxy/c/key/x", "/proxy/c/plain/x", "/proxy/c/query/x", "/proxy/c/bot/x",
				"/proxy/c/basic/x", "/proxy/c/bearer/x", "/proxy/c/signed/x"} {
				apart(func() { heapCall(t, g.Addr, key, target) })
			}
		}
	}
	script.play(nil)
	up.Answer(nil)
	if len(up.Got()) == 0 {
		t.Fatal("the upstream got nothing")
	}
	up.Close() // ends the idle connections, on both sides
	if err := goleak.Find(atRest,
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh")); err != nil {
		t.Fatalf("the gateway is not at rest: %v", err)
	}
	t.Run("41 heap after the requests ended", func(t *testing.T) { searchHeap(t, append(credentials, key)) })
}

// heapVend vends the next credential whenever the one before was refused.
func heapVend(credentials []masked, round int) vendFunc {
	n := round
	return func(r vending.Request) (vending.Credential, error) {
		n++
		value := credentials[n%len(credentials)].reveal()
		switch r.App {
		case "basic":
			return fields(vending.Basic, "username", "u", "password", value)(r)
		case "bot":
			return fields(vending.APIKey, "token", value)(r)
		case "bearer":
			return fields(vending.OAuth, "access_token", value, "token_type", "Bearer")(r)
		}
		return fields(vending.APIKey, "api_key", value)(r)
	}
}

// heapAnswers quote the request, credential and all, wherever an answer can.
var heapAnswers = []func(string) string{
	func(request string) string { return reply("200 OK", request, "X-Echo: "+oneLine(request)) },
	func(request string) string { return reply("401 No", request) },
	func(request string) string { return reply("503 Down", request, "Content-Type: text/plain") },
	func(request string) string {
		return "HTTP/1.1 103 Hints\r\nX-Echo: " + oneLine(request) + "\r\n\r\n" + reply("302 Found", "",
			"Location: http://x.example/?"+oneLine(request))
	},
	func(request string) string {
		return lines("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Trailer: X-Echo") + "2\r\nok\r\n0\r\nX-Echo: " +
			oneLine(request) + "\r\n\r\n"
	},
	func(request string) string { return "HTTP/1.1 nonsense " + oneLine(request) + "\r\n\r\n" },
	func(string) string { return "" },
}

func oneLine(request string) string {
	return strings.ReplaceAll(strings.TrimSpace(request), "\r\n", " ")
}

func heapCall(t *testing.T, addr string, key masked, target string) {
	conn := dial(t, addr)
	defer func() { _ = conn.Close() }()
	_, err := io.WriteString(conn, lines("GET "+target+" HTTP/1.1", "Host: gateway", "Authorization: Bearer "+key.reveal(),
		"X-User-Email: alice@example.com"))
	if err != nil {
		t.Error(err)
		return
	}
	in := bufio.NewReader(conn)
	for status := 100; status < 200; {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Errorf("reading the answer: %v", err)
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		status = res.StatusCode
	}
}

// searchHeap dumps the heap with all stacks and globals, and looks for the canaries, plain and in
// Basic's base64. Two collections come first: sync.Pool lets go of its buffers with the second one.
func searchHeap(t *testing.T, canaries []masked) {
	file, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	control := newMasked("control-") // which must be found, or the search proves nothing
	held := control.reveal()
	runtime.GC()
	runtime.GC()
	debug.WriteHeapDump(file.Fd())
	runtime.KeepAlive(held)
	dump, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(dump, []byte(control.reveal())) {
		t.Fatal("the dump has not what the test holds: the search is blind")
	}
	for i, c := range canaries {
		plain := c.reveal()
		for _, spelled := range []string{plain, basicTail(plain)} {
			if at := bytes.Index(dump, []byte(spelled)); at >= 0 {
				t.Errorf("canary %d is in the heap %d times, near %q", i, bytes.Count(dump, []byte(spelled)),
					around(dump, at, len(spelled)))
			}
		}
	}
}

// basicTail is what base64("u:"+password) has of the password, without the ends that depend on what
// stands beside it.
func basicTail(password string) string {
	pair := base64.StdEncoding.EncodeToString([]byte("u:" + password))
	return pair[4 : len(pair)-4]
}

func around(dump []byte, at, n int) []byte { return dump[max(0, at-120):min(len(dump), at+n+120)] }
