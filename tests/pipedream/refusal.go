package pipedream

import (
	"cmp"
	"fmt"
	"net/http"
)

// refusal is an answer in place of what was asked for.
type refusal struct {
	status int
	text   string
	// of is what `error` says it of where that is an object; `base` if empty.
	of string
	// outside says that no client may send such a call, whatever the API's state.
	outside bool
	header  map[string]string
}

// outside refuses a call that the facts do not have. The text goes to the test's output: it must
// not name a value that may be secret.
func outside(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, text: fmt.Sprintf(format, args...), outside: true}
}

func (s *StandIn) refuse(w http.ResponseWriter, c *call, refused *refusal) {
	if refused.outside {
		s.mu.Lock()
		s.violations = append(s.violations, fmt.Sprintf("%s %s: %s", c.Method, c.kind, refused.text))
		s.mu.Unlock()
	}
	for name, value := range refused.header {
		w.Header().Set(name, value)
	}
	if s.now().ErrorObjects && refused.status != http.StatusTooManyRequests || refused.of != "" {
		answer(w, refused.status, map[string]any{"error": map[string]any{cmp.Or(refused.of, "base"): []string{refused.text}}})
		return
	}
	answer(w, refused.status, map[string]any{"error": refused.text})
}

// Violations returns the calls outside the facts so far, and forgets them.
func (s *StandIn) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.violations
	s.violations = nil
	return got
}
