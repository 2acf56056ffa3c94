package pipedream

import (
	"net/http"
	"strconv"
	"time"
)

// window counts the calls of the project since start.
type window struct {
	start time.Time
	spent int
}

// spend takes one call of those that the window has left.
func (s *StandIn) spend() *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.window.start) >= s.options.Window {
		s.window = window{start: now}
	}
	if s.window.spent >= s.options.Calls {
		return throttled(s.options.Calls, s.window.start.Add(s.options.Window))
	}
	s.window.spent++
	return nil
}

// throttled is the answer until reset.
func throttled(calls int, reset time.Time) *refusal {
	seconds := int((time.Until(reset) + time.Second - 1) / time.Second)
	return &refusal{status: http.StatusTooManyRequests, text: "Throttled", header: map[string]string{
		"Retry-After":           strconv.Itoa(max(seconds, 1)),
		"X-RateLimit-Limit":     strconv.Itoa(calls),
		"X-RateLimit-Remaining": "0",
		"X-RateLimit-Reset":     strconv.FormatInt(reset.Unix(), 10),
	}}
}
