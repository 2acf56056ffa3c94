// Package callerkey attacks a gateway by caller keys: whoever holds one must reach its one
// connection, as far as the key permits it, and nothing else in any way. What a case claims is read
// from the bytes that the upstream got, or did not get.
package callerkey

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) {
	cleanup := goleak.Cleanup(func(code int) {
		harness.RemoveBuilds()
		os.Exit(code)
	})
	goleak.VerifyTestMain(m, append(harness.LeakOptions(), cleanup)...)
}

// scene is a gateway over a store, with a provider that keeps what it gets.
type scene struct {
	*harness.Gateway
	t     *testing.T
	up    *harness.Upstream
	dir   string
	store *store.Store
	// mine is the connection that keys are for; the others must never be reached by them.
	mine, second, bobs, evils string
}

// credentials are what the provider would get for each connection.
const mineCredential, secondCredential, bobsCredential, evilsCredential, staticCredential = "sk-mine-NEVER",
	"sk-second-NEVER", "sk-bobs-NEVER", "sk-evil-NEVER", "sk-static-NEVER"

// apps are two over the same provider.
func apps(addr string) (text string) {
	for _, slug := range []string{"key", "other"} {
		text += fmt.Sprintf("app %s {\n auth_type api_key\n upstream http://%s\n field api_key \"API key\" secret\n "+
			"header X-Api-Key {api_key}\n allow_http\n allow_private 127.0.0.0/8\n}\n", slug, addr)
	}
	_, other, _ := strings.Cut(text, "app other ")
	for slug, options := range map[string]string{"xml": "errors passthrough\nerror_form aws_xml",
		"bot": "error_form telegram"} {
		text += "app " + slug + " " + strings.Replace(other, "\n}\n", "\n"+options+"\n}\n", 1)
	}
	return text
}

// newScene starts a gateway; options say more about tenant acme and the rest.
func newScene(t *testing.T, acme string, options ...string) *scene {
	t.Helper()
	s := &scene{t: t, up: harness.NewUpstream(t, harness.OK), dir: filepath.Join(t.TempDir(), "store")}
	var err error
	if s.store, err = store.Open(t.Context(), store.Options{Dir: s.dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, id := range []string{"acme", "evil"} {
		if _, err := s.store.CreateTenant(t.Context(), connect.Tenant{ID: id, Email: "dev@" + id + ".example"}); err != nil {
			t.Fatal(err)
		}
	}
	s.mine, s.second = s.connection("acme", harness.Alice, mineCredential), s.connection("acme", harness.Alice,
		secondCredential)
	s.bobs, s.evils = s.connection("acme", harness.Bob, bobsCredential), s.connection("evil", harness.Alice,
		evilsCredential)
	s.Gateway = harness.StartWith(t, func(g *harness.Gateway) string { return s.config(g, acme, options...) })
	return s
}

// config logs all there is, with the request trace.
func (s *scene) config(g *harness.Gateway, acme string, options ...string) string {
	static := "source static {\n connection c1 {\n tenant acme\n app key\n field api_key " + harness.Secret(s.t,
		"CK_STATIC", staticCredential) + "\n}\n}\n"
	vendgate := fmt.Sprintf("data_dir %q\nsource local\ndefault_source local\n%s%s\ntenant acme {\n%s\n}\n%s", s.dir,
		static, apps(s.up.Addr), acme, strings.Join(options, "\n"))
	return g.Caddyfile(vendgate, "servers {\n trace\n}\nmetrics",
		"log\nlog_append id {vendgate.caller_key}\nroute {\n metrics /metrics\n vendgate_proxy\n vendgate_connect\n}\n")
}

func (s *scene) connection(tenant, user, credential string) string {
	s.t.Helper()
	id, err := s.store.ImportConnection(s.t.Context(),
		connect.Connection{Tenant: tenant, User: user, App: "key", AuthType: vending.APIKey},
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: credential}}}))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// mint makes a caller key for mine, as change has it.
func (s *scene) mint(change func(*connect.CallerKey)) (key, id string) {
	s.t.Helper()
	k := connect.CallerKey{Tenant: "acme", Connection: s.mine}
	if change != nil {
		change(&k)
	}
	secret, made, err := s.store.CreateCallerKey(s.t.Context(), k, k.User == "")
	if err != nil {
		s.t.Fatal(err)
	}
	return secret.Reveal(), made.ID
}

