package command_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/harness"
)

// callerKeyScene is a store with a tenant, a disabled one, and a connection of app openai.
func callerKeyScene(t *testing.T) (dir, connection string) {
	t.Helper()
	dir = t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	must(t, "", "tenant", "create", "gone", "--email", "dev@gone.example", "--data", dir)
	must(t, "", "tenant", "disable", "gone", "--data", dir)
	id := must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user", "alice@example.com", "--app",
		"openai", "--no-verify", "--data", dir)
	return dir, strings.TrimSpace(id)
}

func TestCallerKeyCommands(t *testing.T) {
	dir, id := callerKeyScene(t)
	say := func(args ...string) string {
		t.Helper()
		return must(t, "", append(append([]string{"caller-key"}, args...), "--data", dir)...)
	}
	plain, noted, err := run(t, "", "caller-key", "create", "--tenant", "acme", "--connection", id, "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^ck_[0-9A-Za-z]{43}\n$`).MatchString(plain) {
		t.Errorf("what is printed is no caller key and nothing else, but has %d bytes", len(plain))
	}
	type row struct {
		ID, Name, Tenant, User, Key string
		Connection                  string `json:"connection_id"`
		Apps, Methods, Paths        []string
		Budget                      int
		ExpiresAt                   *time.Time `json:"expires_at"`
	}
	var made row
	before := time.Now()
	if err := json.Unmarshal([]byte(say("create", "--tenant", "acme", "--connection", id, "--user", " Alice@Example.com",
		"--app", "openai,slack", "--method", "GET", "--method", "POST",
		"--path", "/v1/models/**", "--path", "/a b,c", "--budget", "30", "--errors", "passthrough", "--expires", "30d",
		"--name", "agent 7", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	store := harness.OpenStore(t, dir)
	snapshot, err := store.TenantKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id1, base, _ := strings.Cut(strings.TrimPrefix(noted, "its id, to revoke it by: "), "\n")
	if want := "the base URL that goes with it: https://{gateway}/proxy/" + id + "/openai\n"; base != want {
		t.Errorf("said %q, want %q", base, want)
	}
	for key, want := range map[string]string{strings.TrimSpace(plain): id1, made.Key: made.ID} {
		if got := snapshot.Callers[policy.DigestOf(key)]; got == nil || got.ID != want {
			t.Errorf("the key that was printed is that of %+v, want %q", got, want)
		}
	}
	if made.User != "alice@example.com" || made.ExpiresAt.Before(before.Add(30*24*time.Hour-time.Second)) ||
		made.ExpiresAt.After(before.Add(30*24*time.Hour+time.Minute)) {
		t.Errorf("made %s for %s until %s", made.ID, made.User, made.ExpiresAt)
	}
	table := say("list", "--tenant", "acme")
	lines := strings.Split(table, "\n")
	for i, want := range []string{
		`^ID +NAME +TENANT +USER +CONNECTION +APPS +METHODS +PATHS +BUDGET +ERRORS +CREATED +EXPIRES$`,
		`^ckey_\w{11} +- +acme +alice@example\.com +` + id + ` +- +- +- +- +- +20\S+Z +never$`,
		`^` + made.ID + ` +agent 7 +acme +alice@example\.com +` + id +
			` +openai,slack +GET,POST +/v1/models/\*\*,/a b,c +30 +passthrough +20\S+Z +20\S+Z$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d is no %s: %s", i, want, lines[i])
		}
	}
	listed := say("list", "--json")
	var rows []row
	if err := json.Unmarshal([]byte(listed), &rows); err != nil || len(rows) != 2 || rows[0].Apps == nil ||
		rows[0].ExpiresAt != nil || rows[0].Budget != 0 ||
		rows[1].ID != made.ID || strings.Join(rows[1].Paths, "|") != "/v1/models/**|/a b,c" || rows[1].Connection != id {
		t.Errorf("listed %+v, %v", rows, err)
	}
	for name, said := range map[string]string{"table": table, "JSON": listed,
		"audit": must(t, "", "audit", "--data", dir)} {
		if strings.Contains(said, made.Key) || strings.Contains(said, strings.TrimSpace(plain)) {
			t.Errorf("the %s shows a key", name)
		}
	}
	if none := say("list", "--json", "--tenant", "gone"); none != "[]\n" {
		t.Errorf("another tenant's: %s", none)
	}
	if said := say("revoke", made.ID); said != "" {
		t.Errorf("revoke says %q", said)
	}
	if left := say("list"); strings.Contains(left, made.ID) || strings.Count(left, "ckey_") != 1 {
		t.Errorf("left after revoke:\n%s", left)
	}
	must(t, "", "connection", "delete", id, "--tenant", "acme", "--data", dir)
	if left := say("list", "--json"); left != "[]\n" {
		t.Errorf("left after its connection: %s", left)
	}
}

func TestCallerKeyCommandErrors(t *testing.T) {
	dir, id := callerKeyScene(t)
	create := func(more ...string) []string {
		return append([]string{"create", "--tenant", "acme", "--connection", id}, more...)
	}
	with := func(options string, more ...string) []string {
		return create(append(more, "--config", configOf(t, options))...)
	}
	const platform = "source platform {\n url https://api.example/platform/v1\n key {env.X}\n }\n"
	const passing = "source platform {\n url https://api.example/platform/v1\n key passthrough\n }\nsource local\n " +
		"tenant acme {\n source platform\n }\n"
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no tenant":     {[]string{"create", "--connection", id}, `required flag(s) "tenant" not set`},
		"no connection": {[]string{"create", "--tenant", "acme"}, `required flag(s) "connection" not set`},
		"an argument":   {create("gmail"), "accepts 0 arg(s), received 1"},
		"unknown tenant": {[]string{"create", "--tenant", "nobody", "--connection", id},
			`there is no tenant "nobody" in this store`},
		"disabled tenant": {[]string{"create", "--tenant", "gone", "--connection", id},
			connect.ErrTenantDisabled.Error()},
		"keyless tenant": {[]string{"create", "--tenant", "bare", "--connection", id, "--config",
			configOf(t, "tenant bare {\n }")}, "tenant bare has no key"},
		"unknown connection": {[]string{"create", "--tenant", "acme", "--connection", "conn_x"},
			"tenant acme has no such connection in this store"},
		"another end user's": {create("--user", "bob@example.com"),
			"tenant acme has no such connection in this store"},
		"no email": {create("--user", "alice"),
			"--user is invalid: source local names an end user by one bare email address"},
		"unknown app": {create("--app", "gmial"), `app "gmial" is not in the catalog`},
		"app of another": {create("--app", "gmail,slack"),
			"the connection is one of app openai, which --app does not name"},
		"bad method":         {create("--method", "get"), "methods: write them in upper case"},
		"bad path":           {create("--path", "v1"), `path pattern "v1": it must begin with /`},
		"bad errors":         {create("--errors", "mapped"), "errors: write passthrough"},
		"bad budget":         {create("--budget", "many"), `invalid argument "many"`},
		"negative budget":    {create("--budget=-1"), "0 means no bound of its own"},
		"bad expiry":         {create("--expires", "soon"), `--expires "soon": write a duration like 24h or 30d`},
		"expiry in the past": {create("--expires", "2020-01-02T15:04:05Z"), "a time to come"},
		"negative expiry":    {create("--expires=-1h"), "a time to come"},
		"no expiry":          {create("--expires", "0s"), "a time to come"},
		"no store there": {with(platform, "--user", "a@example.com"),
			"has no source of type local, so it opens no store"},
		"other source's user": {with(platform + "source local\n default_source platform"),
			"--user is missing: source platform vends for the tenant"},
		"passed-through key": {with(passing, "--user", "a@example.com"),
			"source platform needs each caller's own tenant key"},
		"unknown source": {with("tenant acme {\n source elsewhere\n }\n"), "source elsewhere is not configured"},
		"unserved tenant": {with(strings.Replace(pipedreamed("email"), "tenant acme", "tenant beta", 1), "--user",
			"a@example.com"),
			"tenant acme: source pipedream does not list it, and would refuse each of its calls with connection_deleted: " +
				"add tenant acme to that source, or give the tenant another source"},
		"no external id": {with(pipedreamed("external_id"), "--user", "é"),
			"--user is invalid: source pipedream names an end user by one id"},
		"an id for an email": {with(pipedreamed("email"), "--user", "User-42"),
			"--user is invalid: source pipedream names an end user by one bare email address"},
		"revoke unknown": {[]string{"revoke", "ckey_x"}, connect.ErrNoCallerKey.Error()},
		"revoke by the key": {[]string{"revoke", "ck_x"},
			"this is the key itself: write its id, ckey_…, which `caller-key list` shows"},
		"revoke none": {[]string{"revoke"}, "accepts 1 arg(s), received 0"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", append([]string{"caller-key", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if strings.Contains(out, "ck_") {
				t.Error("a key is printed")
			}
		})
	}
	if listed := must(t, "", "caller-key", "list", "--json", "--data", dir); listed != "[]\n" {
		t.Errorf("something was stored: %s", listed)
	}
}

// pipedreamed configures Pipedream as the default source of a server with a store.
func pipedreamed(endUser string) string {
	return "source pipedream {\n project proj_1\n tenant acme\n client_id c\n client_secret {env.X}\n end_user " +
		endUser + "\n }\nsource local\n default_source pipedream"
}

// TestCallerKeyOfOtherSources: what the store cannot know is taken at the operator's word.
func TestCallerKeyOfOtherSources(t *testing.T) {
	dir, id := callerKeyScene(t)
	const static = "source static {\n connection c1 {\n tenant acme\n app openai\n field api_key {env.X}\n }\n " +
		"}\nsource local\n"
	for name, tt := range map[string]struct{ options, tenant, connection, user string }{
		"by default": {static + "default_source static", "acme", "c1", "a@example.com"},
		"by the defaults": {static + "default_source local\ntenant_defaults {\n source static\n }", "acme", "c1",
			"a@example.com"},
		"the tenant's": {static + "default_source local\ntenant acme {\n source static\n }", "acme", "c1",
			"a@example.com"},
		"configured only": {static + "default_source static\ntenant conf {\n key {env.Y}\n }", "conf", "c1", "a@example.com"},
		"by an opaque id": {pipedreamed("external_id"), "acme", "apn_1", "User-42"},
		"local, named":    {"source local mine\ntenant acme {\n source mine\n }", "acme", id, ""},
		"local, alone":    {static + "tenant acme {\n source local\n }", "acme", id, ""},
		"a public URL":    {"public_url https://gw.example\nsource local", "acme", id, ""},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"caller-key", "create", "--tenant", tt.tenant, "--connection", tt.connection, "--data", dir,
				"--config", configOf(t, tt.options), "--json"}
			if tt.user != "" {
				args = append(args, "--user", tt.user)
			}
			var made struct {
				ID, User string
				BaseURL  string `json:"base_url"`
			}
			if err := json.Unmarshal([]byte(must(t, "", args...)), &made); err != nil || made.User == "" || tt.user != "" &&
				made.User != tt.user {
				t.Errorf("made %s, %v", fmt.Sprint(made), err)
			}
			base := "https://{gateway}/proxy/" + tt.connection + "/{app}"
			if tt.connection == id {
				base = strings.Replace(base, "{app}", "openai", 1)
			}
			if name == "a public URL" {
				base = strings.Replace(base, "{gateway}", "gw.example", 1)
			}
			if made.BaseURL != base {
				t.Errorf("base URL %s, want %s", made.BaseURL, base)
			}
		})
	}
}
