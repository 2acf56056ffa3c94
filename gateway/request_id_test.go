package gateway

import (
	"regexp"
	"testing"
)

// TestNewRequestID: ids have one form and differ, in each of their halves.
func TestNewRequestID(t *testing.T) {
	form, seen := regexp.MustCompile(`^[A-Z2-7]{26}$`), map[string]bool{}
	for range 10_000 {
		id := NewRequestID()
		if !form.MatchString(id) || seen[id[:13]] || seen[id[13:]] {
			t.Fatalf("%q is malformed or a duplicate", id)
		}
		seen[id[:13]], seen[id[13:]] = true, true
	}
}

func BenchmarkNewRequestID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewRequestID()
	}
}
