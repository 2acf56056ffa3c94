package caddymodule_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// BenchmarkProxy sends calls to a running gateway over one connection, and the same ones to Caddy's
// own reverse_proxy with a header set: all that the process does for a call is counted, while its
// client and the provider allocate nothing.
func BenchmarkProxy(b *testing.B) {
	provider := plainProvider(b)
	block := strings.ReplaceAll(staticGateway(b, provider), "tenant acme {", "tenant acme {\n budget token unlimited")
	for _, c := range []struct{ name, block, site, path string }{
		{"vendgate", "vendgate {\n" + block + "\n}", "vendgate_proxy", "/proxy/c1/key"},
		{"reverse_proxy", "", "reverse_proxy " + provider + " {\n header_up X-Api-Key sk-canary\n" +
			" transport http {\n compression off\n }\n }", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := harness.StartWith(b, func(g *harness.Gateway) string {
				return fmt.Sprintf("{\n admin off\n persist_config off\n auto_https off\n log {\n level ERROR\n }\n%s\n}\n"+
					"http://%s {\n bind 127.0.0.1\n %s\n}\n", c.block, g.Addr, c.site)
			})
			request := "GET " + c.path + "/v1/users/me/messages HTTP/1.1\r\nHost: " + g.Addr +
				"\r\nUser-Agent: bench\r\nAccept: */*\r\n" + "Authorization: Bearer " + harness.KeyA +
				"\r\nX-User-Email: " + harness.Alice + "\r\n\r\n"
			converse(b, g.Addr, []byte(request))
		})
	}
}

// converse sends the same request again and again, each when the answer before it has come.
func converse(b *testing.B, addr string, request []byte) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		n, err := io.ReadAtLeast(conn, answer, len(providerAnswer))
		if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200")) {
			b.Fatalf("%s, %v", answer[:n], err)
		}
		for !bytes.HasSuffix(answer[:n], providerBody) {
			more, err := conn.Read(answer[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += more
		}
	}
}

var (
	providerBody   = bytes.Repeat([]byte("x"), 1<<10)
	providerAnswer = append([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n"+
		"Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n\r\n"), providerBody...)
)

// plainProvider answers every request without a look at it, and returns its address.
func plainProvider(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerAll(conn)
		}
	}()
	return l.Addr().String()
}

func answerAll(conn net.Conn) {
	defer conn.Close()
	request := make([]byte, 8<<10)
	for n := 0; ; {
		more, err := conn.Read(request[n:])
		if err != nil {
			return
		}
		if n += more; !bytes.HasSuffix(request[:n], []byte("\r\n\r\n")) {
			continue
		}
		n = 0
		if _, err := conn.Write(providerAnswer); err != nil {
			return
		}
	}
}
