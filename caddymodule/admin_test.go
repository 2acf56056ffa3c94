package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// adminGateway is a running gateway with an admin socket.
type adminGateway struct {
	*harness.Gateway
	t     *testing.T
	admin string
}

// startAdmin runs a gateway with the options in its `vendgate` block, or without such a block where
// there are none.
func startAdmin(t *testing.T, options string) *adminGateway {
	t.Helper()
	a := &adminGateway{t: t, admin: harness.FreeAddr(t)}
	a.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		block, site := "vendgate {\n"+options+"\n}", "vendgate_proxy"
		if options == "" {
			block, site = "", "respond ok"
		}
		return fmt.Sprintf("{\n admin %s\n persist_config off\n auto_https off\n grace_period 2s\n log default {\n level "+
			"DEBUG\n output file %q {\n roll_disabled\n }\n }\n %s\n}\nhttp://%s {\n bind 127.0.0.1\n %s\n}\n",
			a.admin, g.LogFile, block, g.Addr, site)
	})
	t.Cleanup(func() { // caddy.Stop leaves the admin socket open
		if err := a.TryLoad("{\n admin off\n persist_config off\n}\n"); err != nil {
			t.Error(err)
		}
	})
	return a
}

// keyForm is that of a tenant key.
var keyForm = regexp.MustCompile(`^pk_live_[0-9A-Za-z]{43}$`)

// adminAnswer is an answer of the admin API.
type adminAnswer struct {
	status  int
	header  http.Header
	body    string
	Status  string
	Message string
	Data    struct {
		Code    string
		Tenant  string
		Key     string
		Digest  string `json:"key_sha256"`
		Path    string
		URL     string `json:"mcp_url"`
		Tenants []tenantJSON
		tenantJSON
		Events             []auditRow
		Page, Limit, Total int
	}
}

// auditRow is what `audit --json` prints.
type auditRow struct {
	ID         int64
	At         time.Time
	Event      string
	Tenant     string
	Actor      string
	Request    string `json:"request_id"`
	Connection string `json:"connection_id"`
	User, App  string
	Detail     string
}

// brandJSON is what `tenant brand --json` prints.
type brandJSON struct {
	Name           string
	LogoURL        string `json:"logo_url"`
	Accent         string
	FrameAncestors []string `json:"frame_ancestors"`
	UserHint       string   `json:"user_hint"`
	Unconfirmed    string
}

type tenantJSON struct {
	ID, Email    string
	Capabilities []string
	Disabled     bool
	Fingerprints []string `json:"key_fingerprints"`
	brandJSON
}

func (a *adminGateway) call(method, path, body string) (answer adminAnswer) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, "http://"+a.admin+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	return a.do(r)
}

func (a *adminGateway) do(r *http.Request) (answer adminAnswer) {
	a.t.Helper()
	r.Close = true // the socket goes away with the test
	res, err := a.Client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	answer.status, answer.header, answer.body = res.StatusCode, res.Header, string(raw)
	if err := json.Unmarshal(raw, &answer); err != nil {
		a.t.Fatalf("%s %s: answered %d %q: %v", r.Method, r.URL, res.StatusCode, raw, err)
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s %s: may be stored: %v", r.Method, r.URL, res.Header)
	}
	return answer
}

// ok is call for what has to be answered with this status.
func (a *adminGateway) ok(status int, method, path, body string) adminAnswer {
	a.t.Helper()
	answer := a.call(method, path, body)
	if answer.status != status || answer.Status != "success" {
		a.t.Fatalf("%s %s: answered %d %s", method, path, answer.status, answer.body)
	}
	return answer
}

