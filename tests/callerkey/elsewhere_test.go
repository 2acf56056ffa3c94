package callerkey

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// TestPlatformAPI: one endpoint takes a caller key, which tells of the catalog. No other does, not
// even for the key's own connection, in whatever form it comes.
func TestPlatformAPI(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	for _, e := range api.Endpoints {
		path := strings.NewReplacer("{id}", s.mine, "{name}", "sync", "{app}", "key", "{token}", key).Replace(e.Pattern)
		for form, line := range map[string]string{"bearer": bearer(key), "header": "X-Vendgate-Key: " + key,
			"basic": basic(key, "")} {
			t.Run(e.Method+" "+e.Pattern+" "+form, func(t *testing.T) {
				s.t = t
				a := s.raw(e.Method+" "+api.Base+path+" HTTP/1.1", line, "x-user-email: "+harness.Alice,
					"Content-Type: application/json", "Content-Length: 2", "", "{}")
				if e.Public || e.Method+" "+e.Pattern == "GET /apps/{app}" {
					if a.status != http.StatusOK {
						t.Errorf("answered %d %s", a.status, a.code)
					}
					s.checkClean("the answer", a.body, key)
					return
				}
				s.mustRefuse(a, http.StatusUnauthorized, vending.InvalidTenantKey, key)
			})
		}
	}
	if _, err := s.store.Describe(t.Context(), "acme", harness.Alice, s.mine); err != nil {
		t.Errorf("the connection is gone: %v", err)
	}
}

// TestAppOfCallerKey: transports learn an app's hosts by the key alone. It sees the apps that it
// may call, as far as its tenant may, and spends the tenant's budget.
func TestAppOfCallerKey(t *testing.T) {
	s := newScene(t, "apps key other\nbudget api unlimited")
	every, _ := s.mint(nil)
	one, id := s.mint(func(k *connect.CallerKey) { k.Apps = []string{"key"} })
	xml, _ := s.mint(func(k *connect.CallerKey) { k.Apps = []string{"xml", "key"} })
	rules, _ := s.mint(func(k *connect.CallerKey) { k.Methods, k.Paths = []string{"POST"}, []string{"/chat/**"} })
	poor, _ := s.mint(func(k *connect.CallerKey) { k.Budget = 1 })
	expired, _ := s.mint(func(k *connect.CallerKey) { k.ExpiresAt = time.Now().Add(time.Second) })
	revoked, gone := s.mint(nil)
	if err := s.store.RevokeCallerKey(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	app := func(slug string) string { return api.Base + "/apps/" + slug }
	harness.Within(t, "the expiry", patience, func() bool {
		return s.get(app("key"), expired).status == http.StatusUnauthorized
	})
	for name, c := range map[string]struct {
		path, key string
		code      vending.Code
	}{
		"its app":                         {app("key"), one, ""},
		"an app that the tenant may call": {app("other"), every, ""},
		"with rules":                      {app("key"), rules, ""},
		"with a budget":                   {app("key"), poor, ""},
		"again":                           {app("key"), poor, ""},
		"another app":                     {app("other"), one, vending.UnknownApp},
		"an app of another tenant":        {app("xml"), every, vending.UnknownApp},
		"named by the key alone":          {app("xml"), xml, vending.UnknownApp},
		"no app":                          {app("nothing"), one, vending.UnknownApp},
		"not an id":                       {app("%2e%2e"), one, vending.UnknownApp},
		"below the app":                   {app("key/hosts"), one, vending.InvalidTenantKey},
		"all apps":                        {api.Base + "/apps", one, vending.InvalidTenantKey},
		"revoked":                         {app("key"), revoked, vending.InvalidTenantKey},
		"unknown":                         {app("key"), "ck_" + strings.Repeat("x", 43), vending.InvalidTenantKey},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			a := s.get(c.path, c.key, "x-user-email: "+harness.Bob)
			if c.code != "" {
				s.mustRefuse(a, c.code.Status(), c.code, c.key)
				return
			}
			if a.status != http.StatusOK || !strings.Contains(a.body, `"hosts":[{`) || len(a.sent) != 0 {
				t.Errorf("answered %d %s", a.status, a.body)
			}
			for _, secret := range []string{s.mine, s.second, mineCredential, harness.Alice, harness.Bob, "acme"} {
				if strings.Contains(a.body, secret) {
					t.Errorf("the answer holds %s", secret)
				}
			}
			s.checkClean("the answer", a.body, c.key)
		})
	}
	s.t = t
	if log := s.Log(); !strings.Contains(log, `"caller_key":"`+id+`"`) {
		t.Error("the access log does not name the key")
	}
	s.checkClean("the log", s.Log(), one)
}

