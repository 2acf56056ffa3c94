package vending_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

func token(n int) vending.Credential {
	return vending.NewOAuth("crm", fmt.Sprintf("t%d", n), "", time.Time{})
}

// TestRefusals: each forced vend that does not help doubles the pause before the next, and one that
// helps ends it.
func TestRefusals(t *testing.T) {
	var r vending.Refusals
	now := time.Unix(1e9, 0)
	n := 0
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		if !r.Permit("c", token(n), now) {
			t.Fatalf("forced vend %d is not permitted", n)
		}
		r.Vended("c", token(n), token(n+1), now)
		r.Vended("c", token(n), token(n+1), now) // by another call that met the same token
		if !r.Permit("c", token(n), now) {
			t.Errorf("a call that was under way does not get token %d", n+1)
		}
		n++
		now = now.Add(time.Duration(minutes)*time.Minute - 1)
		if r.Permit("c", token(n), now) {
			t.Errorf("token %d may be replaced within %d minutes", n, minutes)
		}
		now = now.Add(1)
	}
	if !r.Permit("other", token(n), now.Add(-2)) {
		t.Error("another connection waits")
	}
	r.Cured("c")
	if !r.Permit("c", token(n), now) {
		t.Error("a cured connection waits")
	}
}

// TestRefusalsOfANewGrant: a token from elsewhere is worth one try within a pause, and no more.
func TestRefusalsOfANewGrant(t *testing.T) {
	var r vending.Refusals
	now := time.Unix(1e9, 0)
	for n := range 10 {
		permitted := r.Permit("c", token(2*n), now)
		if permitted != (n < 2) {
			t.Errorf("new token %d: permitted %v", n, permitted)
		}
		if permitted {
			r.Vended("c", token(2*n), token(2*n+1), now)
		}
	}
	r = vending.Refusals{}
	r.Vended("c", token(1), token(1), now) // a source that has no other
	if !r.Permit("c", token(1), now) {
		t.Error("what was not renewed is counted")
	}
}

// TestRefusalsAreBounded: who makes upstreams refuse calls cannot fill the memory, nor make a
// connection wait that never was refused.
func TestRefusalsAreBounded(t *testing.T) {
	var r vending.Refusals
	now := time.Unix(1e9, 0)
	const many = 20_000
	for n := range many {
		r.Vended(fmt.Sprint(n), token(1), token(2), now)
	}
	waiting := 0
	for n := range many {
		if !r.Permit(fmt.Sprint(n), token(2), now) {
			waiting++
		}
	}
	if waiting != 1<<13 {
		t.Errorf("%d connections are remembered", waiting)
	}
}
