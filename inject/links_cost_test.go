package inject

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// longestWait is far more than what a test here takes, and far less than what it took where time
// grew with the square of an answer's length.
const longestWait = 5 * time.Second

// TestLinksThatCost: hosts and paths of an answer are the provider's choice, who may be anyone's
// server. What is built to be expensive costs what its length does.
func TestLinksThatCost(t *testing.T) {
	app := keyApp("https://api.example.com", headers("X-Key", "{api_key}"))
	app.ExtraHosts = []string{"up.example.com", "*.svc.example.com"}
	inj := injectionWith(t, app, testCredential("api_key", "secret"))
	var name strings.Builder
	for c := '\u4e00'; name.Len() < 60<<10; c++ {
		name.WriteRune(c)
	}
	nested := "https://api.example.com/%" + strings.Repeat("25", 32<<10)
	for _, c := range []struct{ name, link, want string }{
		{"a long international name", "https://" + name.String() + "/x", ""},
		{"a long name", "https://" + strings.Repeat("a.", 200) + "example/x", ""},
		{"a path that is encoded very often", nested, nested},
		{"an international name", "https://b\u00fccher.example/x", "https://b\u00fccher.example/x"},
		{"an international spelling", "https://\uff41pi.example.com./x", "https://gw.example/proxy/c/app/x"},
		{"an international spelling of the gateway's", "https://\uff47w.example/x", ""},
		{"no international name", "https://-\u00fc-_.example/x", "https://-\u00fc-_.example/x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun, h := time.Now(), http.Header{"Location": {c.link}}
			inj.RewriteLinks(h, testGateway)
			if took := time.Since(begun); took > longestWait {
				t.Errorf("it took %v", took)
			}
			if got := h.Get("Location"); got != c.want {
				t.Errorf("%.100q, want %.100q", got, c.want)
			}
		})
	}
}

// TestLinkMemory: a body may hold thousands of links, so that each takes no more memory than its
// own length accounts for.
func TestLinkMemory(t *testing.T) {
	inj := injectionWith(t, keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
		testCredential("api_key", "secret"))
	for _, link := range []string{"https://api.example.com/x?page=2", "https://api.example.com/x{/name}"} {
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				inj.rewriteAddress(link, testGateway)
			}
		})
		if got := result.AllocedBytesPerOp(); got > 2<<10 {
			t.Errorf("%s takes %d bytes", link, got)
		}
	}
}
