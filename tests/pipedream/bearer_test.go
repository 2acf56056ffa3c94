package pipedream_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/pipedream"
)

// fetched is how often a token was asked for.
func (s *stage) fetched() int { return len(s.pd.Got(pipedream.Token)) }

// together makes so many calls at once, each of which must succeed.
func (s *stage) together(n int) {
	s.t.Helper()
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			res, err := s.Client.Do(s.Request("GET", "/proxy/"+opened+"/chat/x", nil))
			if err != nil {
				s.t.Error(err)
				return
			}
			if res.Body.Close(); res.StatusCode != http.StatusOK {
				s.t.Errorf("a caller got %d", res.StatusCode)
			}
		})
	}
	callers.Wait()
}

// TestOneFetch: a hundred first callers at once share one token, and so do all after them.
func TestOneFetch(t *testing.T) {
	s := newStage(t, options())
	s.pd.Fail(pipedream.Token, -1, pipedream.Slow(300*time.Millisecond))
	s.together(100)
	if n, sent := s.fetched(), s.up.Got(); n != 1 || len(sent) != 100 {
		t.Errorf("%d fetches, and the provider got %d requests", n, len(sent))
	}
	s.fine("later", s.get(opened, "chat"))
	s.fine("later, by the proxy", s.get(sealed, "chat"))
	if n := s.fetched(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// TestFirstCallerLeaves: the fetch that others wait for is not that of the caller who began it.
func TestFirstCallerLeaves(t *testing.T) {
	s := newStage(t, options())
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan struct{})
	s.pd.Fail(pipedream.Token, 1, func(w http.ResponseWriter, wait func(time.Duration) bool) bool {
		leave()
		<-gone
		return pipedream.Slow(300*time.Millisecond)(w, wait) // for the second caller to come
	})
	go func() {
		defer close(gone)
		res, err := s.Client.Do(s.Request("GET", "/proxy/"+opened+"/chat/x", nil).WithContext(ctx))
		if err == nil {
			res.Body.Close()
			t.Error("the first caller has not left")
		}
	}()
	<-gone
	s.fine("the second caller", s.get(opened, "chat"))
	if n := s.fetched(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// TestFetchedAgain: two minutes before its end a token is not used any more.
func TestFetchedAgain(t *testing.T) {
	o := options()
	o.ExpiresIn = 122 * time.Second
	s := newStage(t, o)
	begun := time.Now()
	s.fine("the first", s.get(opened, "chat"))
	s.fine("the second", s.get(opened, "chat"))
	first := s.fetched()
	if first != 1 && time.Since(begun) < 2*time.Second {
		t.Errorf("at first %d fetches", first)
	}
	time.Sleep(2200 * time.Millisecond)
	s.fine("two minutes before its end", s.get(opened, "chat"))
	if n := s.fetched(); n != first+1 {
		t.Errorf("then %d fetches", n)
	}
	bearers := make(map[string]bool)
	for _, text := range s.pd.Got(pipedream.AccountOf) {
		bearers[parse(t, text).Header.Get("Authorization")] = true
	}
	if len(bearers) != first+1 {
		t.Errorf("%d tokens in use", len(bearers))
	}
}

// TestShortLived: tokens that never live for two minutes serve all the same.
func TestShortLived(t *testing.T) {
	o := options()
	o.ExpiresIn = 3 * time.Second
	s := newStage(t, o)
	for range 3 {
		s.fine("a call", s.get(opened, "chat"))
		s.fine("a call by the proxy", s.get(sealed, "chat"))
	}
	time.Sleep(3100 * time.Millisecond)
	s.fine("after its end", s.get(opened, "chat"))
}

// TestRevoked: a token that ended before its time costs one fetch, and no caller notices.
func TestRevoked(t *testing.T) {
	s := newStage(t, options())
	s.fine("before", s.get(opened, "chat"))
	for i, account := range []string{opened, sealed} {
		s.pd.Revoke()
		s.fine(account, s.get(account, "chat"))
		if n := s.fetched(); n != i+2 {
			t.Errorf("%s: %d fetches in all", account, n)
		}
	}
	s.pd.Revoke()
	s.pd.Fail(pipedream.Token, -1, pipedream.Slow(300*time.Millisecond))
	s.together(100)
	if n, sent := s.fetched(), s.up.Got(); n != 4 || len(sent) != 100 {
		t.Errorf("a hundred callers: %d fetches in all, and the provider got %d requests", n, len(sent))
	}
}

// TestRefusedTokens: a 401 to a fresh token is no reason to ask for ever.
func TestRefusedTokens(t *testing.T) {
	s := newStage(t, options())
	s.pd.Fail(pipedream.AccountOf, -1, pipedream.Answer(401, "application/json", `{"error":"x"}`))
	for range 3 {
		got := s.get(opened, "chat")
		if s.refused("refused", got, got.status, got.code); got.status < 500 {
			t.Errorf("%s: the end user cannot mend it", got)
		}
	}
	if asked, fetched := len(s.pd.Got(pipedream.AccountOf)), s.fetched(); asked > 6 || fetched > 6 {
		t.Errorf("asked %d times, with %d fetches", asked, fetched)
	}
	s.pd.Fail(pipedream.AccountOf, 0, nil)
	s.fine("afterwards", s.get(opened, "chat"))
}

// TestBrokenTokens: without a token there is no call, and what was answered in its place is
// forgotten.
func TestBrokenTokens(t *testing.T) {
	s := newStage(t, options(), "timeout 2s")
	for name, fault := range map[string]pipedream.Fault{
		"slow": pipedream.Slow(30 * time.Second), "hung up": pipedream.Hangup,
		"cut":      pipedream.Cut(200, `{"access_token":"a`),
		"dripping": pipedream.Drip(strings.Repeat(" ", 1000), 50*time.Millisecond),
		"500":      pipedream.Answer(500, "text/html", "<h1>x</h1>"),
		"503":      pipedream.Answer(503, "text/html", "<h1>x</h1>"),
		"429":      pipedream.Throttle(7 * time.Second),
		"400":      pipedream.Answer(400, "application/json", `{"error":"invalid_request"}`),
		"401":      pipedream.Answer(401, "application/json", `{"error":"invalid_client"}`),
		"HTML":     pipedream.Answer(200, "text/html", "<h1>x</h1>"),
		"empty":    pipedream.Answer(200, "application/json", ""),
		"null":     pipedream.Answer(200, "application/json", "null"),
		"no token": pipedream.Answer(200, "application/json", `{"token_type":"Bearer","expires_in":3600}`),
		"null token": pipedream.Answer(200, "application/json",
			`{"access_token":null,"token_type":"Bearer","expires_in":3600}`),
		"empty token": pipedream.Answer(200, "application/json",
			`{"access_token":"","token_type":"Bearer","expires_in":3600}`),
		"wrong type": pipedream.Answer(200, "application/json",
			`{"access_token":["a"],"token_type":"Bearer","expires_in":3600}`),
		"line end": pipedream.Answer(200, "application/json",
			`{"access_token":"a\r\nX-Evil: b","token_type":"Bearer","expires_in":3600}`),
		"huge":       pipedream.Huge(32<<20, `{"access_token":"a",`, `"expires_in":3600}`),
		"a redirect": pipedream.Answer(307, "text/html", "", "Location: "+s.pd.URL+"/v1/oauth/token"),
	} {
		s.pd.Fail(pipedream.Token, -1, fault)
		before, begun := len(s.pd.Got(pipedream.AccountOf)), time.Now()
		got := s.get(opened, "chat")
		if s.refused(name, got, got.status, got.code); got.status < 500 && name != "429" || name == "429" &&
			(got.status != 429 || got.header.Get("Retry-After") != "7") {
			t.Errorf("%s: %s", name, got)
		}
		if n := len(s.pd.Got(pipedream.AccountOf)) - before; n > 0 {
			t.Errorf("%s: the account was asked for", name)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
	s.pd.Fail(pipedream.Token, 0, nil)
	s.fine("afterwards", s.get(opened, "chat"))
}

// TestOddExpiry: a token is good for one call at least, whatever is said of its end.
func TestOddExpiry(t *testing.T) {
	for name, expiry := range map[string]string{
		"absent": "", "null": `,"expires_in":null`, "0": `,"expires_in":0`, "negative": `,"expires_in":-5`,
		"text":  `,"expires_in":"3600"`,
		"words": `,"expires_in":"soon"`, "huge": `,"expires_in":1e300`, "a fraction": `,"expires_in":3599.5`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, options())
			token := s.pd.Grant()
			s.pd.Fail(pipedream.Token, 1,
				pipedream.Answer(200, "application/json", `{"access_token":"`+token+`","token_type":"Bearer"`+expiry+`}`))
			got := s.get(opened, "chat")
			if sent := s.up.Got(); (got.status == 200) != (len(sent) == 1) || got.status != 200 && got.status < 500 {
				t.Errorf("%s; the provider got %d requests", got, len(sent))
			}
			s.fine("afterwards", s.get(opened, "chat"))
		})
	}
}
