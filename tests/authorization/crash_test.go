package authorization

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// killPoint is a moment of a refresh at which the process that makes it is killed.
type killPoint struct {
	// delay is the authorization server's own: what it says after that has happened before.
	delay string
	// on takes the token call over and closes reached when the process is to be killed.
	on func(c *tokenCall, reached chan<- struct{})
	// after goes by between reached and the kill.
	after time.Duration
	// served says that the caller must have its answer before the kill.
	served bool
	// left says what may be there afterwards.
	left func(t *testing.T, rotated bool) []string
}

// What a killed refresh may leave.
const (
	// stillVends: no rotation was lost, and the connection goes on vending.
	stillVends = "200"
	// ended: the provider had taken the old refresh token away, and its answer never reached the disk.
	ended = "401 needs_reconnection"
)

func nothingLost(t *testing.T, rotated bool) []string {
	t.Helper()
	if rotated {
		t.Error("the provider rotated, though it was never asked")
	}
	return []string{stillVends}
}

func rotationLost(t *testing.T, rotated bool) []string {
	t.Helper()
	if !rotated {
		t.Error("the provider had not rotated when the process was killed")
	}
	return []string{ended}
}

// either is for kills about the time of the commit.
func either(t *testing.T, rotated bool) []string {
	t.Helper()
	if !rotated {
		t.Error("the provider had not rotated when the process was killed")
	}
	return []string{stillVends, ended}
}

// stored is for kills after the caller got what the new token fetched: by then it is on the disk.
func stored(t *testing.T, rotated bool) []string {
	t.Helper()
	return either(t, rotated)[:1]
}

// beforeRotation stops the call before the provider gets it.
func beforeRotation(c *tokenCall, reached chan<- struct{}) {
	close(reached)
	<-c.Done()
}

// answerHeld stops the answer when the provider has rotated.
func answerHeld(c *tokenCall, reached chan<- struct{}) {
	_, _ = c.forward()
	close(reached)
	<-c.Done()
}

// answerTorn lets half of the answer through.
func answerTorn(c *tokenCall, reached chan<- struct{}) {
	_, body := c.forward()
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.w.Write(body[:len(body)/2])
	_ = http.NewResponseController(c.w).Flush()
	close(reached)
	<-c.Done()
}

// answered lets the answer through.
func answered(c *tokenCall, reached chan<- struct{}) {
	c.pass()
	_ = http.NewResponseController(c.w).Flush()
	close(reached)
}

// TestKilledMidRefresh runs two gateway processes over one data directory and kills -9 one of them
// in a refresh. Whatever the moment, nothing is lost that the provider has not already taken away:
// its counters decide which of the two is right.
func TestKilledMidRefresh(t *testing.T) {
	for name, p := range map[string]killPoint{
		"before the provider is asked":    {on: beforeRotation, left: nothingLost},
		"rotated, the provider is slow":   {delay: "1800ms", left: rotationLost},
		"rotated, answer not sent":        {on: answerHeld, left: rotationLost},
		"rotated, half an answer sent":    {on: answerTorn, left: rotationLost},
		"rotated, answer sent":            {on: answered, left: either},
		"rotated, 3 ms after the answer":  {on: answered, after: 3 * time.Millisecond, left: either},
		"rotated, 10 ms after the answer": {on: answered, after: 10 * time.Millisecond, left: either},
		"rotated, and the caller served":  {on: answered, served: true, left: stored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killMidRefresh(t, p)
		})
	}
}

// killed is how the processes of which one is killed refresh.
const killed = "margin 5s\nrefresh_timeout 5s"

func killMidRefresh(t *testing.T, p killPoint) {
	var flags []string
	if p.delay != "" {
		flags = []string{"-delay", p.delay}
	}
	s := newStage(t, flags...)
	granted := s.provider.grant()
	id := s.connect(granted, -time.Second)
	doomed, process := s.apart(killed)
	other, _ := s.apart(killed)
	reached := make(chan struct{})
	if p.on != nil {
		s.front.takeOver(func(c *tokenCall) { p.on(c, reached) })
	}

	served := make(chan answer, 1)
	go func() {
		// most are killed before they answer
		a, _ := send(doomed, doomed.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
		served <- a
	}()
	if p.on == nil {
		process.Await(t, "rotation", 20*time.Second, func() bool { return s.provider.counters().RefreshOK == 1 })
	} else {
		<-reached
	}
	if p.served {
		expect(t, "the call of the process that will be killed", <-served, "200")
	}
	meanwhile := make(chan answer, 1)
	go func() { // while the dead process's lease stands
		a, err := send(other, other.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
		if err != nil {
			t.Error(err)
		}
		meanwhile <- a
	}()
	<-time.After(p.after) // the kill point itself, not a wait for anything
	process.Kill()
	atKill := s.provider.counters()
	if a := <-meanwhile; a.status != 200 && a.code != "needs_reconnection" {
		t.Errorf("during the dead process's lease: answered %s; it lapses in time", a)
	}
	if !p.served {
		<-served
	}
	rotated := atKill.RefreshOK == 1
	s.checkAfterKill(id, other, rotated, p.left(t, rotated))
}

// checkAfterKill compares what the other process and a restarted one say, once the lease has
// lapsed, with what the provider has counted.
func (s *stage) checkAfterKill(id string, other *harness.Gateway, rotated bool, left []string) {
	t := s.t
	a := get(t, other, id)
	outcome := stillVends
	if a.status != 200 {
		outcome = ended
		if a.status != 401 || a.code != "needs_reconnection" {
			t.Fatalf("the other process answers %s", a)
		}
	}
	if outcome != left[0] && outcome != left[len(left)-1] {
		t.Errorf("the other process answers %s, want one of %q", a, left)
	}
	want := tally{TokenCalls: 1, RefreshOK: 1} // stored before the kill, or refreshed by the other process alone
	if outcome == ended {
		// The one way to learn that the answer was lost is to offer the old token, once.
		want = tally{TokenCalls: 2, RefreshOK: 1, RefreshReuse: 1}
		if !rotated {
			t.Error("needs_reconnection, though the provider had not rotated at the kill: a grant was lost")
		}
	}
	s.provider.counted("after the kill", want)
	restarted, _ := s.apart(killed)
	again := get(t, restarted, id)
	if again.status != a.status || again.code != a.code || again.digest != a.digest {
		t.Errorf("the restarted process answers %s, the other one %s", again, a)
	}
	s.provider.counted("after the restart", want)
	if outcome == stillVends {
		s.checkRotation(id, restarted, a.digest, want)
	}
	t.Logf("rotated at the kill: %t; afterwards: %s", rotated, outcome)
}

// checkRotation ends the access token that the upstream got: only the rotated refresh token brings
// another one.
func (s *stage) checkRotation(id string, g *harness.Gateway, got string, before tally) {
	s.t.Helper()
	_, held := s.held(id)
	if bearer(held.AccessToken) != got {
		s.t.Error("the upstream got another token than is stored")
	}
	s.provider.expire(held.AccessToken)
	expect(s.t, "the refresh after the restart", get(s.t, g, id), "200")
	s.provider.counted("after one refresh more", tally{TokenCalls: before.TokenCalls + 1, RefreshOK: before.RefreshOK + 1})
}
