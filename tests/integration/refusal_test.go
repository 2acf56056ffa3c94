package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestRefusalIsHeard: who sends a large body that is refused, and reads only when it is all sent,
// is answered and not reset.
func TestRefusalIsHeard(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}), "plain")
	g := harness.Start(t, "source local\n"+"data_dir \""+t.TempDir()+"\"\n"+keyApp(url)+strings.Replace(staticSource(t),
		"budget token unlimited", "budget token unlimited\nsource static\nmax_body 64KiB", 1),
		"route {\nvendgate_connect\nvendgate_proxy\n}")
	const size = 6 << 20
	const announced, chunked = "Content-Length: %d\r\n\r\n%s", "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
	for _, c := range []struct{ path, framing, status string }{
		{"/proxy/c1/key/upload", announced, "413"},
		{"/proxy/c1/key/upload", chunked, "413"},
		{"/proxy/c2/key/upload", chunked, "404"},
		{api.Base + "/connections/request-link", announced, "413"},
		{api.Base + "/connections/request-link", chunked, "413"},
		{api.Base + "/connections/unknown/token", chunked, "404"},
		{connect.Root + "/dashboard/sign-in", announced, "4"},
		{connect.Root + "/unknown/credentials", announced, "4"},
		{connect.Root + "/unknown/credentials", chunked, "4"},
	} {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		head := "POST " + c.path + " HTTP/1.1\r\nHost: a\r\nX-Vendgate-Key: " + harness.KeyA + "\r\nX-User-Email: " +
			harness.Alice + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
		if _, err := fmt.Fprintf(conn, head+c.framing, size, strings.Repeat("x", size)); err != nil {
			t.Errorf("%s: sending: %v", c.path, err)
			continue
		}
		time.Sleep(20 * time.Millisecond) // a reset would overtake the answer
		answer := make([]byte, 4096)
		n, err := conn.Read(answer)
		if !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 "+c.status) {
			t.Errorf("%s: %q, %v", c.path, answer[:n], err)
		}
	}
}

// TestRefusalDoesNotWait: who pauses within a body that is refused is answered all the same.
func TestRefusalDoesNotWait(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	for _, half := range []string{"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "Content-Length: 1000\r\n\r\nhalf",
		"Content-Length: 1000000\r\n\r\nhalf"} {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		head := "POST /proxy/none/key/upload HTTP/1.1\r\nHost: a\r\nX-Vendgate-Key: " + harness.KeyA + "\r\nX-User-Email: " +
			harness.Alice + "\r\n"
		if _, err := conn.Write([]byte(head + half)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4096)
		n, err := conn.Read(answer)
		if !strings.HasPrefix(string(answer[:n]), "HTTP/1.1 404 ") {
			t.Errorf("%q: %q, %v", half, answer[:n], err)
		}
	}
}

// TestRefusalHearsOut: a sender of a small body who is slow, but goes on, can send all of it, reads
// its answer and keeps its connection.
func TestRefusalHearsOut(t *testing.T) {
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	reader := bufio.NewReader(conn)
	head := "POST /proxy/none/key/upload HTTP/1.1\r\nHost: a\r\nX-Vendgate-Key: " + harness.KeyA + "\r\nX-User-Email: " +
		harness.Alice + "\r\n"
	// Each pause is well below the second that the gateway waits for more, and all are beyond it.
	for _, pause := range []time.Duration{200 * time.Millisecond, 0} {
		const parts, size = 8, 10_000
		if _, err := fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n", head, parts*size); err != nil {
			t.Fatal(err)
		}
		for range parts {
			time.Sleep(pause)
			if _, err := conn.Write(bytes.Repeat([]byte("x"), size)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(1200 * time.Millisecond) // no deadline of then may end the connection
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusNotFound || res.Close {
			t.Errorf("%s, closing %t, %v", res.Status, res.Close, err)
		}
		_ = res.Body.Close()
	}
}
