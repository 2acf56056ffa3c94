package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

const redirect = "http://127.0.0.1:9/callback"

// running is a server under test, with a client that follows no redirect.
type running struct {
	announcement
	*http.Client
}

// start runs the program in this process, so that the race detector sees it.
func start(t *testing.T, args ...string) running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	lines, stdout := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-redirect", redirect}, args...), stdout, io.Discard)
		_ = stdout.CloseWithError(err)
		done <- err
	}()
	transport := &http.Transport{}
	t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	line, err := bufio.NewReader(lines).ReadBytes('\n')
	if err != nil {
		t.Fatalf("reading the announcement: %v", err)
	}
	s := running{Client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
	if err := json.Unmarshal(line, &s.announcement); err != nil {
		t.Fatalf("announcement %q: %v", line, err)
	}
	return s
}

// config is the configuration of a real client.
func (s running) config() *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURL: redirect, Scopes: []string{"read"},
		// A style is named because the client would else try both: the second try meets a spent code.
		Endpoint: oauth2.Endpoint{AuthURL: s.URL + "/oauth2/auth", TokenURL: s.URL + "/oauth2/token",
			AuthStyle: oauth2.AuthStyleInParams},
	}
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// object reads the body as a JSON object.
func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%d, body %q: %v", a.status, a.body, err)
	}
	return v
}

func (s running) send(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := s.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (s running) get(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.send(t, r)
}

// post sends a form of names and values with the client's own authentication.
func (s running) post(t *testing.T, path string, pairs ...string) answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.ClientID, s.ClientSecret)
	return s.send(t, r)
}

// me calls the API with the given Authorization headers.
func (s running) me(t *testing.T, authorization ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Authorization"] = authorization
	return s.send(t, r)
}

// grant mints a grant for alice@example.com and returns its tokens.
func (s running) grant(t *testing.T) (access, refresh string) {
	t.Helper()
	a := s.post(t, "/control/grant", "subject", "alice@example.com", "scope", "read")
	tokens := a.object(t)
	access, _ = tokens["access_token"].(string)
	refresh, _ = tokens["refresh_token"].(string)
	if a.status != http.StatusOK || access == "" || refresh == "" || tokens["expires_in"] == nil {
		t.Fatalf("grant: %d with %d fields", a.status, len(tokens))
	}
	return access, refresh
}

func (s running) refresh(t *testing.T, token string) answer {
	t.Helper()
	return s.post(t, "/oauth2/token", "grant_type", "refresh_token", "refresh_token", token)
}

// wantStatus checks the status of the API for each token.
func (s running) wantStatus(t *testing.T, want int, tokens ...string) {
	t.Helper()
	for i, token := range tokens {
		if a := s.me(t, "Bearer "+token); a.status != want {
			t.Errorf("token %d: %d %s, want %d", i, a.status, a.body, want)
		}
	}
}

func (s running) wantTally(t *testing.T, want tally) {
	t.Helper()
	var got tally
	if err := json.Unmarshal([]byte(s.get(t, "/control/counters").body), &got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("counters %+v, want %+v", got, want)
	}
}

func TestOptions(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string // part of the error; empty for none
	}{
		"none": {nil, ""},
		"all": {[]string{"-listen", "[::1]:0", "-access-ttl", "2s", "-delay", "1ms", "-redirect", "a",
			"-redirect", "b", "-scope", "x"}, ""},
		"every interface": {[]string{"-listen", ":0"}, "only a loopback address"},
		"public address":  {[]string{"-listen", "192.0.2.1:80"}, "only a loopback address"},
		"a name":          {[]string{"-listen", "localhost:0"}, "only a loopback address"},
		"no port":         {[]string{"-listen", "127.0.0.1"}, "reading -listen"},
		"too short":       {[]string{"-access-ttl", "500ms"}, "whole seconds"},
		"not whole":       {[]string{"-access-ttl", "1500ms"}, "whole seconds"},
		"negative delay":  {[]string{"-delay", "-1s"}, "negative"},
		"unknown flag":    {[]string{"-port", "1"}, "reading flags"},
		"excess argument": {[]string{"extra"}, `"extra" is no flag`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOptions(c.args, io.Discard)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"options": {"-delay", "-1s"}, "port in use": {"-listen", strings.TrimPrefix(start(t).URL, "http://")},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
				t.Error("the server ran")
			}
		})
	}
}
