package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// grants is a gateway over the embedded connection manager, with a provider whose answers a test
// chooses: the API's at /api, the token endpoint's at /token.
type grants struct {
	*harness.Gateway
	t     *testing.T
	store *store.Store

	mu     sync.Mutex
	api    func(credential string) (status int, body string)
	token  func(form string) (status int, body string)
	called []string
}

// startGrants has the apps crm (OAuth) and key (an API key), both of which refuse a credential by
// 401 or by 403 with a text.
func startGrants(t *testing.T) *grants {
	t.Helper()
	g := &grants{t: t}
	url, _ := provider(t, g, "plain")
	dir := t.TempDir()
	// What is stored here is an hour old, so that a token with little time left is near its end.
	store, err := store.Open(t.Context(), store.Options{Dir: dir, Now: func() time.Time {
		return time.Now().Add(-time.Hour)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	g.store = store
	refused := "refused 403 {\nbody Bad_OAuth_Token\n}\nallow_http\nallow_private 127.0.0.0/8\n}\n"
	g.Gateway = harness.Start(t, `
	data_dir "`+dir+`"
	source local
	app crm {
		auth_type o_auth
		upstream `+url+`/api
		oauth2 {
			authorize_url `+url+`/authorize
			token_url `+url+`/token
			ended gone_for_good
		}
		`+refused+`
	app key {
		auth_type api_key
		upstream `+url+`/api
		field api_key "API key" secret
		header Authorization "Bearer {api_key}"
		`+refused+`
	oauth_client crm {
		client_id id
		client_secret `+harness.Secret(t, "VG_GRANT_CLIENT", "client-secret")+`
	}
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		display_name Acme
		email dev@acme.example
		budget token unlimited
		budget api unlimited
	}`, "vendgate_proxy\nvendgate_connect")
	return g
}

func (g *grants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	status, answer := 404, ""
	switch {
	case r.URL.Path == "/token":
		g.called = append(g.called, "token")
		status, answer = g.token(string(body))
	case strings.HasPrefix(r.URL.Path, "/api/"):
		credential := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		g.called = append(g.called, credential+" "+string(body))
		status, answer = g.api(credential)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// answers sets how the provider answers.
func (g *grants) answers(api, token func(string) (int, string)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.api, g.token = api, token
}

// always is one answer.
func always(status int, body string) func(string) (int, string) {
	return func(string) (int, string) { return status, body }
}

// calls returns what the provider was asked since the last time.
func (g *grants) calls() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	called := g.called
	g.called = nil
	return called
}

// connected stores a connection of an app.
func (g *grants) connected(app string, v connect.GrantValues) string {
	g.t.Helper()
	c := connect.Connection{Tenant: "acme", User: harness.Alice, App: app, AuthType: vending.OAuth}
	if len(v.Fields) > 0 {
		c.AuthType = vending.APIKey
	}
	id, err := g.store.ImportConnection(g.t.Context(), c, connect.NewGrant(v))
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

// told is what a caller is told.
type told struct {
	Status int
	Data   struct {
		Code, Reason      string
		NeedsReconnection bool `json:"needs_reconnection"`
		Connection        struct {
			NeedsReconnection bool `json:"needs_reconnection"`
		}
		AccessToken string `json:"access_token"`
		Upstream    struct{ Status int }
	}
	body string
}

func (g *grants) ask(method, path, body string) (a told) {
	g.t.Helper()
	res, err := g.Client.Do(g.Request(method, path, []byte(body)))
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	_ = json.Unmarshal(raw, &struct {
		Data any `json:"data"`
	}{&a.Data})
	a.Status, a.body = res.StatusCode, string(raw)
	return a
}

func (g *grants) call(id, app string) told { return g.ask("POST", "/proxy/"+id+"/"+app+"/x", "hello") }

func (g *grants) handOut(id string) told {
	return g.ask("POST", api.Base+"/connections/"+id+"/token", "")
}

// flagged is what the API says of a connection.
func (g *grants) flagged(id string) bool {
	g.t.Helper()
	a := g.ask("GET", api.Base+"/connections/"+id, "")
	if a.Status != 200 {
		g.t.Fatalf("describing: %d %s", a.Status, a.body)
	}
	return strings.Contains(a.body, `"needs_reconnection":true`)
}

// details are the audit trail's of failed vends, newest first.
func (g *grants) details(id string) (all []string) {
	g.t.Helper()
	rows, _, err := g.store.Audit(g.t.Context(),
		connect.AuditFilter{Tenant: "acme", Connection: id, Event: connect.VendFailed})
	if err != nil {
		g.t.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, r.Detail)
	}
	return all
}

// lives is a grant whose token ends after a while.
func lives(d time.Duration) connect.GrantValues {
	return connect.GrantValues{AccessToken: "old", RefreshToken: "refresh-0", Expiry: time.Now().Add(d)}
}

const renewed = `{"access_token":"new","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-1"}`

// TestTokenThatEndedEarly: a 403 that the entry calls a refused credential is answered as a 401 is:
// by one refresh and one replay with the body as it was.
func TestTokenThatEndedEarly(t *testing.T) {
	g := startGrants(t)
	onlyNew := func(credential string) (int, string) {
		if credential == "new" {
			return 200, `{"fine":true}`
		}
		return 403, "Bad_OAuth_Token"
	}
	g.answers(onlyNew, always(200, renewed))
	id := g.connected("crm", lives(time.Hour))
	if a := g.call(id, "crm"); a.Status != 200 || a.body != `{"fine":true}` {
		t.Errorf("answered %d %s", a.Status, a.body)
	}
	if got := strings.Join(g.calls(), ", "); got != "old hello, token, new hello" {
		t.Errorf("the provider got %s", got)
	}
	g.answers(always(403, "Bad_OAuth_Token"), always(200, renewed))
	a := g.call(id, "crm")
	if a.Status != 401 || a.Data.Code != "needs_reconnection" || a.Data.Reason != "fresh_credential_refused" ||
		a.Data.Upstream.Status != 403 {
		t.Errorf("refused again: %d %s", a.Status, a.body)
	}
	g.answers(always(403, `{"error":"INSUFFICIENT_ACCESS"}`), always(200, renewed))
	g.calls()
	if a := g.call(id, "crm"); a.Status != 403 || a.body != `{"error":"INSUFFICIENT_ACCESS"}` || len(g.calls()) != 1 {
		t.Errorf("another 403: %d %s", a.Status, a.body)
	}
}

// TestEndedGrants: however the provider says it, a grant that has ended is flagged, said in the
// audit trail, handed out no more and not refreshed again, until it changes.
func TestEndedGrants(t *testing.T) {
	g := startGrants(t)
	for name, c := range map[string]struct {
		status     int
		body, said string
	}{
		"Atlassian": {403, `{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`,
			"403 unauthorized_client"},
		"HubSpot": {400, `{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token"}`,
			"400 bad_refresh_token"},
		"Entra": {400, `{"error":"interaction_required"}`, "400 interaction_required"},
		"Gitea": {400, `{"error":"unauthorized_client","error_description":"token was already used"}`,
			"400 unauthorized_client"},
		"an entry's own":  {400, `{"error":"gone_for_good"}`, "400 gone_for_good"},
		"with an escape":  {400, `{"error":"refresh_token_expired\u001b[2J\u0000"}`, "400 refresh_token_expired[2J"},
		"the usual words": {400, `{"error":"invalid_grant"}`, "400 invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			g.answers(always(401, ""), always(c.status, c.body))
			id := g.connected("crm", lives(time.Hour))
			g.calls()
			if a := g.handOut(id); a.Status != 200 || a.Data.AccessToken != "old" {
				t.Fatalf("before: %d %s", a.Status, a.body)
			}
			first := g.call(id, "crm")
			for range 3 {
				if a := g.call(id, "crm"); a.Status != 401 || a.Data.Code != "needs_reconnection" ||
					a.Data.Reason != "grant_ended" {
					t.Errorf("a call: %d %s", a.Status, a.body)
				}
				if a := g.handOut(id); a.Status != 401 || a.Data.Code != "needs_reconnection" || a.Data.Reason != "grant_ended" {
					t.Errorf("the token call: %d %s", a.Status, a.body)
				}
			}
			if got := strings.Count(strings.Join(g.calls(), ","), "token"); got != 1 || first.Data.Reason != "grant_ended" {
				t.Errorf("%d token calls; the first call: %s", got, first.body)
			}
			if said := g.details(id); !g.flagged(id) || len(said) != 1 ||
				said[0] != "refresh_token no longer valid at the provider: "+c.said {
				t.Errorf("flagged %t, the audit trail says %q", g.flagged(id), said)
			}
			g.changes(id, lives(time.Hour))
			if a := g.handOut(id); a.Status != 200 || g.flagged(id) {
				t.Errorf("after the grant has changed: %d %s", a.Status, a.body)
			}
		})
	}
}

// changes stores another grant, as a reconnection does.
func (g *grants) changes(id string, v connect.GrantValues) {
	g.t.Helper()
	c, err := g.store.Connection(g.t.Context(), "acme", harness.Alice, id)
	if err == nil {
		_, err = g.store.UpdateGrant(g.t.Context(), id, c.Version, connect.NewGrant(v), false)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// TestEndedWithinMargin: the token call that finds out hands out nothing, though the old token
// lasts.
func TestEndedWithinMargin(t *testing.T) {
	g := startGrants(t)
	g.answers(always(200, "{}"), always(400, `{"error":"invalid_grant"}`))
	id := g.connected("crm", lives(30*time.Second))
	if a := g.handOut(id); a.Status != 401 || a.Data.Code != "needs_reconnection" {
		t.Errorf("answered %d %s", a.Status, a.body)
	}
}

// TestUnknownRefusal: what no one knows stays an error, and does not cost a token call for each
// request; another grant is tried at once.
func TestUnknownRefusal(t *testing.T) {
	g := startGrants(t)
	for name, body := range map[string]string{
		"the client": `{"error":"unauthorized_client"}`, "unknown": `{"error":"computer_says_no"}`, "no words": ``,
	} {
		g.answers(always(200, "{}"), always(400, body))
		id := g.connected("crm", lives(-time.Second))
		g.calls()
		for range 10 {
			if a := g.call(id, "crm"); a.Status != 500 || a.Data.Code != "internal_error" {
				t.Errorf("%s: %d %s", name, a.Status, a.body)
			}
		}
		if got := strings.Join(g.calls(), ","); got != "token" || g.flagged(id) {
			t.Errorf("%s: the provider got %s, flagged %t", name, got, g.flagged(id))
		}
		g.answers(always(200, "{}"), always(200, renewed))
		g.changes(id,
			connect.GrantValues{AccessToken: "old", RefreshToken: "refresh-x", Expiry: time.Now().Add(-time.Second)})
		if a := g.call(id, "crm"); a.Status != 200 {
			t.Errorf("%s, another grant: %d %s", name, a.Status, a.body)
		}
	}
}

// TestRefusedKeys: a key that the provider refuses is flagged and no longer handed out; calls go on
// with it, so that the next one that is accepted lifts the flag, as an update does.
func TestRefusedKeys(t *testing.T) {
	g := startGrants(t)
	key := func(v string) connect.GrantValues {
		return connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: v}}}
	}
	for name, refusal := range map[string]struct {
		status int
		body   string
		app    string
		grant  connect.GrantValues
	}{
		"401":                   {401, "", "key", key("k")},
		"an entry's own":        {403, "Bad_OAuth_Token", "key", key("k")},
		"a token without more":  {401, "", "crm", connect.GrantValues{AccessToken: "k"}},
		"a token that once end": {401, "", "crm", connect.GrantValues{AccessToken: "k", Expiry: time.Now().Add(time.Hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			g.answers(always(refusal.status, refusal.body), always(500, ""))
			id := g.connected(refusal.app, refusal.grant)
			g.calls()
			for range 3 {
				a := g.call(id, refusal.app)
				if a.Status != 401 || a.Data.Code != "needs_reconnection" || a.Data.Reason != "fresh_credential_refused" {
					t.Errorf("a call: %d %s", a.Status, a.body)
				}
				if a := g.handOut(id); a.Status != 401 || a.Data.Code != "needs_reconnection" || !g.flagged(id) {
					t.Errorf("the token call: %d %s", a.Status, a.body)
				}
			}
			if got := g.calls(); len(got) != 3 {
				t.Errorf("the provider got %q", got)
			}
			if said := g.details(id); len(said) != 1 || said[0] != "the provider refused the credential in a call" {
				t.Errorf("the audit trail says %q", said)
			}
			g.answers(always(404, ""), always(500, ""))
			if g.call(id, refusal.app); !g.flagged(id) {
				t.Error("404 says nothing of the key, and lifted the flag")
			}
			g.answers(always(200, "{}"), always(500, ""))
			if a := g.call(id, refusal.app); a.Status != 200 || g.flagged(id) {
				t.Errorf("accepted: %d, flagged %t", a.Status, g.flagged(id))
			}
			if a := g.handOut(id); a.Status != 200 {
				t.Errorf("the token call, accepted: %d %s", a.Status, a.body)
			}
			g.answers(always(refusal.status, refusal.body), always(500, ""))
			if g.call(id, refusal.app); !g.flagged(id) {
				t.Error("not flagged again")
			}
			g.answers(always(200, "{}"), always(500, ""))
			if g.call(id, refusal.app); !g.flagged(id) {
				t.Error("refused and accepted by turns: the flag was lifted without a pause")
			}
			g.changes(id, refusal.grant)
			if a := g.handOut(id); a.Status != 200 || g.flagged(id) {
				t.Errorf("the token call after an update: %d %s", a.Status, a.body)
			}
		})
	}
}

// TestCallersOwn401: Gitea reads `?token=abc` before the Authorization header, and answers 401; ten
// such calls cost one refresh, and the grant lives (go-gitea/gitea, services/auth/oauth2.go).
func TestCallersOwn401(t *testing.T) {
	g := startGrants(t)
	issued := 0
	g.answers(always(401, `{"message":"user does not exist [uid: 0, name: ]"}`), func(string) (int, string) {
		issued++
		return 200, fmt.Sprintf(`{"access_token":"new-%d","expires_in":3600,"refresh_token":"refresh-%d"}`, issued, issued)
	})
	id := g.connected("crm", lives(time.Hour))
	for range 10 {
		a := g.ask("GET", "/proxy/"+id+"/crm/user?token=abc", "")
		if a.Status != 401 || a.Data.Reason != "fresh_credential_refused" {
			t.Errorf("answered %d %s", a.Status, a.body)
		}
	}
	if issued != 1 || g.flagged(id) {
		t.Errorf("%d refreshes, flagged %t", issued, g.flagged(id))
	}
	g.answers(always(200, "{}"), always(500, ""))
	if a := g.call(id, "crm"); a.Status != 200 {
		t.Errorf("a call without it: %d %s", a.Status, a.body)
	}
}
