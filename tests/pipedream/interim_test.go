package pipedream_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// early sends an interim answer in front of the real one.
func early(name, value string) pipedream.Fault {
	return func(w http.ResponseWriter, _ func(time.Duration) bool) bool {
		w.Header().Set(name, value)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del(name)
		return false
	}
}

// TestInterim: interim answers to vends reach no caller, be they by force; those of a relayed call
// do, cleaned.
func TestInterim(t *testing.T) {
	s := newStage(t, options())
	s.pd.Fail(pipedream.Token, -1, early("X-Canary", "vend"))
	s.pd.Fail(pipedream.AccountOf, -1, early("X-Canary", "vend"))
	s.pd.Fail(pipedream.Proxy, -1, early("X-Relayed", "yes"))
	request := func(account, app string) string {
		return s.Raw("GET /proxy/" + account + "/" + app + "/x HTTP/1.1\r\nHost: " + s.Addr + "\r\nAuthorization: Bearer " +
			harness.KeyA + "\r\nX-User-Email: " + harness.Alice + "\r\nConnection: close\r\n\r\n")
	}
	refused := "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
	s.up.Answer(func(string) string { return refused })
	for _, c := range []struct {
		account, app string
		relayed      int
	}{{opened, "chat", 0}, {keyed, "key", 0}, {sealed, "chat", 1}} {
		got := request(c.account, c.app)
		if strings.Contains(got, "X-Canary") || strings.Count(got,
			"HTTP/1.1 103 Early Hints\r\nX-Relayed: yes\r\n\r\n") != c.relayed || !strings.Contains(got, "HTTP/1.1 401 ") {
			t.Errorf("%s: %q", c.account, got)
		}
	}
}
