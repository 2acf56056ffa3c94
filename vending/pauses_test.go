package vending

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestPauses: the same waits longer each time, another does not wait, a long quiet is forgotten.
func TestPauses(t *testing.T) {
	var p Pauses
	now := time.Unix(0, 0)
	refused := errors.New("refused")
	this, other := [32]byte{1}, [32]byte{2}
	pausing := func(what [32]byte, after time.Duration) bool {
		pausing, _ := p.Pausing("c", what, now.Add(after))
		return pausing
	}
	if pausing(this, 0) {
		t.Error("pauses before anything failed")
	}
	for i, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		p.Failed("c", this, refused, now)
		want := time.Duration(minutes) * time.Minute
		if !pausing(this, want-time.Second) || pausing(this, want) || pausing(other, 0) {
			t.Errorf("failure %d: no pause of %v", i+1, want)
		}
		if _, err := p.Pausing("c", this, now); !errors.Is(err, refused) {
			t.Errorf("failed with %v", err)
		}
		now = now.Add(want)
	}
	now = now.Add(2 * time.Hour)
	if p.Failed("c", this, refused, now); pausing(this, time.Minute) {
		t.Error("a failure of long ago counts")
	}
	p.Failed("c", other, refused, now)
	if !pausing(other, 0) || pausing(this, 0) {
		t.Error("another attempt: want a pause of its own")
	}
	if p.Over("c"); pausing(other, 0) {
		t.Error("pauses after success")
	}
	for i := range 2 * maxRefusals {
		p.Failed(fmt.Sprint(i), this, refused, now)
	}
	if len(p.entries) > maxRefusals {
		t.Errorf("remembers %d connections", len(p.entries))
	}
}
