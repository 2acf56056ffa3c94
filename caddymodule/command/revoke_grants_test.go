package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// revocations is a provider's revocation endpoint that records what it is asked to end. answers
// says with which statuses it answers a token, one after the other; then it is 200.
type revocations struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]int
	got     []string
	ask     chan struct{} // if set, each call waits for it
}

func newRevocations(t *testing.T, answers map[string][]int) *revocations {
	t.Helper()
	r := &revocations{answers: answers}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (v *revocations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	v.mu.Lock()
	v.got = append(v.got, token)
	status := 200
	if left := v.answers[token]; len(left) > 0 {
		status, v.answers[token] = left[0], left[1:]
	}
	ask := v.ask
	v.mu.Unlock()
	if ask != nil {
		<-ask
	}
	if status == 429 {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
}

// asked returns what was asked for since the last time, sorted.
func (v *revocations) asked() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() { v.got = nil }()
	slices.Sort(v.got)
	return strings.Join(v.got, " ")
}

// apps are an OAuth app with that endpoint, one without any, and one of a key.
func (v *revocations) apps() string {
	const app = "app %s {\n auth_type o_auth\n upstream %s\n oauth2 {\n token_url %[2]s/token\n %s\n }\n allow_http\n " +
		"allow_private 127.0.0.0/8\n}\noauth_client %[1]s {\n client_id vendgate\n}\n"
	return fmt.Sprintf(app, "crm", v.URL, "revoke_url "+v.URL+"/revoke") + fmt.Sprintf(app, "silent", v.URL, "") +
		harness.KeyApp("127.0.0.1:1")
}

// revocationScene is a store with connections of two tenants.
type revocationScene struct {
	*revocations
	t           *testing.T
	dir, config string
}

func newRevocationScene(t *testing.T, answers map[string][]int) *revocationScene {
	t.Helper()
	s := &revocationScene{revocations: newRevocations(t, answers), t: t, dir: t.TempDir()}
	s.config = configOf(t, s.apps())
	for _, tenant := range []string{"acme", "other"} {
		must(t, "", "tenant", "create", tenant, "--email", "dev@acme.example", "--data", s.dir)
	}
	return s
}

func (s *revocationScene) imports(tenant, user, app, input string) string {
	s.t.Helper()
	return strings.TrimSpace(must(s.t, input, "connection", "import", "--tenant", tenant, "--user", user, "--app", app,
		"--no-verify", "--data", s.dir, "--config", s.config))
}

// summaryJSON is what the commands print with --json.
type summaryJSON struct {
	Revoked int
	Nothing int                                                 `json:"nothing_to_revoke"`
	Stay    []struct{ Connection, User, App, Name, Why string } `json:"valid_at_provider"`
	Failed  []struct{ Connection, User, App, Name, Why string }
}

func (s *revocationScene) run(args ...string) (got summaryJSON, err error) {
	s.t.Helper()
	out, _, err := run(s.t, "", append(args, "--yes", "--json", "--data", s.dir, "--config", s.config)...)
	if jsonErr := json.Unmarshal([]byte(out), &got); jsonErr != nil {
		s.t.Fatalf("%q: %v, printed %s", args, err, out)
	}
	return got, err
}

// holds reports whether there is anything in a connection's grant, and whether it is flagged.
func (s *revocationScene) holds(tenant, id string) (holds, flagged bool) {
	s.t.Helper()
	store, err := store.Open(s.t.Context(), store.Options{Dir: s.dir})
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	c, g, err := store.Grant(s.t.Context(), tenant, harness.Alice, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return g.Holds(), c.NeedsReconnection
}

// TestRevokeGrants: each grant of the tenant ends at its provider, one that asks to wait is waited
// for, what failed is tried again by the next run and nothing else is.
func TestRevokeGrants(t *testing.T) {
	s := newRevocationScene(t, map[string][]int{"rt-slow": {429, 429}, "rt-away": {503, 503, 503}, "rt-known": {400}})
	user := harness.Alice
	good := s.imports("acme", user, "crm", `{"access_token":"at-1","refresh_token":"rt-1"}`)
	slow := s.imports("acme", user, "crm", `{"refresh_token":"rt-slow"}`)
	away := s.imports("acme", user, "crm", `{"refresh_token":"rt-away"}`)
	key := s.imports("acme", user, "key", `{"api_key":"sk-1"}`)
	silent := s.imports("acme", user, "silent", `{"refresh_token":"rt-silent"}`)
	others := s.imports("other", user, "crm", `{"refresh_token":"rt-other"}`)

	got, err := s.run("tenant", "revoke-grants", "acme")
	if err == nil || !strings.Contains(err.Error(), "1 grants could not be revoked at their providers") {
		t.Errorf("ended with %v", err)
	}
	if got.Revoked != 2 || got.Nothing != 0 || len(got.Stay) != 2 || len(got.Failed) != 1 ||
		got.Failed[0].Connection != away || got.Failed[0].Why == "" {
		t.Errorf("%+v", got)
	}
	for _, stays := range got.Stay {
		if stays.Connection != key && stays.Connection != silent || stays.User != user || stays.Name == "" {
			t.Errorf("%+v is listed", stays)
		}
	}
	if asked := s.asked(); asked != "rt-1 rt-away rt-away rt-away rt-slow rt-slow rt-slow" {
		t.Errorf("the provider was asked to end %s", asked)
	}
	for id, want := range map[string][2]bool{good: {false, true}, slow: {false, true}, key: {false, true},
		silent: {false, true}, away: {true, true}} {
		if holds, flagged := s.holds("acme", id); holds != want[0] || flagged != want[1] {
			t.Errorf("%s: holds %v, flagged %v", id, holds, flagged)
		}
	}
	if holds, flagged := s.holds("other", others); !holds || flagged {
		t.Errorf("the other tenant's: holds %v, flagged %v", holds, flagged)
	}

	if got, err = s.run("tenant", "revoke-grants", "acme"); err != nil || got.Revoked != 1 || got.Nothing != 4 {
		t.Errorf("again: %+v, %v", got, err)
	}
	if asked := s.asked(); asked != "rt-away" {
		t.Errorf("again, the provider was asked to end %s", asked)
	}
	trail := must(t, "", "audit", "--data", s.dir, "--event", "grant_revoked")
	if strings.Count(trail, "grant_revoked") != 3 || !strings.Contains(trail, "operator") {
		t.Errorf("the audit trail:\n%s", trail)
	}
	if trail = must(t, "", "audit", "--data", s.dir); strings.Count(trail, "grant_erased") != 2 ||
		strings.Count(trail, "revocation_failed") != 1 || strings.Contains(trail, "rt-") {
		t.Errorf("the audit trail:\n%s", trail)
	}
}

// TestRevokeGrantsFlags narrows a revocation, and gives up what a provider does not confirm.
func TestRevokeGrantsFlags(t *testing.T) {
	s := newRevocationScene(t, map[string][]int{"rt-1": {400, 400}})
	user := harness.Alice
	crm := s.imports("acme", user, "crm", `{"refresh_token":"rt-1"}`)
	key := s.imports("acme", user, "key", `{"api_key":"sk-1"}`)
	if got, err := s.run("tenant", "revoke-grants", "acme", "--app", "key", "--keep"); err != nil || len(got.Stay) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if holds, flagged := s.holds("acme", key); !holds || flagged {
		t.Errorf("kept: holds %v, flagged %v", holds, flagged)
	}
	if asked := s.asked(); asked != "" {
		t.Errorf("another app's provider was asked to end %s", asked)
	}
	if _, err := s.run("tenant", "revoke-grants", "acme", "--app", "crm"); err == nil {
		t.Error("a refused revocation passes for done")
	}
	got, err := s.run("tenant", "revoke-grants", "acme", "--app", "crm", "--unconfirmed")
	if err != nil || len(got.Stay) != 1 || got.Stay[0].Why != "the provider did not confirm that it ended it" {
		t.Errorf("%+v, %v", got, err)
	}
	if holds, _ := s.holds("acme", crm); holds {
		t.Error("what was given up is kept")
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"unknown tenant": {[]string{"nobody", "--yes"}, connect.ErrTenantUnknown.Error()},
		"unknown app":    {[]string{"acme", "--app", "none", "--yes"}, "there is nothing to revoke"},
		"not confirmed":  {[]string{"acme"}, "write --yes to do it"},
	} {
		args := append([]string{"tenant", "revoke-grants", "--data", s.dir}, c.args...)
		if _, _, err := run(t, "", args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRevokedGrantsVendNothing on a running gateway, the erased key neither.
func TestRevokedGrantsVendNothing(t *testing.T) {
	up := harness.NewUpstream(t, harness.OK)
	s := newRevocationScene(t, nil)
	apps := strings.ReplaceAll(s.apps(), "127.0.0.1:1\n", up.Addr+"\n")
	g := harness.Start(t, fmt.Sprintf("data_dir %q\nsource local\n%s", s.dir, apps))
	secret := strings.TrimSpace(must(t, "", "tenant", "rotate", "acme", "--data", s.dir))
	ids := map[string]string{
		"crm": s.imports("acme", harness.Alice, "crm", `{"access_token":"at-1","refresh_token":"rt-1"}`),
		"key": s.imports("acme", harness.Alice, "key", `{"api_key":"sk-1"}`),
	}
	call := func(app string) (int, string) {
		return g.Do(g.Request("GET", "/proxy/"+ids[app]+"/"+app+"/v1", nil, "Authorization: Bearer "+secret))
	}
	within(t, "the key works", func() bool { status, _ := call("key"); return status == 200 })
	if _, err := s.run("tenant", "revoke-grants", "acme"); err != nil {
		t.Fatal(err)
	}
	up.Got()
	for app := range ids {
		if status, body := call(app); status != 401 || !strings.Contains(body, `"needs_reconnection"`) ||
			!strings.Contains(body, `"grant_ended"`) {
			t.Errorf("%s: answered %d %s", app, status, body)
		}
	}
	if got := up.Got(); len(got) > 0 {
		t.Errorf("a provider got %q", got)
	}
}

// TestRevokeGrantsInterrupted: what is under way is finished, and the next run does the rest.
func TestRevokeGrantsInterrupted(t *testing.T) {
	s := newRevocationScene(t, nil)
	s.ask = make(chan struct{})
	const grants = 12
	for i := range grants {
		s.imports("acme", harness.Alice, "crm", fmt.Sprintf(`{"refresh_token":"rt-%02d"}`, i))
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error, 1)
	go func() {
		_, _, err := runContext(ctx, t, "", "tenant", "revoke-grants", "acme", "--yes", "--data", s.dir, "--config", s.config)
		ended <- err
	}()
	within(t, "calls are under way", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.got) == 4
	})
	interrupt()
	close(s.ask)
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "interrupted after ") {
		t.Errorf("ended with %v", err)
	}
	first := strings.Fields(s.asked())
	if len(first) != 4 {
		t.Errorf("after the interruption the provider was asked for %q", first)
	}
	got, err := s.run("tenant", "revoke-grants", "acme")
	if err != nil || got.Revoked != grants-len(first) || got.Nothing != len(first) {
		t.Errorf("%d, and then %+v, %v", len(first), got, err)
	}
	if second := strings.Fields(s.asked()); len(first)+len(second) != grants {
		t.Errorf("%q and %q", first, second)
	}
}
