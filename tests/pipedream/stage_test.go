package pipedream_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// The end user's credentials, none of which anybody but the provider may see.
const (
	oauthToken = "xoxb-canary-6601"
	apiKey     = "sk-canary-6602"
	hidden     = "ya29-canary-6603"
)

// Accounts of Alice: with an OAuth token, with a key, and on Pipedream's own OAuth client, which
// exposes nothing.
const (
	opened = "apn_open"
	keyed  = "apn_key"
	sealed = "apn_sealed"
)

// stage is a gateway whose source is the stand-in, and a provider behind both.
type stage struct {
	*harness.Gateway
	t      *testing.T
	pd     *pipedream.StandIn
	up     *harness.Upstream
	origin string
	others string // the key of a tenant of the store, where there is one
}

// newStage configures the source by further lines, too.
func newStage(t *testing.T, o pipedream.Options, source ...string) *stage {
	t.Helper()
	up := harness.NewUpstream(t, harness.OK)
	return newStageOver(t, o, up, "http://"+up.Addr, source...)
}

// newStageOver is for a provider at an origin of the test's own; up may be nil.
func newStageOver(t *testing.T, o pipedream.Options, up *harness.Upstream, origin string, source ...string) *stage {
	t.Helper()
	s := &stage{t: t, pd: pipedream.Start(t, o), up: up, origin: origin}
	s.pd.Put(pipedream.OAuth(opened, harness.Alice, "chat", oauthToken).Behind(origin))
	s.pd.Put(pipedream.Keys(keyed, harness.Alice, "key", "api_key", apiKey).Behind(origin))
	s.pd.Put(s.sealedAccount())
	t.TempDir()           // the first call decides when all of them go, with the log
	t.Cleanup(s.checkLog) // once the gateway has stopped
	s.Gateway = harness.Start(t, s.config(source...), "log\nvendgate_proxy")
	t.Cleanup(s.awaitLog) // before it stops: Caddy does not wait for the log of a call that was left
	return s
}

// sealedAccount is the account without credentials as it was in the beginning.
func (s *stage) sealedAccount() *pipedream.Account {
	return pipedream.OAuth(sealed, harness.Alice, "chat", hidden).Behind(s.origin).Drop("credentials")
}

func (s *stage) config(source ...string) string {
	app := func(slug, rest string) string {
		return fmt.Sprintf("app %s {\nupstream %s/base\nallow_http\nallow_private 127.0.0.0/8\n%s\n}\n", slug, s.origin, rest)
	}
	return app("chat",
		"auth_type o_auth\noauth2 {\nauthorize_url https://provider.example/a\ntoken_url https://provider.example/t\n}") +
		app("key", "auth_type api_key\nfield api_key Key secret\nheader X-Api-Key {api_key}") +
		"app desk {\nupstream https://{subdomain}.desk.example/base\nfield subdomain\nextra_hosts " +
		"files.desk.example\nauth_type o_auth\n" +
		"oauth2 {\nauthorize_url https://provider.example/a\ntoken_url https://provider.example/t\n}\n}\n" +
		fmt.Sprintf("source pipedream {\nproject proj_1\ntenant acme\nenvironment development\nclient_id "+
			"%s\nclient_secret %s\nendpoint %s\nallow_http\nallow_private 127.0.0.0/8\n%s\n}\n",
			clientID, harness.Secret(s.t, "VG_PD_SECRET", clientSecret), s.pd.URL, strings.Join(source, "\n")) +
		"tenant acme {\nkey " + harness.Secret(s.t, "VG_TENANT_A", harness.KeyA) + "\nbudget token unlimited\n}\n"
}

// secrets are what nobody may tell.
func (s *stage) secrets() []string {
	secrets := append(s.pd.Secrets(), harness.KeyA, harness.KeyB)
	if s.others != "" {
		secrets = append(secrets, s.others)
	}
	return secrets
}

// awaitLog returns when a call is in the access log.
func (s *stage) awaitLog() {
	harness.Within(s.t, "a call in the access log", 10*time.Second, func() bool {
		return strings.Contains(s.Log(), `"logger":"http.log.access"`)
	})
}

// checkLog searches all that was logged, the access log at DEBUG included.
func (s *stage) checkLog() {
	if s.Gateway == nil {
		return // it has not started
	}
	text := s.Log()
	for i, secret := range s.secrets() {
		if strings.Contains(text, secret) {
			s.t.Errorf("the log has secret number %d", i)
		}
	}
}

// answered is what the caller got.
type answered struct {
	status             int
	code, origin, body string
	header             http.Header
}

func (a answered) String() string {
	return fmt.Sprintf("%d %q of %q: %.300s", a.status, a.code, a.origin, a.body)
}

// call asks for Alice; header lines replace or add to what every call has.
func (s *stage) call(method, path, body string, headers ...string) answered {
	s.t.Helper()
	return s.do(s.Request(method, path, []byte(body), headers...))
}

func (s *stage) do(r *http.Request) answered {
	s.t.Helper()
	res, err := s.Client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := answered{res.StatusCode, res.Header.Get("Vendgate-Code"), res.Header.Get("Vendgate-Origin"), string(body),
		res.Header}
	for i, secret := range s.secrets() {
		if strings.Contains(got.body+fmt.Sprint(got.header), secret) {
			s.t.Errorf("the caller got secret number %d", i)
		}
	}
	return got
}

// get asks for something of an account.
func (s *stage) get(account, app string) answered {
	s.t.Helper()
	return s.call("GET", "/proxy/"+account+"/"+app+"/x", "")
}

// fine expects a call that reaches the provider once.
func (s *stage) fine(name string, got answered) {
	s.t.Helper()
	if sent := s.up.Got(); got.status != 200 || got.body != "ok" || len(sent) != 1 {
		s.t.Errorf("%s: %s; the provider got %d requests", name, got, len(sent))
	}
}

// refused expects an answer of the gateway's own. The provider must not have been called.
func (s *stage) refused(name string, got answered, status int, code string) {
	s.t.Helper()
	if got.status != status || got.code != code {
		s.t.Errorf("%s: %s, want %d %q", name, got, status, code)
	}
	var envelope struct {
		Status string
		Data   struct{ Code string }
	}
	if err := json.Unmarshal([]byte(got.body), &envelope); err != nil || envelope.Status != "error" ||
		envelope.Data.Code != got.code {
		s.t.Errorf("%s: no envelope: %s", name, got)
	}
	if sent := s.up.Got(); len(sent) > 0 {
		s.t.Errorf("%s: the provider got %d requests", name, len(sent))
	}
}

// through are the calls that went through Pipedream's proxy since the first skip of them: the URLs
// they are for, and the requests.
func (s *stage) through(skip int) (targets []string, requests []*http.Request) {
	s.t.Helper()
	for _, text := range s.pd.Got(pipedream.Proxy)[skip:] {
		r := parse(s.t, text)
		path := strings.Split(r.URL.EscapedPath(), "/")
		target, err := base64.RawURLEncoding.DecodeString(path[len(path)-1])
		if err != nil {
			s.t.Fatal(err)
		}
		targets, requests = append(targets, string(target)), append(requests, r)
	}
	return targets, requests
}

// query is what a call of the proxy names, which no other parameter may join.
func query(account, user string) string {
	return url.Values{"account_id": {account}, "external_user_id": {user}}.Encode()
}
