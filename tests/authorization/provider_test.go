package authorization

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// provider is the authorization server, tests/authserver, in a process of its own.
type provider struct {
	t            *testing.T
	URL          string `json:"url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func startProvider(t *testing.T, flags ...string) *provider {
	t.Helper()
	process := harness.StartProcess(t, harness.Environ(t), harness.AuthorizationServer(t), flags...)
	process.Await(t, "starting the authorization server", 20*time.Second, func() bool {
		return strings.Contains(process.Stdout(), "\n")
	})
	p := &provider{t: t}
	if err := json.Unmarshal([]byte(process.Stdout()), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// tokens are a grant as the token endpoint answers it.
type tokens struct {
	Access    string `json:"access_token"`
	Refresh   string `json:"refresh_token"`
	ExpiresIn int    `json:"expires_in"`
}

// tally is what the provider has counted.
type tally struct {
	TokenCalls   int `json:"token_calls"`
	RefreshOK    int `json:"refresh_ok"`
	RefreshReuse int `json:"refresh_reuse"`
}

// grant mints a grant by the whole code flow; it is not counted.
func (p *provider) grant() (granted tokens) {
	p.t.Helper()
	p.post("/control/grant", url.Values{"subject": {harness.Alice}}, &granted)
	return granted
}

// expire ends an access token before its time; its refresh token stays good.
func (p *provider) expire(token string) {
	p.t.Helper()
	p.post("/control/expire", url.Values{"token": {token}}, nil)
}

// revoke ends a whole grant, as its owner would.
func (p *provider) revoke(token string) {
	p.t.Helper()
	p.post("/oauth2/revoke", url.Values{"token": {token}}, nil)
}

// fail makes the next n token calls answer status; nothing is rotated by them.
func (p *provider) fail(status, n int) {
	p.t.Helper()
	p.post("/control/fail", url.Values{"status": {strconv.Itoa(status)}, "times": {strconv.Itoa(n)}}, nil)
}

// subject is whom a token stands for.
func (p *provider) subject(token string) string {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.URL+"/api/me", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	var me struct{ Subject string }
	p.do(r, &me)
	return me.Subject
}

func (p *provider) post(path string, form url.Values, into any) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(p.ClientID, p.ClientSecret)
	p.do(r, into)
}

func (p *provider) counters() (c tally) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.URL+"/control/counters", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(r, &c)
	return c
}

// counted compares the counters; why says what it would mean if they differed.
func (p *provider) counted(why string, want tally) {
	p.t.Helper()
	if got := p.counters(); got != want {
		p.t.Errorf("%s: the provider counted %+v, want %+v", why, got, want)
	}
}

func (p *provider) do(r *http.Request, into any) {
	p.t.Helper()
	res, err := controls.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		p.t.Fatalf("%s: %d %s %v", r.URL.Path, res.StatusCode, body, err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			p.t.Fatalf("%s: %v", r.URL.Path, err)
		}
	}
}

// controls keeps no connection, so that none outlives a test.
var controls = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
