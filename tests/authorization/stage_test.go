package authorization

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// stage is everything around a gateway: provider, the way to its token endpoint, upstream, and the
// store.
type stage struct {
	t        *testing.T
	provider *provider
	front    *front
	api      *api
	dir      string
	store    *store.Store
}

func newStage(t *testing.T, flags ...string) *stage {
	t.Helper()
	s := &stage{t: t, provider: startProvider(t, flags...), dir: t.TempDir()}
	s.front = newFront(t, s.provider)
	s.api = newAPI(t, s.provider.provides)
	secret := filepath.Join(s.dir, "client-secret")
	if err := os.WriteFile(secret, []byte(s.provider.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	// What the test stores is an hour old, so that a token with little time left is one near its end,
	// and not a short-lived one.
	store, err := store.Open(t.Context(), store.Options{Dir: s.dir, Now: func() time.Time {
		return time.Now().Add(-time.Hour)
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// app configures the app `crm` over the upstream and the provider.
func (s *stage) app() string {
	return fmt.Sprintf(`
	app crm {
		auth_type o_auth
		upstream %s
		oauth2 {
			authorize_url %s/oauth2/auth
			token_url %s/oauth2/token
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	`, s.api.URL, s.provider.URL, s.front.URL)
}

// tenant configures the tenant acme with the key that harness.Gateway.Request sends.
func tenant(t testing.TB) string {
	return "tenant acme {\nkey " + harness.Secret(t, "AUTHORIZATION_TENANT", harness.KeyA) +
		"\ndisplay_name \"Acme Inc.\"\nemail dev@acme.example\nbudget token unlimited\nbudget api unlimited\n}\n"
}

// local configures the source `local`; its options are source's.
func (s *stage) local(source string) string {
	return fmt.Sprintf("data_dir %q\nsource local {\n%s\n}\n%s\noauth_client crm {\nclient_id %s\nclient_secret "+
		"{file.%s/client-secret}\n}\n%s",
		s.dir, source, s.app(), s.provider.ClientID, s.dir, tenant(s.t))
}

// site serves the gateway, the Platform API and the metrics.
const site = "metrics /metrics\nvendgate_proxy\nvendgate_connect"

// proxyOnly is site without the Platform API, for gateways without a store.
const proxyOnly = "metrics /metrics\nvendgate_proxy"

// start runs a gateway in this process. A margin of 5 s leaves a one-minute token alone for 55 s;
// one of 2 m refreshes it at every call.
func (s *stage) start(margin string) *harness.Gateway {
	s.t.Helper()
	return harness.Start(s.t, s.local("margin "+margin), site)
}

// apart runs a gateway over the same data directory in a process of its own.
func (s *stage) apart(source string) (*harness.Gateway, *harness.Process) {
	s.t.Helper()
	return harness.StartApart(s.t, func(g *harness.Gateway) string { return g.Caddyfile(s.local(source), "", site) })
}

// connect stores a grant whose access token ends after lifetime as far as the store knows.
func (s *stage) connect(g tokens, lifetime time.Duration) (id string) {
	s.t.Helper()
	c := connect.Connection{Tenant: "acme", User: harness.Alice, App: "crm", AuthType: vending.OAuth}
	id, err := s.store.ImportConnection(s.t.Context(), c, connect.NewGrant(connect.GrantValues{
		AccessToken: g.Access, RefreshToken: g.Refresh, TokenType: "bearer", Expiry: time.Now().Add(lifetime),
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// expire makes the stored access token look expired, and returns the grant.
func (s *stage) expire(id string) connect.GrantValues {
	s.t.Helper()
	return s.leave(id, -time.Second)
}

// leave makes the stored access token end after left, of a lifetime that began an hour ago, and
// returns the grant.
func (s *stage) leave(id string, left time.Duration) connect.GrantValues {
	s.t.Helper()
	c, grant := s.held(id)
	grant.Expiry = time.Now().Add(left)
	if _, err := s.store.UpdateGrant(s.t.Context(), id, c.Version, connect.NewGrant(grant), false); err != nil {
		s.t.Fatal(err)
	}
	return grant
}

// importBy stores a connection by the program's command, and returns its id.
func (s *stage) importBy(env []string, tenant, config, credential string) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(harness.Run(s.t, env, credential, harness.Program(s.t), "connection", "import",
		"--tenant", tenant, "--user", harness.Alice, "--app", "crm", "--data", s.dir, "--config", file))
}

// held is what the store holds now.
func (s *stage) held(id string) (connect.Connection, connect.GrantValues) {
	s.t.Helper()
	c, g, err := s.store.Grant(s.t.Context(), "acme", harness.Alice, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return c, g.Reveal()
}

// answer is what a caller got.
type answer struct {
	status int
	header http.Header
	body   string
	// code, origin and message are the envelope's, digest is the upstream's; see seen.
	code, origin, message, digest string
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s %s %s", a.status, a.code, a.origin, a.body)
}

// send makes a request and reads the answer. An error answer must be a whole envelope that agrees
// with its headers.
func send(g *harness.Gateway, r *http.Request) (answer, error) {
	res, err := g.Client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	var data struct {
		seen
		Status, Message string
		Data            struct{ Code string }
	}
	if err := json.Unmarshal(body, &data); err != nil {
		return a, fmt.Errorf("%s: %w", a, err)
	}
	a.code, a.origin, a.digest, a.message = data.Data.Code, res.Header.Get("Vendgate-Origin"), data.Digest, data.Message
	if a.status == http.StatusOK {
		return a, nil
	}
	if data.Status != "error" || data.Message == "" || a.code == "" || a.code != res.Header.Get("Vendgate-Code") ||
		a.origin == "" || res.Header.Get("Cache-Control") != "no-store" {
		return a, fmt.Errorf("%s is no envelope, headers %v", a, res.Header)
	}
	return a, nil
}

// get calls the upstream for connection id.
func get(t testing.TB, g *harness.Gateway, id string, headers ...string) answer {
	t.Helper()
	a, err := send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil, headers...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// expect fails the test unless a is want, a status and for errors a code and an origin.
func expect(t testing.TB, what string, a answer, want string) {
	t.Helper()
	if got := strings.TrimSpace(fmt.Sprintf("%d %s %s", a.status, a.code, a.origin)); got != want {
		t.Errorf("%s: answered %s, want %s", what, a, want)
	}
}

// bearer is the digest that the upstream answers for an access token.
func bearer(token string) string { return digest("Bearer " + token) }

// metric reads a series of a gateway; 0 if there is none yet.
func metric(t testing.TB, g *harness.Gateway, series string) int {
	t.Helper()
	res, err := g.Client.Do(g.Request(http.MethodGet, "/metrics", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("reading metrics: %d %v", res.StatusCode, err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	return 0
}

// vends is how many calls have vended from a source, once it is at least want: a call is counted
// when it has ended, a moment after its caller has the answer.
func vends(t testing.TB, g *harness.Gateway, source string, want int) (n int) {
	t.Helper()
	harness.Within(t, fmt.Sprintf("%d vends of %s", want, source), 15*time.Second, func() bool {
		n = metric(t, g, fmt.Sprintf("caddy_vendgate_vend_seconds_count{source=%q}", source))
		return n >= want
	})
	return n
}
