package hostaddress

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// TestSpellings: the kinds of case 13, where the host means something.
func TestSpellings(t *testing.T) {
	s := newScene(t)
	for name, host := range map[string]string{
		"plain": "key." + domain, "another domain": "key.gw.example.org", "a port": "key." + domain + ":8443",
		"an empty port":       "key." + domain + ":",
		"the dot of the root": "key." + domain + ".", "dot and port": "key." + domain + ".:443",
		"upper case": "KEY.GW.Example.COM",
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.get(host, "/v1/users/a%2Fb?q=1&&")
			s.mustSend(a, "GET /v1/users/a%2Fb?q=1&&", a.up, s.up.Addr)
		})
	}
	for name, host := range map[string]string{
		"the domain alone": domain, "another name": "key.example.com", "a name that ends alike": "key.x" + domain,
		"two labels":     "a.key." + domain,
		"an empty label": "." + domain, "an invalid port": "key." + domain + ":80x", "two dots": "key." + domain + "..",
		"the domain in front": "key." + domain + ".evil.example",
		"empty":               "", "an address": s.Addr,
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			if a := s.get(host, "/v1/users"); a.status != http.StatusNotFound && a.status != http.StatusBadRequest ||
				len(a.up) > 0 {
				t.Errorf("answered %d %s, and the upstream got %q", a.status, a.body, a.up)
			}
		})
	}
	for name, lines := range map[string][]string{
		"twice":                    {"GET /v1/users HTTP/1.1", "Host: key." + domain, "Host: bare." + domain},
		"absent":                   {"GET /v1/users HTTP/1.1"},
		"absolute form":            {"GET http://key." + domain + "/v1/users HTTP/1.1", "Host: gateway.example"},
		"absolute form, same host": {"GET https://key." + domain + "/v1/users HTTP/1.1", "Host: key." + domain},
		"a name in two headers": {"GET /v1/users HTTP/1.1", "Host: " + domain, "X-Forwarded-Host: key." + domain,
			"Forwarded: host=key." + domain, "X-Original-Host: key." + domain},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.raw(append(lines, "Authorization: Bearer "+s.key)...)
			if a.status < 400 || len(a.up) > 0 {
				t.Errorf("answered %d %s, and the upstream got %q", a.status, a.body, a.up)
			}
		})
	}
}

// TestForwardedHost: the Host alone counts, and what else names hosts stays here.
func TestForwardedHost(t *testing.T) {
	s := newScene(t)
	a := s.get("key."+domain, "/v1/x", "X-Forwarded-Host: bare."+domain, "Forwarded: host=bare."+domain)
	s.mustSend(a, "GET /v1/x", a.up, s.up.Addr)
}

func TestPaths(t *testing.T) {
	s := newScene(t)
	bare := s.mint(s.connect("bare", credential), nil)
	for name, c := range map[string]struct{ host, path, sent string }{
		"the base alone":           {"key", "/v1", "/v1"},
		"the base and a slash":     {"key", "/v1/", "/v1/"},
		"the base twice":           {"key", "/v1/v1/users", "/v1/v1/users"},
		"double slashes":           {"key", "/v1//a///b//", "/v1//a///b//"},
		"spelling":                 {"key", "/v1/%41%7e~!$&'()*+,;=:@-._%20", "/v1/%41%7e~!$&'()*+,;=:@-._%20"},
		"without a base, the root": {"bare", "/", "/"},
		"a path of the gateway's":  {"bare", "/proxy/" + s.connection + "/key/x", "/proxy/" + s.connection + "/key/x"},
		"a page of the gateway's":  {"bare", "/connect/dashboard", "/connect/dashboard"},
		"its api":                  {"bare", "/platform/v1/connections?x", "/platform/v1/connections?x"},
		"a tilde":                  {"bare", "/~user/x", "/~user/x"},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.get(c.host+"."+domain, c.path)
			if c.host == "bare" {
				a = s.raw("GET "+c.path+" HTTP/1.1", "Host: bare."+domain, "Authorization: Bearer "+bare)
			}
			s.mustSend(a, "GET "+c.sent, a.up, s.up.Addr)
		})
	}
	for name, path := range map[string]string{
		"outside of the base": "/v2/users", "a base that begins alike": "/v1x", "the root": "/",
		"the base, spelt otherwise": "/%761/users", "two slashes": "//v1/users",
		"dots": "/v1/../admin", "encoded dots": "/v1/%2e%2e/admin", "dots to the base": "/a/../v1/users",
		"a parameter": "/v1/..;/x", "a backslash": `/v1\x`, "a fragment": "/v1/x#y",
		"a host behind the base": "/v1/~" + s.plain.Addr + "/x", "another host": "/~evil.example/x",
		"a host, spelt otherwise": "/%7e" + s.plain.Addr + "/x",
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.mustRefuse(s.get("key."+domain, path), vending.InvalidRequest, "")
		})
	}
	s.t = t
	s.mustRefuse(s.get("key."+domain, "/v2/users"), vending.InvalidRequest, "begin with /v1")
}

