package policy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// compressed are JSON bodies as they may be sent; plain is what most of them hold.
var compressed = map[string]struct {
	coding string
	body   func(plain string) string
	want   vending.Code // for data
}{
	"gzip":           {"gzip", gzipped, ""},
	"x-gzip":         {"X-GZip", gzipped, ""},
	"two members":    {"gzip", func(plain string) string { return gzipped(plain[:5]) + gzipped(plain[5:]) }, ""},
	"zlib":           {"deflate", zlibbed, ""},
	"deflate alone":  {"deflate", deflated, ""},
	"not compressed": {"gzip", func(plain string) string { return plain }, invalidCode},
	"cut off":        {"gzip", func(plain string) string { return gzipped(plain)[:len(gzipped(plain))-3] }, invalidCode},
	"nothing":        {"gzip", func(string) string { return "" }, ""},
	"more than can be": {"gzip", func(plain string) string {
		return gzipped(strings.Repeat(" ", testInflated) + plain)
	}, vending.RequestTooLarge},
}

// testInflated is what bodies of these tests may hold.
const testInflated = 256 << 10

func gzipped(plain string) string {
	var b bytes.Buffer
	return written(&b, gzip.NewWriter(&b), plain)
}

func zlibbed(plain string) string {
	var b bytes.Buffer
	return written(&b, zlib.NewWriter(&b), plain)
}

func deflated(plain string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	return written(&b, w, plain)
}

func written(b *bytes.Buffer, w io.WriteCloser, plain string) string {
	_, _ = io.WriteString(w, plain)
	_ = w.Close()
	return b.String()
}

func TestCompressed(t *testing.T) {
	for name, c := range compressed {
		for plain, steers := range map[string]bool{`{"a":1,"method":"x"}`: false, `{"a":1,"_method":"DELETE"}`: true} {
			body := c.body(plain)
			want := c.want
			if steers && want == "" && body != "" {
				want = deniedCode
			}
			for _, chunk := range []int{1, 7, len(body) + 1} {
				if chunk == 1 && len(body) > 1<<10 {
					continue
				}
				got := sent(t, c.coding, body, chunk)
				if got != want && !(steers && got == deniedCode) {
					t.Errorf("%s, %t, by %d bytes: %q, want %q", name, steers, chunk, got, want)
				}
			}
		}
	}
}

func sent(t *testing.T, coding, body string, chunk int) vending.Code {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {coding}}
	screen, err := new(Steering).Screen(Call{App: "app", Header: header}, Rules{allow("app", "", "POST")})
	if err != nil {
		return code(t, err)
	}
	defer screen.Abort()
	screen.inflater.left = testInflated
	for rest := body; rest != "" && err == nil; rest = rest[min(chunk, len(rest)):] {
		_, err = screen.Write([]byte(rest[:min(chunk, len(rest))]))
	}
	if err == nil {
		err = screen.Close()
	}
	return code(t, err)
}

// TestAbortedScreen leaves no goroutine, whatever was written before.
func TestAbortedScreen(t *testing.T) {
	for _, n := range []int{0, 5, len(gzipped(`{"a":1}`))} {
		header := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
		screen, err := new(Steering).Screen(Call{App: "app", Header: header}, Rules{allow("app", "", "POST")})
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			if _, err := screen.Write([]byte(gzipped(`{"a":1}`)[:n])); err != nil {
				t.Fatal(err)
			}
		}
		screen.Abort()
		screen.Abort()
		if n > 0 {
			<-screen.inflater.done
		}
		_ = screen.Close()
	}
}
