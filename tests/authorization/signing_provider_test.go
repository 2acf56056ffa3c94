package authorization

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// signingProvider is the OAuth 1 provider, tests/oauth1server, in a process of its own. Its API
// verifies what it gets.
type signingProvider struct {
	t            *testing.T
	URL          string `json:"url"`
	ClientKey    string `json:"client_key"`
	ClientSecret string `json:"client_secret"`
}

func startSigningProvider(t *testing.T) *signingProvider {
	t.Helper()
	program := filepath.Join(harness.Root(t), "tests", "oauth1server", "server.py")
	process := harness.StartProcess(t, harness.Environ(t, "PYTHONDONTWRITEBYTECODE=1"), python(t), program)
	process.Await(t, "starting the OAuth 1 provider", 20*time.Second, func() bool {
		return strings.Contains(process.Stdout(), "\n")
	})
	p := &signingProvider{t: t}
	if err := json.Unmarshal([]byte(process.Stdout()), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// python is an interpreter that has Debian's python3-oauthlib. The first one in the path may be
// another.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import oauthlib").Run() == nil {
			return name
		}
	}
	t.Fatal("no python3 has oauthlib: install python3-oauthlib")
	return ""
}

// app configures the app `legacy` over the provider, and the tenant's client of it.
func (p *signingProvider) app() string {
	return `
	app legacy {
		name Legacy
		auth_type o_auth
		upstream ` + p.URL + `/api
		oauth1 {
			request_token_url ` + p.URL + `/oauth/request_token
			authorize_url ` + p.URL + `/oauth/authorize
			access_token_url ` + p.URL + `/oauth/access_token
			authorize_param perms "read & write"
		}
		verify /me
		allow_http
		allow_private 127.0.0.0/8
	}
	`
}

func (p *signingProvider) client() string {
	return "oauth_client legacy {\ntenant acme\nclient_id " + p.ClientKey + "\nclient_secret " + harness.Secret(p.t,
		"AUTHORIZATION_CONSUMER", p.ClientSecret) + "\n}\n"
}

// tokenPair is what RFC 5849 calls token credentials.
type tokenPair struct {
	Token  string `json:"oauth_token"`
	Secret string `json:"oauth_token_secret"`
}

// grant mints a token without the flow.
func (p *signingProvider) grant(login string) (granted tokenPair) {
	p.t.Helper()
	p.control("grant", url.Values{"login": {login}}, &granted)
	return granted
}

// issued are all tokens, their secrets and verifiers that there ever were.
func (p *signingProvider) issued() (all []string) {
	p.t.Helper()
	p.control("issued", nil, &all)
	return all
}

// revoke ends a token, as its owner would.
func (p *signingProvider) revoke(token string) {
	p.t.Helper()
	p.control("revoke", url.Values{"token": {token}}, nil)
}

// fail makes the next call for a token answer status.
func (p *signingProvider) fail(status string) {
	p.t.Helper()
	p.control("fail", url.Values{"status": {status}}, nil)
}

func (p *signingProvider) control(what string, form url.Values, into any) {
	p.t.Helper()
	res, err := controls.PostForm(p.URL+"/control/"+what, form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		p.t.Fatalf("%s: %d %s %v", what, res.StatusCode, body, err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			p.t.Fatalf("%s: %v", what, err)
		}
	}
}

// callback consents as login where v was sent, and returns where the provider would send v on to.
func (p *signingProvider) callback(v *harness.Visitor, login string) *url.URL {
	p.t.Helper()
	form := url.Values{"oauth_token": {v.Onward().Query().Get("oauth_token")}, "login": {login}, "consent": {"approve"}}
	stays := *controls
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := stays.PostForm(p.URL+"/oauth/authorize", form)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		p.t.Fatalf("the provider answered %d: %v", res.StatusCode, err)
	}
	return to
}
