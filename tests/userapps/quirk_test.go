package userapps

import (
	"fmt"
	"strings"
	"testing"
)

// TestDefaultHeaders: what an app sends by itself gives way to what the caller sends, in any case,
// and to nothing else.
func TestDefaultHeaders(t *testing.T) {
	s := newStage(t, "")
	s.call("/proxy/media/media/a")
	s.sent(t, toUp("/base/a?key="+canary), "")
	s.call("/proxy/media/media/a", "api-version: 8", "USER-AGENT: sdk/2")
	s.sent(t,
		strings.NewReplacer("Api-Version: 7", "Api-Version: 8", "media/1", "sdk/2").Replace(toUp("/base/a?key="+canary)), "")
}

// TestRateLimit: a provider's own way to say that it had too many calls is the code that callers
// know, with when to call again.
func TestRateLimit(t *testing.T) {
	s := newStage(t, "")
	for name, c := range map[string]struct {
		answer, code, retryAfter string
		status                   int
	}{
		"a status and its header": {"403 Forbidden\r\nx-remaining: 0\r\nX-Reset-Ms: 61500", "rate_limited", "62",
			429},
		"rather than unavailable": {"503 Service Unavailable\r\nX-Remaining: 0\r\nX-Reset-Ms: 2000", "rate_limited",
			"2", 429},
		"Retry-After goes first": {"403 Forbidden\r\nX-Remaining: 0\r\nRetry-After: 7\r\nX-Reset-Ms: 61500",
			"rate_limited", "7", 429},
		"429 with the app's header":       {"429 Too Many Requests\r\nX-Reset-Ms: 30000", "rate_limited", "30", 429},
		"429 with nothing":                {"429 Too Many Requests\r\nX-Other: 1", "rate_limited", "1", 429},
		"in the past":                     {"429 Too Many Requests\r\nX-Reset-Ms: -5", "rate_limited", "1", 429},
		"too far":                         {"429 Too Many Requests\r\nX-Reset-Ms: 9e99", "rate_limited", "86400", 429},
		"no number":                       {"429 Too Many Requests\r\nX-Reset-Ms: soon", "rate_limited", "1", 429},
		"another value of the header":     {"403 Forbidden\r\nX-Remaining: 1\r\nX-Reset-Ms: 2000", "", "", 403},
		"a value that only begins alike":  {"403 Forbidden\r\nX-Remaining: 00", "", "", 403},
		"without the header":              {"403 Forbidden\r\nX-Reset-Ms: 2000", "", "", 403},
		"503 without the header":          {"503 Service Unavailable\r\nX-Reset-Ms: 2000", "upstream_unavailable", "", 503},
		"a status that is not of the app": {"402 Payment Required\r\nX-Remaining: 0", "", "", 402},
	} {
		t.Run(name, func(t *testing.T) {
			s.up.Answer(func(string) string {
				return "HTTP/1.1 " + c.answer + "\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nslow"
			})
			answer := s.call("/proxy/media/media/a")
			if !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", c.status)) {
				t.Errorf("answered %q", answer)
			}
			if c.retryAfter != "" && !strings.Contains(answer, "\r\nRetry-After: "+c.retryAfter+"\r\n") {
				t.Errorf("wants to wait %s seconds: %q", c.retryAfter, answer)
			}
			status, _, _ := strings.Cut(c.answer, " ")
			mapped := `"code":"` + c.code + `"`
			if c.code != "" && (!strings.Contains(answer, mapped) || !strings.Contains(answer, `"status":`+status) ||
				!strings.Contains(answer, "Vendgate-Origin: upstream\r\n")) {
				t.Errorf("answered %q", answer)
			}
			if c.code == "" && strings.Contains(answer, "Vendgate-Code") {
				t.Errorf("answered %q", answer)
			}
		})
	}
	s.up.Answer(func(string) string {
		return "HTTP/1.1 403 Forbidden\r\nX-Remaining: 0\r\nContent-Length: 4\r\n\r\nslow"
	})
	answer := s.call("/proxy/media/media/a", "Vendgate-Errors: passthrough")
	if !strings.HasPrefix(answer, "HTTP/1.1 403 ") || !strings.Contains(answer, "Vendgate-Code: rate_limited\r\n") ||
		!strings.HasSuffix(answer, "\r\n\r\nslow") {
		t.Errorf("passed through as %q", answer)
	}
}
