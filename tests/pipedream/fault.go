package pipedream

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with a call that is as it should be. It says whether it answered; if
// not, the API does.
type Fault func(w http.ResponseWriter, wait func(time.Duration) bool) bool

type plannedFault struct {
	Fault
	times int
}

// Fail makes the next calls of a kind go wrong; times below 0 is all of them. A nil fault ends
// that.
func (s *StandIn) Fail(kind Kind, times int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[kind] = &plannedFault{f, times}
}

func (s *StandIn) fail(w http.ResponseWriter, c *call) bool {
	s.mu.Lock()
	planned := s.faults[c.kind]
	if planned == nil || planned.Fault == nil || planned.times == 0 {
		s.mu.Unlock()
		return false
	}
	planned.times--
	f := planned.Fault
	s.mu.Unlock()
	return f(w, func(d time.Duration) bool { return s.wait(c, d) })
}

// wait says whether the caller is still there after d.
func (s *StandIn) wait(c *call, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.Context().Done():
	case <-s.closed:
	}
	return false
}

// Slow answers d later.
func Slow(d time.Duration) Fault {
	return func(_ http.ResponseWriter, wait func(time.Duration) bool) bool { return !wait(d) }
}

// Answer gives an answer of the test's own. Header lines are added to it.
func Answer(status int, contentType, body string, lines ...string) Fault {
	return func(w http.ResponseWriter, _ func(time.Duration) bool) bool {
		w.Header()["Content-Type"] = []string{contentType}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ":")
			w.Header().Add(name, strings.TrimSpace(value))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the caller may be gone
		return true
	}
}

// Throttle refuses as the limit does.
func Throttle(retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, _ func(time.Duration) bool) bool {
		refused := throttled(1000, time.Now().Add(retryAfter))
		for name, value := range refused.header {
			w.Header().Set(name, value)
		}
		answer(w, refused.status, map[string]string{"error": refused.text})
		return true
	}
}

// Cut sends a part of a JSON answer and breaks the connection.
func Cut(status int, part string) Fault {
	return func(w http.ResponseWriter, wait func(time.Duration) bool) bool {
		Answer(status, "application/json", part)(w, wait)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Hangup breaks the connection before any answer.
func Hangup(http.ResponseWriter, func(time.Duration) bool) bool { panic(http.ErrAbortHandler) }

// Drip sends a JSON answer one byte at a time.
func Drip(body string, each time.Duration) Fault {
	return func(w http.ResponseWriter, wait func(time.Duration) bool) bool {
		w.Header().Set("Content-Type", "application/json")
		flush := http.NewResponseController(w)
		for i := range len(body) {
			_, _ = io.WriteString(w, body[i:i+1])
			if flush.Flush() != nil || !wait(each) {
				break
			}
		}
		return true
	}
}

// Huge sends a JSON answer of size bytes whose beginning and end are right.
func Huge(size int, head, tail string) Fault {
	return Answer(http.StatusOK, "application/json", head+strings.Repeat(" ", max(size-len(head)-len(tail), 0))+tail)
}