// answered is what came back, and what the provider got meanwhile.
type answered struct {
	status     int
	code, body string
	retryAfter string
	sent       []string
}

// raw sends lines of a request, byte for byte, with Host and without a body unless they have one.
func (s *scene) raw(lines ...string) answered {
	s.t.Helper()
	s.up.Got()
	method, _, _ := strings.Cut(lines[0], " ")
	lines = slices.Insert(lines, 1, "Host: "+s.Addr, "Connection: close")
	text := harness.Raw(s.t, s.Addr, strings.Join(lines, "\r\n")+"\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%v in the answer %q", err, text)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{res.StatusCode, res.Header.Get("Vendgate-Code"), string(body), res.Header.Get("Retry-After"),
		s.up.Got()}
}

// get calls a path with a key as bearer token.
func (s *scene) get(path, key string, lines ...string) answered {
	s.t.Helper()
	return s.raw(append([]string{"GET " + path + " HTTP/1.1", bearer(key)}, lines...)...)
}

// mustPass checks that a call was forwarded with the credential of mine and with nothing of the
// key.
func (s *scene) mustPass(a answered, key string) {
	s.t.Helper()
	if a.status != http.StatusOK || len(a.sent) != 1 || !strings.Contains(a.sent[0], "X-Api-Key: "+mineCredential+"\r\n") {
		s.t.Errorf("answered %d %s, and the provider got %d requests; want one with the credential", a.status, a.code,
			len(a.sent))
	}
	for _, request := range a.sent {
		s.checkClean("what the provider got", request, key)
		for _, line := range []string{"authorization:", "x-vendgate-key:", "x-user-email:", "x-external-user-id:",
			strings.ToLower(harness.Alice), "acme"} {
			if strings.Contains(strings.ToLower(request), line) {
				s.t.Errorf("the provider learns %s", line)
			}
		}
	}
}

// mustRefuse checks that a call was answered by us and reached no provider.
func (s *scene) mustRefuse(a answered, status int, code vending.Code, key string) {
	s.t.Helper()
	if a.status != status || a.code != string(code) || len(a.sent) != 0 {
		s.t.Errorf("answered %d %s, and the provider got %d requests; want %d %s and none", a.status, a.code, len(a.sent),
			status, code)
	}
	s.checkClean("the answer", a.body, key)
	for _, secret := range []string{s.second, s.bobs, s.evils, harness.Bob} {
		if strings.Contains(a.body, secret) {
			s.t.Error("the answer says more than that it is refused")
		}
	}
}

// checkClean looks for a key in every form in which it was sent.
func (s *scene) checkClean(where, text, key string) {
	s.t.Helper()
	random := strings.TrimPrefix(key, "ck_")
	encoded := base64.StdEncoding.EncodeToString([]byte(key + ":"))
	for _, form := range []string{random, strings.ToUpper(random), encoded[:len(encoded)-8]} {
		if form != "" && strings.Contains(text, form) {
			s.t.Errorf("the key stands in %s", where)
		}
	}
}

func bearer(key string) string { return "Authorization: Bearer " + key }

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// pipeline sends a request for mine and, on the same TCP connection and with the same key, one for
// another connection.
func (s *scene) pipeline(key string) string {
	s.t.Helper()
	request := func(connection, end string) string {
		return "GET /proxy/" + connection + "/key/x HTTP/1.1\r\nHost: " + s.Addr + "\r\n" + bearer(key) + "\r\n" + end +
			"\r\n"
	}
	return harness.Raw(s.t, s.Addr, request(s.mine, "")+request(s.second, "Connection: close\r\n"))
}

// checkFiles looks for a key in the store's files.
func (s *scene) checkFiles(key string) {
	s.t.Helper()
	files := 0
	err := filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := os.ReadFile(name)
		s.checkClean(filepath.Base(name), string(raw), key)
		return err
	})
	if err != nil || files < 2 {
		s.t.Fatalf("the store has %d files, %v", files, err)
	}
}