// TestMethods: what is refused by path is refused by host.
func TestMethods(t *testing.T) {
	s := newScene(t)
	for _, line := range []string{"TRACE /v1/x", "TRACK /v1/x", "CONNECT /v1/x", "CONNECT key." + domain + ":443"} {
		s.mustRefuse(s.raw(line+" HTTP/1.1", "Host: key."+domain, "Authorization: Bearer "+s.key), vending.InvalidRequest, "")
	}
}

func TestExtraHosts(t *testing.T) {
	s := newScene(t)
	a := s.get("key--files."+domain, "/v1/files?x=~")
	s.mustSend(a, "GET /v1/files?x=~", a.files, s.files.Addr)
	a = s.get("KEY--Files."+domain+":99", "/~"+s.plain.Addr+"//x")
	s.mustSend(a, "GET /~"+s.plain.Addr+"//x", a.files, s.files.Addr)
	a = s.get("key."+domain, "/~"+s.plain.Addr+"/x")
	s.mustSend(a, "GET /x", a.plain, s.plain.Addr)
	a = s.get("key."+domain, "/~"+s.files.Addr+"/x")
	s.mustSend(a, "GET /x", a.files, s.files.Addr)
}

func TestCallers(t *testing.T) {
	s := newScene(t)
	host := "Host: key." + domain
	bearer := func(key string) string { return "Authorization: Bearer " + key }
	s.mustRefuse(s.raw("GET /v1/x HTTP/1.1", host), vending.InvalidTenantKey, "")
	s.mustRefuse(s.raw("GET /v1/x HTTP/1.1", host, bearer("ck_"+strings.Repeat("x", 43))), vending.InvalidTenantKey, "")
	s.mustRefuse(s.raw("GET /v1/x HTTP/1.1", host, bearer(harness.KeyA), "X-User-Email: "+harness.Alice),
		vending.InvalidRequest, "needs a caller key")
	s.mustRefuse(s.raw("GET /v1/x HTTP/1.1", host, bearer(harness.KeyB)), vending.InvalidTenantKey, "")
	a := s.get("key."+domain, "/v1/x", "X-User-Email: "+harness.Alice)
	s.mustSend(a, "GET /v1/x", a.up, s.up.Addr)
	s.mustRefuse(s.get("key."+domain, "/v1/x", "X-User-Email: "+harness.Bob), vending.ConnectionDeleted, "")
	s.mustRefuse(s.get("bare."+domain, "/v1/x"), vending.AppMismatch, "")

	for _, label := range []string{"nothing", "key--other", "bare--files", "key--", "--files", "key-files",
		"key--files--more", "_key", "xn--key", "ck-" + s.connection} {
		s.mustRefuse(s.get(label+"."+domain, "/v1/x"), vending.UnknownApp, "")
		// Nobody learns without a key which apps there are.
		s.mustRefuse(s.raw("GET /v1/x HTTP/1.1", "Host: "+label+"."+domain), vending.InvalidTenantKey, "")
	}
}

// TestRules: a key's paths are those behind the base path, however the app is addressed.
func TestRules(t *testing.T) {
	s := newScene(t)
	s.key = s.mint(s.connection, func(k *connect.CallerKey) {
		k.Paths = []string{"/users/**", "/~" + s.files.Addr + "/v1/**"}
	})
	for _, host := range []string{"key." + domain, "KEY." + domain + ".:1"} {
		a := s.get(host, "/v1/users/1")
		s.mustSend(a, "GET /v1/users/1", a.up, s.up.Addr)
		s.mustRefuse(s.get(host, "/v1/admin"), vending.PolicyDenied, "")
		s.mustRefuse(s.get(host, "/v1/v1/users/1"), vending.PolicyDenied, "")
		s.mustRefuse(s.get(host, "/~"+s.files.Addr+"/users/1"), vending.PolicyDenied, "")
	}
	a := s.get("key--files."+domain, "/v1/x")
	s.mustSend(a, "GET /v1/x", a.files, s.files.Addr)
	s.mustRefuse(s.get("key--files."+domain, "/users/1"), vending.PolicyDenied, "")
}

// TestOtherNames: at its other names the gateway serves what it did.
func TestOtherNames(t *testing.T) {
	s := newScene(t)
	a := s.get(domain, "/proxy/"+s.connection+"/key/x")
	s.mustSend(a, "GET /v1/x", a.up, s.up.Addr)
	s.mustRefuse(s.get(domain, "/v1/x"), vending.NotFound, "")
	if a := s.get(domain, "/connect/dashboard"); a.status != http.StatusSeeOther {
		t.Errorf("the dashboard is answered by %d", a.status)
	}
}

// TestErrors: errors of the gateway's own are envelopes there, too.
func TestErrors(t *testing.T) {
	s := newScene(t)
	a := s.raw("GET /v1/x HTTP/1.1", "Host: nothing."+domain, "Authorization: Bearer "+s.key)
	if !strings.Contains(a.body, `"type":"vendgate_error"`) || !strings.Contains(a.body, `"code":"unknown_app"`) ||
		a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", a.header, a.body)
	}
	a = s.raw("GET /v1/x HTTP/1.1", "Host: key."+domain)
	if a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("a 401 without a challenge: %v", a.header)
	}
}