// TestAppOfCallerKeyIsBound: what binds the tenant binds its caller keys.
func TestAppOfCallerKeyIsBound(t *testing.T) {
	s := newScene(t, "capabilities token connections")
	key, _ := s.mint(nil)
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", key), key)
	s.mustRefuse(s.get(api.Base+"/apps/key", key), http.StatusForbidden, vending.CapabilityDisabled, key)

	s = newScene(t, "budget api 3")
	key, _ = s.mint(nil)
	for range 3 { // guesses spend as well
		s.mustRefuse(s.get(api.Base+"/apps/nothing", key), http.StatusNotFound, vending.UnknownApp, key)
	}
	a := s.get(api.Base+"/apps/key", key)
	s.mustRefuse(a, http.StatusTooManyRequests, vending.RateLimited, key)
	if a.retryAfter == "" {
		t.Error("Retry-After is missing")
	}
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", key), key)
}

// TestDashboard: a caller key opens no session, nor does its cookie-less header show a page.
func TestDashboard(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	v := harness.NewVisitor(t, nil).Open(s.URL + "/connect/dashboard")
	v = v.Do(http.MethodPost, s.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {v.CSRF()}, "key": {key + "\n"}})
	v.Sees("signing in", http.StatusUnauthorized, "This tenant key is unknown or retired.")
	v.Open(s.URL+"/connect/dashboard/keys").Sees("the keys", http.StatusOK, "Sign in")
	for _, line := range []string{bearer(key), "X-Vendgate-Key: " + key, "Cookie: session=" + key} {
		if a := s.raw("GET /connect/dashboard/keys HTTP/1.1", line); a.status/100 != 3 {
			t.Errorf("answered %d", a.status)
		}
	}
	for _, path := range []string{"/connect/" + key, "/connect/" + key + "/status"} {
		if a := s.get(path, key); a.status == http.StatusOK &&
			!strings.Contains(a.body, "invalid, has already been used, or has expired") {
			t.Errorf("%s answered %d %s", path[:12], a.status, a.body)
		}
	}
}

// TestOtherSources: a key for a connection that the store does not know works where the tenant's
// source does not ask for the tenant's own key, and no source ever gets a caller key.
func TestOtherSources(t *testing.T) {
	platform := harness.NewUpstream(t, harness.OK)
	s := newScene(t, "source static", "source platform {\n url http://"+platform.Addr+
		"/platform/v1\n key passthrough\n allow_http\n allow_private 127.0.0.0/8\n}\ntenant evil {\n source platform\n}\n")
	at := func(tenant, connection string) string {
		key, _ := s.mint(func(k *connect.CallerKey) { k.Tenant, k.User, k.Connection = tenant, harness.Alice, connection })
		return key
	}
	// both before the first call, which makes the gateway read them
	key, passed := at("acme", "c1"), at("evil", "conn_far")
	if a := s.get("/proxy/c1/key/x", key); a.status != http.StatusOK || len(a.sent) != 1 ||
		!strings.Contains(a.sent[0], "X-Api-Key: "+staticCredential+"\r\n") {
		t.Errorf("the static connection answered %d %s, and the provider got %q", a.status, a.code, a.sent)
	}
	s.mustRefuse(s.get("/proxy/c2/key/x", key), http.StatusNotFound, vending.ConnectionDeleted, key)

	s.mustRefuse(s.get("/proxy/conn_far/key/x", passed), http.StatusUnauthorized, vending.InvalidTenantKey, passed)
	if got := platform.Got(); len(got) != 0 {
		t.Errorf("the source that passes keys through got %d requests", len(got))
	}
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, `"connection":"conn_far"`) && strings.Contains(line, "vend_ms") {
			t.Error("the source that passes keys through was asked to vend")
		}
	}
}

