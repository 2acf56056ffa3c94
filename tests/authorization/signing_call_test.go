package authorization

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// call sends a request to the app `legacy` whose target is target byte for byte.
func (o *signingOffice) call(t *testing.T, id, method, target, contentType, body string) answer {
	t.Helper()
	return signedCall(t, o.Gateway, id, method, target, contentType, body)
}

func signedCall(t *testing.T, g *harness.Gateway, id, method, target, contentType, body string,
	headers ...string) answer {
	t.Helper()
	if contentType != "" {
		headers = append(headers, "Content-Type: "+contentType)
	}
	r := g.Request(method, "/", []byte(body), headers...)
	path, query, asked := strings.Cut(target, "?")
	r.URL = &url.URL{Scheme: "http", Host: g.Addr, Opaque: "/proxy/" + id + "/legacy" + path, RawQuery: query,
		ForceQuery: asked}
	a, err := send(g, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const form = "application/x-www-form-urlencoded"

// TestSignedCalls has a verifier that none of us wrote judge the signatures of calls in all
// spellings.
func TestSignedCalls(t *testing.T) {
	o := newSigningOffice(t, site)
	id := o.authorized()
	for name, c := range map[string]struct{ method, target, contentType, body, wire string }{
		"plain":                 {"GET", "/me", "", "", ""},
		"query":                 {"GET", "/items?b=2&a=1", "", "", ""},
		"a name more than once": {"GET", "/items?a=2&a=10&a=&a-=3&a=1", "", "", ""},
		"plus and spaces":       {"GET", "/items?q=a+b&r=a%20b&s=a%2Bb", "", "", "/items?q=a%20b&r=a%20b&s=a%2Bb"},
		"empty pairs":           {"GET", "/items?&&a=1&&b=2&", "", "", "/items?a=1&b=2"},
		"without values":        {"GET", "/items?a&b=&c==&d=e=f", "", "", ""},
		"a question mark":       {"GET", "/items?", "", "", ""},
		"escapes in lower case": {"GET", "/items?q=%c3%a9%2f%e2%82%ac", "", "", ""},
		"needless escapes":      {"GET", "/items?%61=%7E%2D%2e", "", "", ""},
		"reserved characters":   {"GET", "/items?q=(a)*'!~,:@/?$", "", "", ""},
		"odd path":              {"GET", "/%6Fdd/a%2Fb;p=1,2/(x)!*'~/b%20c//d/", "", "", ""},
		"non-ASCII path":        {"GET", "/caf%C3%A9/%E2%82%AC", "", "", ""},
		"non-ASCII path, raw":   {"GET", "/café", "", "", ""},
		"form":                  {"POST", "/items?x=1", form, "a=1&b=two", ""},
		"form with a charset":   {"POST", "/items", form + "; charset=UTF-8", "a=1", ""},
		"form in all spellings": {"POST", "/items?a=0&a=+", form, "a=2&a=10&b=+x%2B%20&c&d=%C3%A9%e2%82%ac&=e&&",
			"/items?a=0&a=%20"},
		"form by PUT":            {"PUT", "/items/1", form, "a=1&b=%0D%0A", ""},
		"form by PATCH":          {"PATCH", "/items/1", form, "a=1", ""},
		"form by DELETE":         {"DELETE", "/items/1", form, "a=1", ""},
		"large form":             {"POST", "/items", form, "a=" + strings.Repeat("x", 200<<10), ""},
		"empty form":             {"POST", "/items", form, "", ""},
		"JSON":                   {"POST", "/items?a=1", "application/json", `{"oauth_token":"é"}`, ""},
		"multipart":              {"POST", "/items", "multipart/form-data; boundary=x", "--x\r\n\r\na=1\r\n--x--", ""},
		"bytes without a type":   {"PUT", "/items", "", "\x00\xff oauth_token=1", ""},
		"DELETE without a body":  {"DELETE", "/items/1?force=true", "", "", ""},
		"a parameter named like": {"GET", "/items?oauth=1&xoauth_token=2&token=3", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := o.call(t, id, c.method, c.target, c.contentType, c.body)
			if expect(t, "the call", a, "200"); a.status != http.StatusOK {
				return
			}
			var seen struct {
				User, Method, Target string
				Body                 string `json:"body_sha256"`
			}
			if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(c.body))
			want := c.wire
			if want == "" {
				want = c.target
			}
			if seen.User != harness.Alice || seen.Method != c.method || seen.Target != "/api"+want ||
				seen.Body != hex.EncodeToString(sum[:]) {
				t.Errorf("the API got %+v", seen)
			}
		})
	}
}

// TestUnsignableCalls are refused before anything is sent.
func TestUnsignableCalls(t *testing.T) {
	o := newSigningOffice(t, site)
	id := o.authorized()
	for name, c := range map[string]struct{ target, contentType, body, want string }{
		"a signature of the caller's":      {"/me?oauth_signature=x", "", "", "400 invalid_request gateway"},
		"a token of the caller's":          {"/me?a=1&oauth%5ftoken=x", "", "", "400 invalid_request gateway"},
		"in the form":                      {"/me", form, "oauth_nonce=1", "400 invalid_request gateway"},
		"a query that reads in many ways":  {"/me?a=1;b=2", "", "", "400 invalid_request gateway"},
		"a form that reads in many ways":   {"/me", form, "a=%zz", "400 invalid_request gateway"},
		"a form that is too large to hold": {"/me", form, "a=" + strings.Repeat("x", 1<<20), "413 request_too_large gateway"},
	} {
		expect(t, name, o.call(t, id, http.MethodPost, c.target, c.contentType, c.body), c.want)
	}
	own := signedCall(t, o.Gateway, id, http.MethodGet, "/me", "", "", "X-Vendgate-Key: "+harness.KeyA,
		`Authorization: OAuth oauth_token="x", oauth_signature="y"`)
	expect(t, "an Authorization of the caller's own, which goes", own, "200")
	later := signedCall(t, o.Gateway, id, http.MethodPost, "/me", form, "a=1", "Expect: 100-continue")
	expect(t, "a form that waits to be asked for", later, "200")
}

