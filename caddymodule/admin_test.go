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

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// adminGateway is a running gateway with an admin socket.
type adminGateway struct {
	*harness.Gateway
	t     *testing.T
	admin string
}

// startAdmin runs a gateway with the options in its `vendgate` block, or without such a block where there are none.
func startAdmin(t *testing.T, options string) *adminGateway {
	t.Helper()
	a := &adminGateway{t: t, admin: harness.FreeAddr(t)}
	a.Gateway = harness.StartWith(t, func(g *harness.Gateway) string {
		block, site := "vendgate {\n"+options+"\n}", "vendgate_proxy"
		if options == "" {
			block, site = "", "respond ok"
		}
		return fmt.Sprintf("{\n admin %s\n persist_config off\n auto_https off\n grace_period 2s\n log default {\n level DEBUG\n output file %q {\n roll_disabled\n }\n }\n %s\n}\nhttp://%s {\n bind 127.0.0.1\n %s\n}\n",
			a.admin, g.LogFile, block, g.Addr, site)
	})
	t.Cleanup(func() { // caddy.Stop leaves the admin socket open
		if err := a.TryLoad("{\n admin off\n persist_config off\n}\n"); err != nil {
			t.Error(err)
		}
	})
	return a
}

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
	a := startAdmin(t, fmt.Sprintf("data_dir %q\n public_url https://gw.example\n tenant configured {\n key %s\n }", dir, harness.Secret(t, "VG_KEY_A", harness.KeyA)))
	if got := a.ok(200, "GET", "/vendgate/tenants", ""); got.Data.Tenants == nil || len(got.Data.Tenants) != 0 {
		t.Errorf("no tenants: %s", got.body)
	}
	made := a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"Dev@Acme.example","capabilities":["token","apps"],"name":"Acme Industries",
		"logo_url":"https://cdn.acme.example/a.svg","accent":"#0A66C2","frame_ancestors":["https://app.acme.example"]}`)
	second := a.ok(200, "POST", "/vendgate/tenants/acme/rotate", "")
	if !keyForm.MatchString(made.Data.Key) || !keyForm.MatchString(second.Data.Key) || made.Data.Key == second.Data.Key || second.Data.Tenant != "acme" {
		t.Fatalf("keys: %+v and %+v", made.Data, second.Data)
	}
	listed := a.ok(200, "GET", "/vendgate/tenants", "").Data.Tenants
	if len(listed) != 1 {
		t.Fatalf("listed %+v", listed)
	}
	if got := listed[0]; got.ID != "acme" || got.Email != "dev@acme.example" || !slices.Equal(got.Capabilities, []string{"apps", "token"}) || got.Name != "Acme Industries" ||
		got.LogoURL != "https://cdn.acme.example/a.svg" || got.Accent != "#0a66c2" || !slices.Equal(got.FrameAncestors, []string{"https://app.acme.example"}) ||
		!slices.Equal(got.Fingerprints, []string{made.Data.Digest[:12], second.Data.Digest[:12]}) {
		t.Errorf("listed %+v", got)
	}
	if got := a.ok(200, "POST", "/vendgate/tenants/acme/promote", ""); !slices.Equal(got.Data.Fingerprints, []string{second.Data.Digest[:12]}) {
		t.Errorf("promoted: %s", got.body)
	}
	var tokens []string
	for _, tenant := range []string{"acme", "configured"} {
		issued := a.ok(200, "POST", "/vendgate/tenants/"+tenant+"/mcp-url", "")
		token := strings.TrimPrefix(issued.Data.Path, "/platform/v1/mcp/")
		if issued.Data.URL != "https://gw.example"+issued.Data.Path || !regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(token) {
			t.Errorf("issued %s", issued.body)
		}
		if got, err := openStore(t, dir).MCPTenant(t.Context(), connect.DigestOf(token)); err != nil || got != tenant {
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
	if got := strings.Join(events, " "); got != want || whole.Data.Page != 1 || whole.Data.Limit != 20 || whole.Data.Total != 7 {
		a.t.Errorf("%s, want %s", whole.body, want)
	}
	for query, want := range map[string]struct{ rows, total int }{
		"tenant=acme": {6, 6}, "tenant=nobody": {0, 0}, "event=key_minted": {2, 2}, "connection=conn_1": {0, 0}, "limit=3": {3, 7}, "limit=3&page=3": {1, 7},
		"page=9": {0, 7}, "since=1h": {7, 7}, "since=2099-01-02T15:04:05Z": {0, 0}, "tenant=acme&event=key_minted&limit=1": {1, 2},
	} {
		got := a.ok(200, "GET", "/vendgate/audit?"+query, "")
		if got.Data.Events == nil || len(got.Data.Events) != want.rows || got.Data.Total != want.total {
			a.t.Errorf("%s: %s", query, got.body)
		}
	}
}

// checkLog looks for secrets in what Caddy wrote at DEBUG. That the calls are in it shows that it is the log of the admin socket.
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

// TestAdminAPIRefuses holds what cannot be done against its answer; nothing is changed by any of it.
func TestAdminAPIRefuses(t *testing.T) {
	a := startAdmin(t, fmt.Sprintf("data_dir %q", t.TempDir()))
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"gone","email":"dev@gone.example"}`)
	a.ok(200, "POST", "/vendgate/tenants/gone/disable", "")
	const tenants, audit = "/vendgate/tenants", "/vendgate/audit"
	for name, tt := range map[string]struct {
		method, path, body string
		code, want         string
	}{
		"taken":               {"POST", tenants, `{"id":"acme","email":"a@a.example"}`, "invalid_request", connect.ErrTenantExists.Error()},
		"no id":               {"POST", tenants, `{"email":"a@a.example"}`, "invalid_request", "1 to 63 of a-z"},
		"no email":            {"POST", tenants, `{"id":"beta"}`, "invalid_user_email", "one bare ASCII address"},
		"bad email":           {"POST", tenants, `{"id":"beta","email":"NEVER"}`, "invalid_user_email", "one bare ASCII address"},
		"bad capability":      {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":["root"]}`, "invalid_request", "any of apps, connections, token, delete"},
		"bad accent":          {"POST", tenants, `{"id":"beta","email":"a@a.example","accent":"teal"}`, "invalid_request", "accent: write a colour"},
		"id no text":          {"POST", tenants, `{"id":7,"email":"a@a.example"}`, "invalid_request", "id: must be a text"},
		"email no text":       {"POST", tenants, `{"id":"beta","email":["a@a.example"]}`, "invalid_request", "email: must be a text"},
		"capabilities text":   {"POST", tenants, `{"id":"beta","email":"a@a.example","capabilities":"token"}`, "invalid_request", "capabilities: must be a list of texts"},
		"ancestors numbers":   {"POST", tenants, `{"id":"beta","email":"a@a.example","frame_ancestors":[1]}`, "invalid_request", "frame_ancestors: must be a list of texts"},
		"mistyped field":      {"POST", tenants, `{"id":"beta","email":"a@a.example","capability":["token"]}`, "invalid_request", `unknown field "capability"; the fields are accent, capabilities, email, frame_ancestors, id, logo_url, name`},
		"field of other case": {"POST", tenants, `{"ID":"beta","email":"a@a.example"}`, "invalid_request", `unknown field "ID"`},
		"long field":          {"POST", tenants, `{"` + strings.Repeat("x", 50000) + `":1}`, "invalid_request", `unknown field "` + strings.Repeat("x", 40) + `";`},
		"no body":             {"POST", tenants, "", "invalid_request", "the body must be one JSON object"},
		"null":                {"POST", tenants, "null", "invalid_request", "the body must be one JSON object"},
		"an array":            {"POST", tenants, `["NEVER"]`, "invalid_request", "the body must be one JSON object"},
		"two objects":         {"POST", tenants, `{"id":"beta","email":"a@a.example"}{}`, "invalid_request", "the body must be one JSON object"},
		"cut off":             {"POST", tenants, `{"id":"beta","email":"NEVER`, "invalid_request", "the body must be one JSON object"},
		"no utf-8":            {"POST", tenants, "{\"id\":\"beta\",\"email\":\"a@a.example\",\"name\":\"\xff\"}", "invalid_request", "the body must be one JSON object"},
		"too large":           {"POST", tenants, `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, "request_too_large", "at most 65536 bytes"},
		"rotate unknown":      {"POST", tenants + "/nobody/rotate", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"promote unknown":     {"POST", tenants + "/nobody/promote", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"disable unknown":     {"POST", tenants + "/nobody/disable", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"mcp-url unknown":     {"POST", tenants + "/nobody/mcp-url", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"promote one key":     {"POST", tenants + "/acme/promote", "", "invalid_request", connect.ErrOneKey.Error()},
		"rotate disabled":     {"POST", tenants + "/gone/rotate", "", "invalid_request", connect.ErrTenantDisabled.Error()},
		"mcp-url disabled":    {"POST", tenants + "/gone/mcp-url", "", "invalid_request", connect.ErrTenantDisabled.Error()},
		"odd id":              {"POST", tenants + "/%2e%2e%2f%00/rotate", "", "invalid_request", connect.ErrTenantUnknown.Error()},
		"rotate by GET":       {"GET", tenants + "/acme/rotate", "", "invalid_request", "no such endpoint, or not by this method"},
		"delete":              {"DELETE", tenants + "/acme", "", "invalid_request", "no such endpoint"},
		"base":                {"GET", "/vendgate/", "", "invalid_request", "no such endpoint"},
		"unknown":             {"GET", "/vendgate/connections", "", "invalid_request", "no such endpoint"},
		"tenants query":       {"GET", tenants + "?page=2", "", "invalid_request", `unknown parameter "page"`},
		"audit parameter":     {"GET", audit + "?tennant=acme", "", "invalid_request", `unknown parameter "tennant"`},
		"audit twice":         {"GET", audit + "?tenant=acme&tenant=beta", "", "invalid_request", "tenant: occurs more than once"},
		"audit encoding":      {"GET", audit + "?tenant=%zz", "", "invalid_request", "the query is not encoded correctly"},
		"audit page 0":        {"GET", audit + "?page=0", "", "invalid_request", "page: must be a whole number from 1"},
		"audit page text":     {"GET", audit + "?page=one", "", "invalid_request", "page: must be a whole number from 1"},
		"audit limit 0":       {"GET", audit + "?limit=0", "", "invalid_request", "limit: must be a whole number from 1 to 100"},
		"audit limit 101":     {"GET", audit + "?limit=101", "", "invalid_request", "limit: must be 1 to 100"},
		"audit event":         {"GET", audit + "?event=key_minded", "", "invalid_request", "event: write one of keyset_rotated"},
		"audit since":         {"GET", audit + "?since=yesterday", "", "invalid_request", "since: write a duration"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.call(tt.method, tt.path, tt.body)
			if got.Status != "error" || got.Data.Code != tt.code || !strings.Contains(got.Message, tt.want) || got.header.Get("Vendgate-Code") != tt.code {
				t.Errorf("answered %d %s", got.status, got.body)
			}
			if got.status/100 != 4 || strings.Contains(got.body, "NEVER") || len(got.body) > 1000 {
				t.Errorf("answered %d %s", got.status, got.body)
			}
		})
	}
	a.ok(200, "POST", "/vendgate/tenants/acme/rotate", "")
	if got := a.call("POST", "/vendgate/tenants/acme/rotate", ""); got.status != 400 || got.Message != connect.ErrTwoKeys.Error() {
		t.Errorf("a third key: %s", got.body)
	}
	if got := a.ok(200, "GET", "/vendgate/audit", "").Data.Total; got != 6 {
		t.Errorf("%d events, want those of two tenants, one of them disabled, and a rotation", got)
	}
}

// TestAdminAPIBoundsBodies: a body that is announced to be too large is refused before it comes, and one of unknown length is not read to
// its end, where it would be a tenant.
func TestAdminAPIBoundsBodies(t *testing.T) {
	a := startAdmin(t, fmt.Sprintf("data_dir %q", t.TempDir()))
	announced := "POST /vendgate/tenants HTTP/1.1\r\nHost: " + a.admin + "\r\nContent-Length: 65537\r\n\r\n"
	if got := harness.Raw(t, a.admin, announced); !strings.HasPrefix(got, "HTTP/1.1 413 ") || !strings.Contains(got, "\r\nVendgate-Code: request_too_large\r\n") {
		t.Errorf("an announced body: %q", got)
	}
	for padding, want := range map[int]int{60 << 10: http.StatusCreated, 64 << 10: http.StatusRequestEntityTooLarge} {
		body := fmt.Sprintf(`{"id":"beta","email":"dev@beta.example"%s}`, strings.Repeat(" ", padding))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.admin+"/vendgate/tenants", io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		if got := a.do(r); got.status != want {
			t.Errorf("%d bytes in chunks: answered %d %s", len(body), got.status, got.body)
		}
	}
}

// TestAdminAPIWithoutStore: a server that has none says so.
func TestAdminAPIWithoutStore(t *testing.T) {
	for name, tt := range map[string]struct{ options, want string }{
		"no app":          {"", "the running configuration has no vendgate app"},
		"no local source": {"source platform {\n url https://p.example/platform/v1\n key passthrough\n }", "the running configuration has no source of type local, and so no store: add source local"},
	} {
		t.Run(name, func(t *testing.T) {
			a := startAdmin(t, tt.options)
			for _, call := range [][2]string{{"GET", "/vendgate/tenants"}, {"POST", "/vendgate/tenants"}, {"GET", "/vendgate/audit"}} {
				if got := a.call(call[0], call[1], "{}"); got.status != 400 || got.Data.Code != "invalid_request" || got.Message != tt.want {
					t.Errorf("%s: answered %d %s", call, got.status, got.body)
				}
			}
		})
	}
}

// TestAdminAPIFollowsReload works on the store of the configuration that runs at the time of the call.
func TestAdminAPIFollowsReload(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	a := startAdmin(t, fmt.Sprintf("data_dir %q", first))
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	a.Load(fmt.Sprintf("{\n admin %s\n persist_config off\n auto_https off\n vendgate {\n data_dir %q\n }\n}\nhttp://%s {\n bind 127.0.0.1\n vendgate_proxy\n}\n", a.admin, second, a.Addr))
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"beta","email":"dev@beta.example"}`)
	for dir, want := range map[string]string{first: "acme", second: "beta"} {
		tenants, err := openStore(t, dir).Tenants(t.Context())
		if err != nil || len(tenants) != 1 || tenants[0].ID != want {
			t.Errorf("%s is not alone: %+v, %v", want, tenants, err)
		}
	}
}