// TestStrangers: where the source judges keys that nobody here knows, caller keys are not among
// them.
func TestStrangers(t *testing.T) {
	platform := harness.NewUpstream(t, harness.OK)
	s := newScene(t, "", "source platform {\n url http://"+platform.Addr+
		"/platform/v1\n key passthrough\n allow_http\n allow_private 127.0.0.0/8\n}\n")
	s.Load(strings.Replace(s.config(s.Gateway, "source local", "source platform {\n url http://"+platform.Addr+
		"/platform/v1\n key passthrough\n allow_http\n allow_private 127.0.0.0/8\n}\n"),
		"default_source local", "default_source platform", 1))
	key, id := s.mint(nil)
	s.mustPass(s.get("/proxy/"+s.mine+"/key/x", key), key)
	if err := s.store.RevokeCallerKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	harness.Within(t, "the revocation", patience, func() bool {
		return s.get("/proxy/"+s.mine+"/key/x", key).status == http.StatusUnauthorized
	})
	for _, dead := range []string{key, "ck_" + strings.Repeat("a", 43)} {
		s.mustRefuse(s.get("/proxy/conn_far/key/x", dead), http.StatusUnauthorized, vending.InvalidTenantKey, dead)
	}
	if got := platform.Got(); len(got) != 0 {
		t.Errorf("the source that judges strangers got %d requests", len(got))
	}
	s.get("/proxy/conn_far/key/x", harness.KeyA, "x-user-email: "+harness.Alice)
	if len(platform.Got()) == 0 {
		t.Error("the source judges nobody, so that this test shows nothing")
	}
}

// TestOpaqueUsers: where end users are named by opaque ids, so are those of caller keys.
func TestOpaqueUsers(t *testing.T) {
	pipedream := harness.NewUpstream(t, func(request string) string {
		body := `{"access_token":"pd-token","token_type":"Bearer","expires_in":3600}`
		if !strings.HasPrefix(request, "POST /v1/oauth/token ") {
			body = `{"id":"apn_1","external_id":"User-42","healthy":true,"dead":false,"app":{"name_slug":"key","auth_type":"keys"},"credentials":{"api_key":"` + mineCredential + `"}}`
		}
		return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) +
			"\r\n\r\n" + body
	})
	s := newScene(t, "source pipedream",
		"source pipedream {\n project proj_1\n tenant acme\n client_id c\n client_secret "+harness.Secret(t, "CK_PD",
			"pd-secret")+
			"\n end_user external_id\n endpoint http://"+pipedream.Addr+"\n allow_http\n allow_private 127.0.0.0/8\n}\n")
	key, _ := s.mint(func(k *connect.CallerKey) { k.User, k.Connection = "User-42", "apn_1" })
	others, _ := s.mint(func(k *connect.CallerKey) { k.User, k.Connection = "user-42", "apn_1" })
	const path = "/proxy/apn_1/key/x"
	s.mustPass(s.get(path, key), key)
	s.mustPass(s.get(path, key, "x-external-user-id: User-42", "x-user-email: bob@example.com"), key)
	pipedream.Got()
	for _, c := range []struct {
		path, line string
		code       vending.Code
	}{
		{path, "x-external-user-id: user-42", vending.ConnectionDeleted},
		{path, "x-external-user-id:", vending.InvalidUserEmail},
		{"/proxy/apn_2/key/x", "x-external-user-id: User-42", vending.ConnectionDeleted},
	} {
		s.mustRefuse(s.get(c.path, key, c.line), c.code.Status(), c.code, key)
	}
	if got := pipedream.Got(); len(got) != 0 {
		t.Errorf("Pipedream was asked %d times", len(got))
	}
	s.mustRefuse(s.get(path, others), http.StatusNotFound, vending.ConnectionDeleted, others) // the account is another's
	for _, request := range pipedream.Got() {
		s.checkClean("what Pipedream got", request, others)
	}
}

// TestErrorsAreScrubbed: the header that leaves a provider's error as it is leaves the credential
// in it, and a caller key must not show that.
func TestErrorsAreScrubbed(t *testing.T) {
	s := newScene(t, "key "+harness.Secret(t, "CK_TENANT", harness.KeyA))
	key, _ := s.mint(nil)
	s.up.Answer(func(string) string {
		return "HTTP/1.1 503 Down\r\nContent-Length: 17\r\n\r\nbad " + mineCredential
	})
	path := "/proxy/" + s.mine + "/key/x"
	for _, line := range []string{"Vendgate-Errors: passthrough", "vendgate-errors: passthrough"} {
		a := s.get(path, key, line)
		if a.status != http.StatusServiceUnavailable || a.code != string(vending.UpstreamUnavailable) ||
			strings.Contains(a.body, mineCredential) || !strings.Contains(a.body, "bad [redacted]") {
			t.Errorf("a caller key got %d %s", a.status, a.body)
		}
	}
	if a := s.get(path, harness.KeyA, "X-User-Email: "+harness.Alice,
		"Vendgate-Errors: passthrough"); !strings.HasPrefix(a.body, "bad "+mineCredential) {
		t.Errorf("the tenant, who may, got %d %s", a.status, a.body)
	}
}