// TestSignedChain vends the four values over HTTP from a gateway that imported two of them, and
// from the configuration alone.
func TestSignedChain(t *testing.T) {
	p := startSigningProvider(t)
	s := newStage(t)
	back, _ := harness.StartApart(t, func(g *harness.Gateway) string {
		return g.Caddyfile(s.local("margin 5s")+p.app()+p.client(), "", site)
	})
	config := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(config, []byte(back.Caddyfile(s.local("margin 5s")+p.app()+p.client(), "", site)),
		0o600); err != nil {
		t.Fatal(err)
	}
	imported := func(credential string) string {
		return strings.TrimSpace(harness.Run(t, harness.Environ(t), credential, harness.Program(t), "connection", "import",
			"--tenant", "acme", "--user", harness.Alice, "--app", "legacy", "--data", s.dir, "--config", config))
	}
	one, two := p.grant("one"), p.grant("two")
	byClient := imported(fmt.Sprintf(`{"oauth_token":%q,"oauth_token_secret":%q}`, one.Token, one.Secret))
	byOther := imported(fmt.Sprintf(
		`{"oauth_token":%q,"oauth_token_secret":%q,"consumer_key":"OtherClientOfOtherTenant","consumer_secret":"x"}`,
		two.Token, two.Secret))
	byStated := imported(fmt.Sprintf(`{"oauth_token":%q,"oauth_token_secret":%q,"consumer_key":%q,"consumer_secret":%q}`,
		two.Token, two.Secret, p.ClientKey, p.ClientSecret))

	static := fmt.Sprintf("source static {\nconnection fixed {\ntenant acme\nuser *\napp legacy\nfield consumer_key "+
		"%s\nfield consumer_secret %s\nfield oauth_token %s\nfield oauth_token_secret %s\n}\n}\n",
		p.ClientKey, harness.Secret(t, "AUTHORIZATION_CONSUMER", p.ClientSecret), harness.Secret(t,
			"AUTHORIZATION_OAUTH1_TOKEN", one.Token), harness.Secret(t, "AUTHORIZATION_OAUTH1_SECRET", one.Secret))
	platform := fmt.Sprintf("source platform {\nurl %s/platform/v1\nkey %s\nallow_http\nallow_private 127.0.0.0/8\n}\n",
		back.URL, harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
	user := func(a answer) string {
		_, rest, _ := strings.Cut(a.body, `"user": "`)
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	for name, c := range map[string]struct {
		source, id, want, user string
	}{
		"the tenant's client":    {platform, byClient, "200", "one"},
		"the connection's own":   {platform, byStated, "200", "two"},
		"a client that is wrong": {platform, byOther, "401 needs_reconnection upstream", ""},
		"the configuration":      {static, "fixed", "200", "one"},
	} {
		t.Run(name, func(t *testing.T) {
			g := harness.Start(t, c.source+p.app()+tenant(t), proxyOnly)
			a := signedCall(t, g, c.id, http.MethodPost, "/items?a=1", form, "b=+2")
			if expect(t, "a call", a, c.want); user(a) != c.user {
				t.Errorf("the API answered %s", a)
			}
		})
	}
}

// TestChainOfSharedClient: the secret of a client that all tenants share signs at its own gateway,
// and is not told to another one. That is nothing that an end user could mend by connecting again.
func TestChainOfSharedClient(t *testing.T) {
	p := startSigningProvider(t)
	s := newStage(t)
	shared := strings.Replace(p.client(), "tenant acme\n", "", 1)
	var config string
	back, _ := harness.StartApart(t, func(g *harness.Gateway) string {
		config = g.Caddyfile(s.local("margin 5s")+p.app()+shared, "", site)
		return config
	})
	file := filepath.Join(t.TempDir(), "Caddyfile")
	s.write(file, config)
	one := p.grant("one")
	id := strings.TrimSpace(harness.Run(t, harness.Environ(t),
		fmt.Sprintf(`{"oauth_token":%q,"oauth_token_secret":%q}`, one.Token, one.Secret), harness.Program(t),
		"connection", "import", "--tenant", "acme", "--user", harness.Alice, "--app", "legacy", "--data", s.dir, "--config",
		file))
	expect(t, "a call through the gateway that has the client", signedCall(t, back, id, http.MethodGet, "/me", "", ""),
		"200")

	platform := fmt.Sprintf("source platform {\nurl %s/platform/v1\nkey %s\nallow_http\nallow_private 127.0.0.0/8\n}\n",
		back.URL, harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
	front := harness.Start(t, platform+p.app()+tenant(t), proxyOnly)
	a := signedCall(t, front, id, http.MethodGet, "/me", "", "")
	if expect(t, "a call through another one", a, "500 internal_error gateway"); !strings.Contains(a.message,
		`"consumer_secret"`) {
		t.Errorf("the caller reads %q", a.message)
	}
}
