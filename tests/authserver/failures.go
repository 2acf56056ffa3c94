package main

import (
	"cmp"
	"net/http"
	"strconv"
	"sync"
)

// failures are the next answers of the token endpoint that a test asked to fail.
type failures struct {
	mu     sync.Mutex
	left   int
	answer func(http.ResponseWriter)
}

// plan makes the next n calls fail with status and the OAuth error name; 0 ends what is planned.
func (f *failures) plan(n, status int, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = n
	f.answer = func(w http.ResponseWriter) { writeJSON(w, status, map[string]string{"error": name}) }
}

// next takes one planned failure; nil if there is none.
func (f *failures) next() func(http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return nil
	}
	f.left--
	return f.answer
}

// fail plans failures: `times` calls (1 by default, 0 for none any more) answer with `status` (503
// by default) and the OAuth error `error`. fosite sees none of them, so that nothing is rotated.
func (s *server) fail(w http.ResponseWriter, r *http.Request) {
	status, statusErr := strconv.Atoi(cmp.Or(r.Form.Get("status"), "503"))
	times, timesErr := strconv.Atoi(cmp.Or(r.Form.Get("times"), "1"))
	if statusErr != nil || timesErr != nil || status < 400 || status > 599 || times < 0 {
		http.Error(w, "status is 400 to 599, times is 0 or more", http.StatusBadRequest)
		return
	}
	s.failures.plan(times, status, cmp.Or(r.Form.Get("error"), "temporarily_unavailable"))
	w.WriteHeader(http.StatusNoContent)
}
