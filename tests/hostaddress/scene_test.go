// Package hostaddress calls apps by host: what names the app there, which path it is of, and that
// nothing else of the request does. What a case claims is read from the bytes that the upstream
// got.
package hostaddress

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, harness.LeakOptions()...)
}

const (
	domain     = "gw.example.com"
	credential = "sk-mine-NEVER"
)

// scene is a gateway that addresses apps by host, before the hosts of the app `key`: its upstream,
// an extra host with the label `files`, and one without a label.
type scene struct {
	*harness.Gateway
	t                *testing.T
	up, files, plain *harness.Upstream
	dir, connection  string
	store            *store.Store
	// key is a caller key for the connection.
	key string
}

func newScene(t *testing.T, more ...string) *scene {
	t.Helper()
	s := prepare(t)
	s.start(more...)
	return s
}

func (s *scene) start(more ...string) {
	s.t.Helper()
	s.Gateway = harness.StartWith(s.t, func(g *harness.Gateway) string {
		return g.Caddyfile(s.vendgate(more...), "servers {\n trace\n}\nmetrics", "log\n"+site)
	})
}

const site = "vendgate_proxy {\n hosts " + domain + " gw.example.org\n}\nvendgate_connect\nvendgate_not_found\n"

// prepare makes all but the gateway.
func prepare(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, dir: filepath.Join(t.TempDir(), "store")}
	for _, up := range []**harness.Upstream{&s.up, &s.files, &s.plain} {
		*up = harness.NewUpstream(t, harness.OK)
	}
	var err error
	if s.store, err = store.Open(t.Context(), store.Options{Dir: s.dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.store.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "dev@acme.example"}); err != nil {
		t.Fatal(err)
	}
	s.connection = s.connect("key", credential)
	s.key = s.mint(s.connection, nil)
	return s
}

func (s *scene) connect(app, value string) string {
	s.t.Helper()
	id, err := s.store.ImportConnection(s.t.Context(),
		connect.Connection{Tenant: "acme", User: harness.Alice, App: app, AuthType: vending.APIKey},
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: value}}}))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *scene) mint(connection string, change func(*connect.CallerKey)) string {
	s.t.Helper()
	k := connect.CallerKey{Tenant: "acme", Connection: connection}
	if change != nil {
		change(&k)
	}
	secret, _, err := s.store.CreateCallerKey(s.t.Context(), k, true)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret.Reveal()
}

// vendgate is the gateway's block: `key` has a base path and other hosts, `bare` has neither, and
// `site` is where the person who connects it says.
func (s *scene) vendgate(more ...string) string {
	const app = "app %s {\n auth_type api_key\n field api_key \"API key\" secret\n header X-Api-Key {api_key}\n " +
		"allow_http\n allow_private 127.0.0.0/8\n upstream http://%s\n %s\n}\n"
	extra := fmt.Sprintf("extra_hosts %s %s\n host_label files %s", s.files.Addr, s.plain.Addr, s.files.Addr)
	return fmt.Sprintf("data_dir %q\nsource local\n", s.dir) + fmt.Sprintf(app, "key", s.up.Addr+"/v1", extra) +
		fmt.Sprintf(app, "bare", s.up.Addr, "") + "tenant acme {\n key " + harness.Secret(s.t, "HOST_TENANT", harness.KeyA) +
		"\n}\n" + strings.Join(more, "\n")
}

// answered is what came back, and what the app's hosts got meanwhile.
type answered struct {
	status           int
	code, body       string
	header           http.Header
	up, files, plain []string
}

// raw sends a request line and lines of a header, byte for byte.
func (s *scene) raw(lines ...string) answered {
	s.t.Helper()
	s.up.Got()
	s.files.Got()
	s.plain.Got()
	text := harness.Raw(s.t, s.Addr, strings.Join(append(lines, "Connection: close"), "\r\n")+"\r\n\r\n")
	method, _, _ := strings.Cut(lines[0], " ")
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%v in the answer %q", err, text)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{res.StatusCode, res.Header.Get("Vendgate-Code"), string(body), res.Header, s.up.Got(), s.files.Got(),
		s.plain.Got()}
}

// get calls a path at a host with the caller key.
func (s *scene) get(host, path string, lines ...string) answered {
	s.t.Helper()
	return s.raw(append([]string{"GET " + path + " HTTP/1.1", "Host: " + host, "Authorization: Bearer " + s.key},
		lines...)...)
}

// mustSend checks that one host, and it alone, got one request of this line with the credential,
// and nothing of the caller's key and of the host by which it came.
func (s *scene) mustSend(a answered, line string, got []string, addr string) {
	s.t.Helper()
	if all := len(a.up) + len(a.files) + len(a.plain); a.status != http.StatusOK || all != 1 || len(got) != 1 {
		s.t.Fatalf("answered %d %s %s, and the hosts got %d, %d and %d requests", a.status, a.code, a.body, len(a.up),
			len(a.files), len(a.plain))
	}
	if want := line + " HTTP/1.1\r\nHost: " + addr + "\r\n"; !strings.HasPrefix(got[0], want) ||
		!strings.Contains(got[0], "X-Api-Key: "+credential+"\r\n") {
		s.t.Errorf("the upstream got %q, want %q and the credential", got[0], want)
	}
	for _, own := range []string{s.key, domain, harness.Alice, "X-Forwarded"} {
		if strings.Contains(got[0], own) {
			s.t.Errorf("the upstream learns %s in %q", own, got[0])
		}
	}
}

// mustRefuse checks that no host got anything.
func (s *scene) mustRefuse(a answered, code vending.Code, within string) {
	s.t.Helper()
	if a.status != code.Status() || a.code != string(code) || len(a.up)+len(a.files)+len(a.plain) > 0 ||
		!strings.Contains(a.body, within) {
		s.t.Errorf("answered %d %s %s, and the hosts got %q %q %q; want %s that says %q", a.status, a.code, a.body, a.up,
			a.files, a.plain, code, within)
	}
}
