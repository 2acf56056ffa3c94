package platform_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/platform"
)

// The credentials of alice's connections.
const (
	token  = "ya29-canary-7701"
	apiKey = "sk-canary-7702"
)

// stage is a gateway whose source is the stand-in, and a provider behind both.
type stage struct {
	*harness.Gateway
	api *platform.StandIn
	up  *harness.Upstream
}

// newStage has a tenant key with the capabilities, and two connections of alice's: `chat` by OAuth
// and `key`, each of the app of that name.
func newStage(t *testing.T, style platform.Style, capabilities ...string) *stage {
	t.Helper()
	s := &stage{api: platform.New(t), up: harness.NewUpstream(t, harness.OK)}
	s.api.Style = style
	s.api.Keys[harness.KeyB] = platform.Key{Tenant: "acme", Capabilities: capabilities}
	s.put("chat", platform.AppObject("66f0a1", nil), platform.OAuth(token, nil))
	s.put("key", platform.AppObject("66f0a2", "key"), platform.Fields("api_key", map[string]any{
		"api_key": apiKey, "organization": nil, "scopes": []string{"all"}, "meta": map[string]any{"version": 2},
	}))
	server := httptest.NewServer(s.api)
	t.Cleanup(server.Close)
	s.Gateway = harness.Start(t, s.config(t, server.URL), "log\nvendgate_proxy")
	return s
}

func (s *stage) put(id string, app, token any) {
	s.api.Connections[id] = platform.Connection{Tenant: "acme", User: harness.Alice, App: app, Status: "active",
		Token: token}
}

func (s *stage) config(t *testing.T, url string) string {
	return fmt.Sprintf(`
	app chat {
		auth_type o_auth
		upstream http://%[1]s
		oauth2 {
			authorize_url https://provider.example/authorize
			token_url https://provider.example/token
		}
		allow_http
		allow_private 127.0.0.0/8
	}
	app key {
		auth_type api_key
		upstream http://%[1]s
		field api_key secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
	source platform {
		url %[2]s/platform/v1
		key %[3]s
		alias 66f0a1 chat
		allow_http
		allow_private 127.0.0.0/8
	}
	tenant acme {
		key %[4]s
	}`, s.up.Addr, url, harness.Secret(t, "PLATFORM_KEY", harness.KeyB),
		harness.Secret(t, "PLATFORM_TENANT", harness.KeyA))
}

// call calls app by a connection of alice's and returns status, code and what the provider got.
func (s *stage) call(t *testing.T, connection, app string) (status int, code, got string) {
	t.Helper()
	res, err := s.Client.Do(s.Request(http.MethodGet, "/proxy/"+connection+"/"+app+"/x", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{token, apiKey, harness.KeyB} {
		if strings.Contains(string(body), secret) || strings.Contains(s.Log(), secret) {
			t.Errorf("%s got out", secret)
		}
	}
	return res.StatusCode, res.Header.Get("Vendgate-Code"), strings.Join(s.up.Got(), "")
}

// carries asserts that a call was answered by the provider, which got the header line.
func (s *stage) carries(t *testing.T, connection, app, line string) {
	t.Helper()
	if status, code, got := s.call(t, connection, app); status != 200 || !strings.Contains(got, "\r\n"+line+"\r\n") {
		t.Errorf("%s: %d %s, and the provider got %q", connection, status, code, got)
	}
}

// refuses asserts that a call was refused, and that the provider got nothing.
func (s *stage) refuses(t *testing.T, connection, app string, want int, wantCode string) {
	t.Helper()
	if status, code, got := s.call(t, connection, app); status != want || code != wantCode || got != "" {
		t.Errorf("%s for %s: %d %s, want %d %s; the provider got %q", connection, app, status, code, want, wantCode, got)
	}
}

// TestStyles: the gateway works with every form that the guide leaves open, with a key of all
// capabilities and with one of `token` alone.
func TestStyles(t *testing.T) {
	for name, style := range platform.Styles() {
		for keys, capabilities := range map[string][]string{"all": {"apps", "connections", "token", "delete"},
			"token": {"token"}} {
			t.Run(name+"/"+keys, func(t *testing.T) {
				s := newStage(t, style, capabilities...)
				s.carries(t, "chat", "chat", "Authorization: Bearer "+token)
				s.carries(t, "key", "key", "X-Api-Key: "+apiKey)
				s.refuses(t, "key", "chat", 400, "app_mismatch")
				s.refuses(t, "chat", "key", 400, "app_mismatch")
				s.refuses(t, "none", "key", 404, "connection_deleted")
			})
		}
	}
}

// TestTokenBudget: a key of `token` alone does not draw on the budget for other calls with each
// vend.
func TestTokenBudget(t *testing.T) {
	s := newStage(t, platform.Style{}, "token")
	s.carries(t, "chat", "chat", "Authorization: Bearer "+token)
	s.api.Calls()
	for range 3 {
		s.carries(t, "chat", "chat", "Authorization: Bearer "+token)
	}
	if got := strings.Join(s.api.Calls(),
		", "); got != strings.TrimSuffix(strings.Repeat("POST /platform/v1/connections/chat/token, ", 3), ", ") {
		t.Errorf("calls: %s", got)
	}
	if !strings.Contains(s.Log(), "may not read connections") {
		t.Error("the operator was not told that apps are not checked")
	}
}

// TestTries: only 503 and a cut connection are asked again.
func TestTries(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		tries  int
		status int
		code   string
	}{
		"503": {answer(503, `{"status":"error","data":{"code":"upstream_unavailable"}}`), 3, 503,
			"upstream_unavailable"},
		"500":               {answer(500, `{"status":"error","data":null}`), 1, 503, "upstream_unavailable"},
		"HTML":              {answer(200, "<html>"), 1, 503, "upstream_unavailable"},
		"unknown auth_type": {answer(200, `{"data":{"auth_type":"oauth2","access_token":"x"}}`), 1, 500, "internal_error"},
		"error under 200": {answer(200, `{"status":"error","data":{"code":"needs_reconnection"}}`), 1, 401,
			"needs_reconnection"},
		"cut": {cut, 3, 503, "upstream_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, platform.Style{}, "token", "connections")
			s.carries(t, "chat", "chat", "Authorization: Bearer "+token)
			s.api.Calls()
			s.api.Fail(tt.answer)
			s.refuses(t, "chat", "chat", tt.status, tt.code)
			// net/http sends a call again, once, whose kept connection was closed before an answer.
			if got := len(s.api.Calls()); got != tt.tries && (name != "cut" || got < tt.tries) {
				t.Errorf("%d token calls, want %d", got, tt.tries)
			}
		})
	}
}
