package hostile

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// wires are the ways to a babbler: plain HTTP/1.1, and HTTP/1.1 over TLS.
func wires(t *testing.T, run func(t *testing.T, s *beyond)) {
	config, ca := certificate(t)
	for name, c := range map[string]struct {
		config *tls.Config
		ca     string
	}{"plain": {}, "TLS": {config, ca}} {
		t.Run(name, func(t *testing.T) { run(t, newBeyond(t, c.config, c.ca)) })
	}
}

// moments are when the bytes come: with the answer, or when it has been taken.
var moments = map[string]bool{"in one write": false, "in a later write": true}

// TestBeyondProviders: what a provider sends beyond an answer is in no log, and that it did is.
func TestBeyondProviders(t *testing.T) {
	wires(t, func(t *testing.T, s *beyond) {
		for _, framing := range slices.Sorted(maps.Keys(framings)) {
			for moment, later := range moments {
				t.Run("53 "+framing+" "+moment, func(t *testing.T) {
					s.t = t
					method := http.MethodGet
					if framing == "HEAD" {
						method = http.MethodHead
					}
					before := s.seen()
					release := s.api.play(later, func(*http.Request) (string, string) {
						text := framings[framing]("ok")
						if framing == "HEAD" {
							text = strings.TrimSuffix(text, "ok")
						}
						return text, extra(framing)
					})
					defer release()
					got := exchange(t, s.Addr, call(method, "/proxy/c-key/key/x"))
					if got.StatusCode >= 400 || strings.Contains(got.raw, beyondCanary) {
						t.Errorf("the caller got %.300q", got.raw)
					}
					release()
					if framing == "HEAD" { // its connection need not be kept, and then nobody reads on
						harness.Within(t, "the bytes beyond the answer", 10*time.Second, func() bool { return s.api.count() == 1 })
					} else {
						s.await(s.api, before)
					}
					s.check()
				})
			}
		}
	})
}

// TestBeyondTaken: what came beyond an answer may be taken for the next one, whose error quotes
// nothing of it either.
func TestBeyondTaken(t *testing.T) {
	s := newBeyond(t, nil, "")
	s.api.play(false, func(*http.Request) (string, string) { return extra(""), "\r\n\r\n" })
	got := exchange(t, s.Addr, get("/proxy/c-key/key/x"))
	if got.StatusCode != 503 || strings.Contains(got.raw, beyondCanary) {
		t.Errorf("53 the caller got %.300q", got.raw)
	}
	harness.Within(t, "the log of the failed call", 10*time.Second, func() bool {
		return strings.Contains(s.Log(), "the response was unusable")
	})
	s.check()
}

// TestBeyondSources is for what the remote sources and Pipedream's relay get.
func TestBeyondSources(t *testing.T) {
	wires(t, func(t *testing.T, s *beyond) {
		for name, c := range map[string]struct {
			key, connection, path string
		}{
			"platform":          {harness.KeyB, "c-1", "/platform/connections/c-1/token"},
			"pipedream":         {keyC, "apn_open", "/pd/v1/connect/proj_1/accounts/apn_open"},
			"pipedream's relay": {keyC, "apn_sealed", "/pd/v1/connect/proj_1/proxy/"},
		} {
			for _, framing := range []string{"Content-Length too short", "bytes after the last chunk", "two answers"} {
				for moment, later := range moments {
					t.Run("53 "+name+" "+framing+" "+moment, func(t *testing.T) {
						s.t = t
						before := s.seen()
						release := s.b.play(later, func(r *http.Request) (string, string) {
							if strings.HasPrefix(r.URL.Path, c.path) {
								return framings[framing](sourceAnswer(r)), extra(framing)
							}
							return reply("200 OK", sourceAnswer(r)), ""
						})
						defer release()
						got := exchange(t, s.Addr, as(c.key, get("/proxy/"+c.connection+"/key/x")))
						if got.StatusCode != 200 {
							t.Errorf("answered %.300q", got.raw)
						}
						release()
						s.await(s.b, before)
						s.check()
					})
				}
			}
		}
		t.Run("53 pipedream's token", s.pipedreamToken)
	})
}

// sourceAnswer plays the Platform API, Pipedream, and the upstream behind both.
func sourceAnswer(r *http.Request) string {
	switch path := r.URL.Path; {
	case path == "/platform/connections/c-1":
		return `{"status":"success","data":{"id":"c-1","status":"active","app":"key"}}`
	case path == "/platform/connections/c-1/token":
		return `{"status":"success","data":{"auth_type":"api_key","fields":{"api_key":"sk-platform-53"}}}`
	case path == "/pd/v1/oauth/token":
		return `{"access_token":"pd-pass-53","token_type":"Bearer","expires_in":3600}`
	case strings.Contains(path, "/accounts/"):
		id := path[strings.LastIndexByte(path, '/')+1:]
		credentials := `{"api_key":"sk-pipedream-53"}`
		if id == "apn_sealed" {
			credentials = "null"
		}
		return fmt.Sprintf(`{"id":%q,"external_id":%q,"healthy":true,"dead":false,"app":{"name_slug":"key"},"credentials":%s}`, id, harness.Alice, credentials)
	}
	return "ok"
}

