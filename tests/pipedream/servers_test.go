package pipedream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/pipedream"
)

// TestOtherServer: an account's token never goes to a server other than the account's, neither
// directly nor by the proxy, and the log says what to write.
func TestOtherServer(t *testing.T) {
	s := newStage(t, options(), "app key key api_url=-")
	for _, field := range []string{"base_api_url", "base_url", "instance_url", "domain", "host", "subdomain", "api_url",
		"endpoint"} {
		for _, value := range []string{"gitlab.field-canary-6608.example", "https://GitLab.field-canary-6608.example:8443/x",
			s.origin + "@field-canary-6608.example"} {
			s.pd.Put(pipedream.OAuth("apn_own", harness.Alice, "chat", oauthToken).Behind(s.origin).Set("credentials."+field,
				value))
			s.pd.Put(pipedream.OAuth("apn_back", harness.Alice, "chat",
				oauthToken).Behind(s.origin).Drop("credentials.oauth_access_token").Set("credentials."+field, value))
			for _, account := range []string{"apn_own", "apn_back"} {
				s.refused(account+" "+field+" "+value, s.get(account, "chat"), 500, "internal_error")
			}
			if !strings.Contains(s.Log(), field+"=FIELD in the source") {
				t.Errorf("%s: the log does not say what to write", field)
			}
		}
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
	s.pd.Put(pipedream.Keys("apn_said", harness.Alice, "key", "api_key", apiKey, "api_url",
		"https://field-canary-6609.example").Behind(s.origin))
	s.fine("a field that says nothing of calls", s.get("apn_said", "key"))
}

// putDesk connects an account that Pipedream keeps back, of the app with a slot in its host.
func (s *stage) putDesk(base string) {
	s.pd.Put(pipedream.OAuth("apn_desk", harness.Alice, "desk", hidden).Behind(s.origin).Dynamic(base).Drop("credentials"))
}

// TestRelativeTargets: where Pipedream's own target URL holds placeholders, its proxy gets a path
// alone, and the call goes to the account's own host.
func TestRelativeTargets(t *testing.T) {
	s := newStage(t, options())
	s.putDesk("https://{{custom_fields.subdomain}}.desk.example")
	s.up.Answer(func(string) string {
		return "HTTP/1.1 200 OK\r\nLink: <https://acme.desk.example/base/x?page=2>; rel=\"next\", " +
			"<https://desk.example.evil.example/base/x>; rel=\"prev\"\r\n" +
			"Location: /base/made\r\nContent-Length: 2\r\n\r\nok"
	})
	got := s.call("POST", "/proxy/apn_desk/desk/a%2Fb;c?q=%7e&q=a+b", "body")
	sent := s.up.Got()
	if got.status != 200 || len(sent) != 1 || !strings.HasPrefix(sent[0], "POST /base/a%2Fb;c?q=%7e&q=a+b HTTP/1.1\r\n") ||
		!strings.Contains(sent[0], "\r\nAuthorization: Bearer "+hidden+"\r\n") {
		t.Fatalf("%s; the provider got %q", got, sent)
	}
	if targets, _ := s.through(0); len(targets) != 1 || targets[0] != "/base/a%2Fb;c?q=%7e&q=a+b" {
		t.Errorf("through the proxy: %q", targets)
	}
	link := fmt.Sprintf(`<%s/proxy/apn_desk/desk/x?page=2>; rel="next", <https://desk.example.evil.example/base/x>; `+
		`rel="prev"`, s.URL)
	if got.header.Get("Link") != link || got.header.Get("Location") != "/proxy/apn_desk/desk/made" {
		t.Errorf("links %q", got.header)
	}
	// An app at a fixed host, whose accounts may be elsewhere (GitLab).
	s.up.Answer(harness.OK)
	s.pd.Put(s.sealedAccount().Dynamic("https://{{custom_fields.base_api_url}}", "gitlab.com"))
	s.fine("at a fixed host", s.get(sealed, "chat"))
}

// TestRelativeTargetsRefused: a path cannot become a host, and what the proxy calls elsewhere is
// not sent.
func TestRelativeTargetsRefused(t *testing.T) {
	s := newStage(t, options())
	for name, c := range map[string]struct {
		base, path string
		status     int
		code       string
	}{
		"another host": {"https://{{custom_fields.subdomain}}.evil.example", "/x", 500, "internal_error"},
		"a host within": {"https://{{custom_fields.subdomain}}.desk.example.evil.example", "/x", 500,
			"internal_error"},
		"an extra host": {"https://{{custom_fields.subdomain}}.desk.example", "/~files.desk.example/x", 500,
			"internal_error"},
		"two slashes": {"https://{{custom_fields.subdomain}}.desk.example/base", "//evil.example/x", 400,
			"invalid_request"},
		"an encoded slash": {"https://{{custom_fields.subdomain}}.desk.example/base", "/%2Fevil.example/x", 400,
			"invalid_request"},
		"no base, so no host": {"https://acme.desk.example", "/x", 500, "internal_error"},
		"a placeholder of ours": {"https://{{custom_fields.subdomain}}.desk.example", "/x?a=%7B%7Boauth_access_token%7D%7D",
			400, "invalid_request"},
		"a placeholder of paths": {"https://acme.desk.example/{{custom_fields.x}}", "/x", 500, "internal_error"},
	} {
		s.putDesk(c.base)
		s.refused(name, s.do(rawRequest(s, "/proxy/apn_desk/desk"+c.path)), c.status, c.code)
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
}

// TestProxyHonoured: what the account says of the proxy counts before anything is sent, and the
// proxy's own errors are not the provider's.
func TestProxyHonoured(t *testing.T) {
	s := newStage(t, options())
	for name, account := range map[string]*pipedream.Account{
		"not served": s.sealedAccount().Unproxied(),
		"no domain": s.sealedAccount().Set("app.connect.allowed_domains",
			[]string{}).Set("app.connect.base_proxy_target_url", nil),
		"another domain": s.sealedAccount().Set("app.connect.allowed_domains",
			[]string{"a.example"}).Set("app.connect.base_proxy_target_url", "https://a.example"),
	} {
		s.pd.Put(account)
		s.refused(name, s.get(sealed, "chat"), 500, "internal_error")
	}
	if n := len(s.pd.Got(pipedream.Proxy)); n > 0 {
		t.Errorf("%d calls went through the proxy", n)
	}
	s.pd.Put(s.sealedAccount())
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"error":{"account":["account and user mismatch"]}}`: {404, "connection_deleted"},
		`{"error":{"domain":["not allowed for this app"]}}`:   {500, "internal_error"},
		`{"domain":["not allowed for this app"]}`:             {500, "internal_error"},
		`{"error":"App record not found"}`:                    {500, "internal_error"},
		`{"error":"Unsupported header"}`:                      {500, "internal_error"},
	} {
		s.pd.Fail(pipedream.Proxy, 1, pipedream.Answer(400, "application/json", body))
		got := s.get(sealed, "chat")
		if s.refused(body, got, want.status, want.code); got.origin != "vending" {
			t.Errorf("%s: origin %q", body, got.origin)
		}
	}
	s.fine("afterwards", s.get(sealed, "chat"))
}

// TestNobodyFound: a project or environment without anybody is said in the log, once.
func TestNobodyFound(t *testing.T) {
	o := options()
	o.Environment = "production"
	s := newStage(t, o) // the gateway asks for development
	for range 3 {
		s.refused("invisible", s.get(opened, "chat"), 404, "connection_deleted")
	}
	const line = "pipedream has found no account so far"
	if log := s.Log(); strings.Count(log, line) != 1 || !strings.Contains(log, `"environment":"development"`) ||
		!strings.Contains(log, `"project":"proj_1"`) {
		t.Errorf("%d lines", strings.Count(log, line))
	}
}

// TestValueForms: what Pipedream has in no form that can be placed is the operator's to correct:
// connecting again brings the same.
func TestValueForms(t *testing.T) {
	s := newStage(t, options())
	for _, value := range []string{"https://field-canary-6610.evil.example", "a.field-canary-6611", "field canary 6612"} {
		s.pd.Put(pipedream.OAuth("apn_desk", harness.Alice, "desk", oauthToken).Set("credentials.subdomain", value))
		s.refused(value, s.get("apn_desk", "desk"), 500, "internal_error")
	}
	if log := s.Log(); !strings.Contains(log, "app desk NAME_SLUG THEIR_FIELD=subdomain") {
		t.Error("the log does not say what to write")
	}
}