// TestAdminAPI makes a tenant, and takes it through its life.
func TestAdminAPI(t *testing.T) {
	dir := t.TempDir()
	a := startAdmin(t, fmt.Sprintf("data_dir %q\n public_url https://gw.example\n tenant configured {\n key %s\n }", dir,
		harness.Secret(t, "VG_KEY_A", harness.KeyA)))
	if got := a.ok(200, "GET", "/vendgate/tenants", ""); got.Data.Tenants == nil || len(got.Data.Tenants) != 0 {
		t.Errorf("no tenants: %s", got.body)
	}
	made := a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"Dev@Acme.example","capabilities":["token","apps"],"name":"Acme Industries",
		"logo_url":"https://cdn.acme.example/a.svg","accent":"#0A66C2","frame_ancestors":["https://app.acme.example"],
		"user_hint":"For {user}"}`)
	second := a.ok(200, "POST", "/vendgate/tenants/acme/rotate", "")
	if !keyForm.MatchString(made.Data.Key) || !keyForm.MatchString(second.Data.Key) || made.Data.Key == second.Data.Key ||
		second.Data.Tenant != "acme" {
		t.Fatalf("keys: %+v and %+v", made.Data, second.Data)
	}
	listed := a.ok(200, "GET", "/vendgate/tenants", "").Data.Tenants
	if len(listed) != 1 {
		t.Fatalf("listed %+v", listed)
	}
	if got := listed[0]; got.ID != "acme" || got.Email != "dev@acme.example" ||
		!slices.Equal(got.Capabilities, []string{"apps", "token"}) || got.Name != "Acme Industries" ||
		got.LogoURL != "https://cdn.acme.example/a.svg" || got.Accent != "#0a66c2" ||
		!slices.Equal(got.FrameAncestors, []string{"https://app.acme.example"}) ||
		got.UserHint != "For {user}" ||
		!slices.Equal(got.Fingerprints, []string{made.Data.Digest[:12], second.Data.Digest[:12]}) {
		t.Errorf("listed %+v", got)
	}
	if got := a.ok(200, "POST", "/vendgate/tenants/acme/promote", ""); !slices.Equal(got.Data.Fingerprints,
		[]string{second.Data.Digest[:12]}) {
		t.Errorf("promoted: %s", got.body)
	}
	var tokens []string
	for _, tenant := range []string{"acme", "configured"} {
		issued := a.ok(200, "POST", "/vendgate/tenants/"+tenant+"/mcp-url", "")
		token := strings.TrimPrefix(issued.Data.Path, "/platform/v1/mcp/")
		if issued.Data.URL != "https://gw.example"+issued.Data.Path ||
			!regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(token) {
			t.Errorf("issued %s", issued.body)
		}
		if got, err := harness.OpenStore(t, dir).MCPTenant(t.Context(), connect.DigestOf(token)); err != nil ||
			got != tenant {
			t.Errorf("the url of %s is of %q, %v", tenant, got, err)
		}
		tokens = append(tokens, token)
	}
	if got := a.ok(200, "POST", "/vendgate/tenants/acme/disable", ""); !got.Data.Disabled {
		t.Errorf("disabled: %s", got.body)
	}
	a.checkTrail()
	a.checkLog(append(tokens, made.Data.Key, second.Data.Key)...)
}

// checkTrail looks at what TestAdminAPI has left in the audit trail.
func (a *adminGateway) checkTrail() {
	a.t.Helper()
	whole := a.ok(200, "GET", "/vendgate/audit", "")
	var events []string
	for _, e := range whole.Data.Events {
		events = append(events, e.Event)
		if e.Actor != "operator (admin api)" {
			a.t.Errorf("%+v", e)
		}
	}
	const want = "tenant_disabled mcp_url_issued mcp_url_issued key_promoted key_minted key_minted tenant_created"
	if got := strings.Join(events, " "); got != want || whole.Data.Page != 1 || whole.Data.Limit != 20 ||
		whole.Data.Total != 7 {
		a.t.Errorf("%s, want %s", whole.body, want)
	}
	for query, want := range map[string]struct{ rows, total int }{
		"tenant=acme": {6, 6}, "tenant=nobody": {0, 0}, "event=key_minted": {2, 2}, "connection=conn_1": {0, 0},
		"limit=3": {3, 7}, "limit=3&page=3": {1, 7},
		"page=9": {0, 7}, "since=1h": {7, 7}, "since=2099-01-02T15:04:05Z": {0, 0},
		"tenant=acme&event=key_minted&limit=1": {1, 2},
	} {
		got := a.ok(200, "GET", "/vendgate/audit?"+query, "")
		if got.Data.Events == nil || len(got.Data.Events) != want.rows || got.Data.Total != want.total {
			a.t.Errorf("%s: %s", query, got.body)
		}
	}
}

// checkLog looks for secrets in what Caddy wrote at DEBUG. That the calls are in it shows that it
// is the log of the admin socket.
func (a *adminGateway) checkLog(secrets ...string) {
	a.t.Helper()
	log := a.Log()
	if !strings.Contains(log, `"uri":"/vendgate/tenants/acme/rotate"`) {
		a.t.Errorf("the log says nothing of the calls:\n%s", log)
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			a.t.Error("a secret stands in the log")
		}
	}
}

// TestAdminAPIWithoutStore: a server that has none says so.
func TestAdminAPIWithoutStore(t *testing.T) {
	for name, tt := range map[string]struct{ options, want string }{
		"no app": {"", "the running configuration has no vendgate app: add the global option vendgate { … }"},
		"no local source": {"source platform {\n url https://p.example/platform/v1\n key passthrough\n }",
			"the running configuration has no source of type local, and so no store: add source local"},
	} {
		t.Run(name, func(t *testing.T) {
			a := startAdmin(t, tt.options)
			for _, call := range [][2]string{{"GET", "/vendgate/tenants"}, {"POST", "/vendgate/tenants"},
				{"GET", "/vendgate/audit"}} {
				if got := a.call(call[0], call[1], "{}"); got.status != 400 || got.Data.Code != "invalid_request" ||
					got.Message != tt.want {
					t.Errorf("%s: answered %d %s", call, got.status, got.body)
				}
			}
		})
	}
}

// TestAdminAPIFollowsReload works on the store of the configuration that runs at the time of the
// call.
func TestAdminAPIFollowsReload(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	a := startAdmin(t, fmt.Sprintf("data_dir %q", first))
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	a.Load(fmt.Sprintf("{\n admin %s\n persist_config off\n auto_https off\n vendgate {\n data_dir %q\n "+
		"}\n}\nhttp://%s {\n bind 127.0.0.1\n vendgate_proxy\n}\n", a.admin, second, a.Addr))
	harness.OneListener(t, a.admin)
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"beta","email":"dev@beta.example"}`)
	for dir, want := range map[string]string{first: "acme", second: "beta"} {
		tenants, err := harness.OpenStore(t, dir).Tenants(t.Context())
		if err != nil || len(tenants) != 1 || tenants[0].ID != want {
			t.Errorf("%s is not alone: %+v, %v", want, tenants, err)
		}
	}
}
