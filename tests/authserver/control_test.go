package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestBearer: the API takes a token from the one Authorization header and from nowhere else.
func TestBearer(t *testing.T) {
	s := start(t)
	access, refresh := s.grant(t)
	for name, c := range map[string]struct {
		headers []string
		status  int
		invalid bool // the challenge says invalid_token
	}{
		"good":             {[]string{"Bearer " + access}, 200, false},
		"lower-case":       {[]string{"bearer " + access}, 200, false},
		"none":             {nil, 401, false},
		"twice":            {[]string{"Bearer " + access, "Bearer " + access}, 401, false},
		"basic":            {[]string{"Basic " + access}, 401, false},
		"no scheme":        {[]string{access}, 401, false},
		"empty":            {[]string{"Bearer "}, 401, false},
		"two spaces":       {[]string{"Bearer  " + access}, 401, true},
		"a refresh token":  {[]string{"Bearer " + refresh}, 401, true},
		"unknown":          {[]string{"Bearer abc.def"}, 401, true},
		"cut":              {[]string{"Bearer " + access[:len(access)-1]}, 401, true},
		"with a tail":      {[]string{"Bearer " + access + ", x"}, 401, true},
		"of another start": {[]string{"Bearer ory_at_eHh4.eHh4"}, 401, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.me(t, c.headers...)
			challenge := a.header.Get("WWW-Authenticate")
			if a.status != c.status || strings.Contains(challenge, "invalid_token") != c.invalid ||
				(a.status == 401) != strings.HasPrefix(challenge, "Bearer ") {
				t.Errorf("%d, challenge %q", a.status, challenge)
			}
		})
	}
	if a := s.get(t, "/api/me?access_token="+url.QueryEscape(access)); a.status != http.StatusUnauthorized {
		t.Errorf("token in the query: %d", a.status)
	}
}

func TestExpire(t *testing.T) {
	s := start(t)
	access, refresh := s.grant(t)
	other, _ := s.grant(t)
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if a := s.post(t, "/control/expire", "token", access); a.status != want {
			t.Errorf("expire: %d %s, want %d", a.status, a.body, want)
		}
	}
	s.wantStatus(t, http.StatusUnauthorized, access)
	s.wantStatus(t, http.StatusOK, other)
	a := s.refresh(t, refresh)
	next, _ := a.object(t)["access_token"].(string)
	if a.status != http.StatusOK {
		t.Fatalf("the grant ended too: %d %s", a.status, a.body)
	}
	s.wantStatus(t, http.StatusOK, next)
}

func TestGrantRefusals(t *testing.T) {
	s := start(t)
	for name, form := range map[string][]string{"no subject": {},
		"unknown scope": {"subject", "a@b.c", "scope", "admin"}} {
		t.Run(name, func(t *testing.T) {
			if a := s.post(t, "/control/grant", form...); a.status != http.StatusBadRequest {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// TestFail: planned failures come first, count as calls and rotate nothing.
func TestFail(t *testing.T) {
	s := start(t)
	_, refresh := s.grant(t)
	for _, c := range []struct {
		query  string
		times  int
		status int
		name   string
	}{
		{"status=503&times=2", 2, http.StatusServiceUnavailable, "temporarily_unavailable"},
		{"status=400&error=invalid_grant", 1, http.StatusBadRequest, "invalid_grant"},
		{"", 1, http.StatusServiceUnavailable, "temporarily_unavailable"},
		{"times=0", 0, 0, ""},
	} {
		s.post(t, "/control/fail?times=5") // each plan replaces the one before
		if a := s.post(t, "/control/fail?"+c.query); a.status != http.StatusNoContent {
			t.Fatalf("%q: %d %s", c.query, a.status, a.body)
		}
		for range c.times {
			if a := s.refresh(t, refresh); a.status != c.status || a.object(t)["error"] != c.name {
				t.Errorf("%q: %d %s", c.query, a.status, a.body)
			}
		}
		a := s.refresh(t, refresh)
		if refresh, _ = a.object(t)["refresh_token"].(string); a.status != http.StatusOK {
			t.Fatalf("%q: afterwards %d %s", c.query, a.status, a.body)
		}
	}
	s.wantTally(t, tally{TokenCalls: 8, RefreshOK: 4})
	for _, query := range []string{"status=200", "status=600", "status=x", "times=-1", "times=x"} {
		if a := s.post(t, "/control/fail?"+query); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, a.status)
		}
	}
}

// TestDelay: a client that does not wait for the delayed answer has lost a rotation that happened.
func TestDelay(t *testing.T) {
	s := start(t, "-delay", "1h")
	access, refresh := s.grant(t)
	ctx, cancel := context.WithCancel(t.Context())
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.ClientID, s.ClientSecret)
	answered := make(chan error, 1)
	go func() {
		res, err := s.Do(r)
		if err == nil {
			err = errors.Join(errors.New("the answer did not wait"), res.Body.Close())
		}
		answered <- err
	}()
	for deadline := time.Now().Add(time.Minute); s.get(t, "/control/counters").object(t)["refresh_ok"] != 1.0; {
		if time.Now().After(deadline) {
			t.Fatal("no rotation within a minute")
		}
	}
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("answer: %v", err)
	}
	s.wantStatus(t, http.StatusUnauthorized, access)
}

func TestIntrospect(t *testing.T) {
	s := start(t)
	access, refresh := s.grant(t)
	for name, c := range map[string]struct {
		token  string
		active bool
		use    any
	}{
		"access token": {access, true, "access_token"}, "refresh token": {refresh, true, "refresh_token"},
		"unknown": {"abc", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post(t, "/oauth2/introspect", "token", c.token)
			if got := a.object(t); a.status != http.StatusOK || got["active"] != c.active || c.active &&
				got["sub"] != "alice@example.com" {
				t.Errorf("%d %v", a.status, got)
			}
		})
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/oauth2/introspect",
		strings.NewReader("token="+access))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := s.send(t, r); a.status != http.StatusUnauthorized {
		t.Errorf("without a client: %d %s", a.status, a.body)
	}
}
