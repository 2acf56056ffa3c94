package pipedream

import (
	"net/http"
	"strconv"
	"time"
)

// window counts the calls of one kind that the project made since start.
type window struct {
	start time.Time
	spent int
}

// spend takes one call of those that the kind's window has left: accounts and the proxy have one
// each.
func (s *StandIn) spend(kind Kind) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, w, calls := time.Now(), s.windows[kind], s.options.Reads
	if kind == Proxy {
		calls = s.options.Calls
	}
	if now.Sub(w.start) >= s.options.Window {
		*w = window{start: now}
	}
	if w.spent >= calls {
		return throttled(calls, w.start.Add(s.options.Window))
	}
	w.spent++
	return nil
}

// throttled is the answer until reset (OpenAPI, TooManyRequestsErrorBody and the headers of a 429).
func throttled(calls int, reset time.Time) *refusal {
	seconds := int((time.Until(reset) + time.Second - 1) / time.Second)
	return &refusal{status: http.StatusTooManyRequests, text: "Throttled", header: map[string]string{
		"Retry-After":           strconv.Itoa(max(seconds, 1)),
		"X-RateLimit-Limit":     strconv.Itoa(calls),
		"X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset":     strconv.FormatInt(reset.Unix(), 10),
	}}
}