// pipedreamToken has the access token's own answer followed by more: a new gateway asks for one at
// once.
func (s *beyond) pipedreamToken(t *testing.T) {
	s.t = t
	s.Load(s.Caddyfile(s.options+"vend_timeout 14s\n", "", "vendgate_proxy"))
	s.b.play(false, func(r *http.Request) (string, string) {
		if r.URL.Path == "/pd/v1/oauth/token" {
			return reply("200 OK", sourceAnswer(r)), extra("")
		}
		return reply("200 OK", sourceAnswer(r)), ""
	})
	if got := exchange(t, s.Addr, as(keyC, get("/proxy/apn_open/key/x"))); got.StatusCode != 200 {
		t.Errorf("answered %.300q", got.raw)
	}
	harness.Within(t, "the bytes beyond the token", 10*time.Second, func() bool { return s.b.count() == 1 })
	s.check()
}

// TestBeyondGrants is for the calls by which grants come about and are refreshed. Their connections
// end with the answer, so that nobody reads on.
func TestBeyondGrants(t *testing.T) {
	wires(t, func(t *testing.T, s *beyond) {
		for _, framing := range slices.Sorted(maps.Keys(framings)) {
			if framing == "HEAD" {
				continue // none of them is one
			}
			for moment, later := range moments {
				t.Run("53 "+framing+" "+moment, func(t *testing.T) {
					s.t = t
					p := new(granting)
					babble := func(r *http.Request) (string, string) { return framings[framing](p.answer(r)), extra(framing) }
					release, releaseAPI := s.b.play(later, babble), s.api.play(later, babble)
					defer release()
					defer releaseAPI()
					empty := framing == "204" || framing == "304" // of which no grant comes
					s.grants(t, p, !empty)
					release()
					releaseAPI()
					want := "GET /api/me, POST /temporary, POST /token"
					if !empty {
						want = "GET /api/me, GET /api/x, GET /whoami, POST /temporary, POST /token, POST /token1"
					}
					if got := strings.Join(p.calls(), ", "); got != want {
						t.Errorf("the provider was asked %s, want %s", got, want)
					}
					s.check()
				})
			}
		}
		if n := s.seen(); n > 6 { // those of the calls /api/x
			t.Errorf("somebody read on %d times", n)
		}
	})
}

// granting plays a provider of both OAuths and of keys.
type granting struct {
	mu       sync.Mutex
	asked    map[string]bool
	callback string // of OAuth 1
}

func (p *granting) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.asked))
}

var oauthCallback = regexp.MustCompile(`oauth_callback="([^"]+)"`)

func (p *granting) answer(r *http.Request) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked == nil {
		p.asked = make(map[string]bool)
	}
	p.asked[r.Method+" "+r.URL.Path] = true
	switch r.URL.Path {
	case "/token":
		return `{"access_token":"granted-access-53","refresh_token":"granted-refresh-53","token_type":"Bearer","expires_in":1}`
	case "/whoami":
		return `{"id":"account-53"}`
	case "/temporary":
		if m := oauthCallback.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			p.callback, _ = url.QueryUnescape(m[1])
		}
		return "oauth_token=temporary-53&oauth_token_secret=temporary-secret-53&oauth_callback_confirmed=true"
	case "/token1":
		return "oauth_token=legacy-53&oauth_token_secret=legacy-secret-53"
	}
	return "ok"
}

// grants tries to connect an account of each app. Where that can work it calls with one, which
// refreshes its token.
func (s *beyond) grants(t *testing.T, p *granting, works bool) {
	address, _ := s.link(t, "key")
	harness.NewVisitor(t, nil).Open(address).Submit("accept").Submit("credentials", "field.api_key", "sk-entered-53")

	address, id := s.link(t, "auth")
	v := harness.NewVisitor(t, nil).Open(address).Submit("accept")
	v.Open(s.URL + "/connect/callback?code=code-53&state=" + v.Onward().Query().Get("state"))
	if works {
		v.Sees("back from the provider", 200, harness.SaysCreated)
		if got := exchange(t, s.Addr, as(keyD, get("/proxy/"+id+"/auth/x"))); got.StatusCode != 200 {
			t.Errorf("the call was answered %.300q", got.raw)
		}
	}

	address, _ = s.link(t, "legacy")
	v = harness.NewVisitor(t, nil).Open(address).Submit("accept")
	if works {
		v.Open(p.callback+"&oauth_token=temporary-53&oauth_verifier=verifier-53").Sees("back from the provider", 200,
			harness.SaysCreated)
	}
}

// link makes a link of delta's for Alice, and returns its address and the connection's id.
func (s *beyond) link(t *testing.T, app string) (address, id string) {
	t.Helper()
	r := s.Request(http.MethodPost, "/platform/v1/connections/request-link",
		[]byte(fmt.Sprintf(`{"app_id":%q,"name":"Work"}`, app)), "Authorization: Bearer "+keyD)
	res, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var envelope struct {
		Data struct {
			Link string `json:"request_link"`
			ID   string `json:"connection_id"`
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&envelope); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("making a link: %d, %v", res.StatusCode, err)
	}
	return envelope.Data.Link, envelope.Data.ID
}
