package command_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// linkJSON is what `connection link --json` prints.
type linkJSON struct {
	ConnectionID string    `json:"connection_id"`
	RequestToken string    `json:"request_token"`
	RequestLink  string    `json:"request_link"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func makeLink(t *testing.T, args ...string) (l linkJSON) {
	t.Helper()
	out := must(t, "", append([]string{"connection", "--json", "--public-url", "https://gw.example"}, args...)...)
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return l
}

// statusOf returns the state of the link that has this token.
func statusOf(t *testing.T, store *store.Store, token string) (connect.Status, connect.Connection) {
	t.Helper()
	l, err := store.Link(t.Context(), connect.DigestOf(token))
	if err != nil {
		t.Fatal(err)
	}
	return l.Status, l.Connection
}

func TestConnectionLink(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	store := harness.OpenStore(t, dir)
	l := makeLink(t, "link", "--tenant", "acme", "--user", "Alice@Example.com", "--app", "openai", "--name", "Main",
		"--data", dir)
	if !regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(l.RequestToken) ||
		l.RequestLink != "https://gw.example/connect/"+l.RequestToken {
		t.Errorf("made %+v", l)
	}
	if left := time.Until(l.ExpiresAt); left > 48*time.Hour || left < 47*time.Hour {
		t.Errorf("it ends in %s", left)
	}
	status, c := statusOf(t, store, l.RequestToken)
	if status != connect.Pending || c.ID != l.ConnectionID || c.Tenant != "acme" || c.User != "alice@example.com" ||
		c.App != "openai" || c.Name != "Main" || c.AuthType != "api_key" || !c.ViaLink {
		t.Errorf("the link is %s, of %+v", status, c)
	}
	config := configOf(t, "public_url https://from.config")
	plain := must(t, "", "connection", "link", "--tenant", "acme", "--user", "bob@example.com", "--app", "openai",
		"--config", config, "--data", dir)
	token, ok := strings.CutPrefix(strings.TrimSuffix(plain, "\n"), "https://from.config/connect/")
	if status, c := statusOf(t, store, token); !ok || status != connect.Pending || c.User != "bob@example.com" ||
		c.Name != "openai" {
		t.Errorf("printed %q, which is %s, of %+v", plain, status, c)
	}
	renewed := makeLink(t, "refresh", l.ConnectionID, "--tenant", "acme", "--data", dir)
	if status, _ := statusOf(t, store, l.RequestToken); status != connect.Expired ||
		renewed.ConnectionID != l.ConnectionID {
		t.Errorf("the first link is %s, and the second one of %s", status, renewed.ConnectionID)
	}
	said := must(t, "", "connection", "list", "--data", dir) + must(t, "", "audit", "--data", dir)
	if strings.Contains(said, l.RequestToken) || strings.Contains(said, renewed.RequestToken) ||
		strings.Contains(said, token) {
		t.Errorf("a token is shown again: %s", said)
	}
	must(t, "", "connection", "delete", l.ConnectionID, "--tenant", "acme", "--data", dir)
}

// TestConnectionLinkNeedsClient: nobody could complete the link to an OAuth app without a client.
func TestConnectionLinkNeedsClient(t *testing.T) {
	link := func(dir string, more ...string) error {
		_, _, err := run(t, "", append([]string{"connection", "link", "--tenant", "acme", "--user", "a@example.com", "--app",
			"gmail", "--public-url", "https://gw.example", "--data", dir}, more...)...)
		return err
	}
	const want = "app gmail needs an OAuth client first: store one with `oauth-client set`"
	for name, tt := range map[string]struct {
		client []string // the arguments of oauth-client set
		config string
		works  bool
	}{
		"none":                   {},
		"of another app":         {client: []string{"slack"}},
		"of another tenant":      {client: []string{"gmail", "--tenant", "other"}},
		"of all":                 {client: []string{"gmail"}, works: true},
		"of the tenant":          {client: []string{"gmail", "--tenant", "acme"}, works: true},
		"configured":             {config: "oauth_client gmail {\n client_id x\n }", works: true},
		"configured for another": {config: "oauth_client gmail {\n client_id x\n tenant other\n }"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, tenant := range []string{"acme", "other"} {
				must(t, "", "tenant", "create", tenant, "--email", "dev@acme.example", "--data", dir)
			}
			if tt.client != nil {
				must(t, "cs", append([]string{"oauth-client", "set", "--client-id", "x", "--data", dir}, tt.client...)...)
			}
			var more []string
			if tt.config != "" {
				more = []string{"--config", configOf(t, tt.config)}
			}
			err := link(dir, more...)
			if tt.works != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestConnectionLinkErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	id := strings.TrimSpace(must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "openai", "--no-verify", "--data", dir))
	const elsewhere = "so no call would find a connection of this store"
	static := configOf(t, "source static\nsource local\ntenant acme {\n source static\n }")
	unlinkable := configOf(t,
		"app crm {\n auth_type o_auth\n upstream https://crm.example\n oauth2 {\n "+
			"token_url https://crm.example/token\n }\n }")
	link := func(more ...string) []string {
		return append([]string{"link", "--tenant", "acme", "--user", "a@example.com", "--app", "openai", "--public-url",
			"https://gw.example"}, more...)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no origin": {[]string{"link", "--tenant", "acme", "--user", "a@example.com", "--app", "openai"},
			"a link needs to know where the gateway is reached: write --public-url"},
		"refresh no origin": {[]string{"refresh", id, "--tenant", "acme"},
			"a link needs to know where the gateway is reached"},
		"bad origin":  {link("--public-url", "https://gw.example/path"), "write scheme and host only"},
		"unknown app": {link("--app", "nosuch"), `app "nosuch" is not in the catalog`},
		"unlinkable app": {link("--app", "crm", "--config", unlinkable),
			"end users cannot authorize crm by a link: import its connections"},
		"unknown tenant": {link("--tenant", "nobody"), `there is no tenant "nobody" in this store`},
		"another source": {link("--config", static), "source static vends for tenant acme, " + elsewhere},
		"refresh, another": {[]string{"refresh", id, "--tenant", "acme", "--public-url", "https://gw.example", "--config",
			static}, elsewhere},
		"import, another": {[]string{"import", "--tenant", "acme", "--user", "a@example.com", "--app", "openai",
			"--no-verify", "--config", static}, elsewhere},
		"bad user":          {link("--user", "alice"), "email"},
		"bad name":          {link("--name", strings.Repeat("x", 201)), "name: must be at most 200 bytes"},
		"no flags":          {[]string{"link"}, `required flag(s) "app", "tenant", "user" not set`},
		"refresh no tenant": {[]string{"refresh", id}, `required flag(s) "tenant" not set`},
		"refresh unknown": {[]string{"refresh", "conn_1", "--tenant", "acme", "--public-url", "https://gw.example"},
			"no such connection"},
		"refresh another's": {[]string{"refresh", id, "--tenant", "other", "--public-url", "https://gw.example"},
			"no such connection"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", append([]string{"connection", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("%v, printed %q", err, out)
			}
		})
	}
	if listed := must(t, "", "connection", "list", "--data", dir); strings.Count(listed, "\n") != 2 ||
		strings.Contains(listed, "refresh") {
		t.Errorf("something was stored:\n%s", listed)
	}
}

// TestConnectionListOfLinks looks at what the guide shows as badges, and at the filters.
func TestConnectionListOfLinks(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	imported := strings.TrimSpace(must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "openai", "--no-verify", "--name", "Billing", "--data", dir))
	pending := makeLink(t, "link", "--tenant", "acme", "--user", "b@example.com", "--app", "openai", "--name", "100% sure",
		"--data", dir)
	renewal := makeLink(t, "refresh", imported, "--tenant", "acme", "--data", dir)
	table := must(t, "", "connection", "list", "--data", dir)
	for _, want := range []string{
		`(?m)^` + imported + ` +acme +a@example\.com +openai +Billing +active, refresh pending, not verified +no +` +
			renewal.ExpiresAt.Format(time.RFC3339) + ` +20\S+Z$`,
		`(?m)^` + pending.ConnectionID + ` +acme +b@example\.com +openai +100% sure +pending +yes +` +
			pending.ExpiresAt.Format(time.RFC3339) + ` +20\S+Z$`,
	} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}
	for filter, want := range map[string][]string{
		"--status=active": {imported}, "--status=pending": {pending.ConnectionID}, "--status=expired": {},
		"--search=bill":      {imported},
		"--search=b@example": {pending.ConnectionID}, "--search=100%": {pending.ConnectionID},
		"--search=" + imported[:12]: {imported}, "--search=nothing": {},
	} {
		var rows []struct {
			ID             string
			ViaLink        bool       `json:"via_link"`
			RefreshPending bool       `json:"refresh_pending"`
			ExpiresAt      *time.Time `json:"expires_at"`
		}
		listed := must(t, "", "connection", "list", "--json", "--data", dir, filter)
		if err := json.Unmarshal([]byte(listed), &rows); err != nil {
			t.Fatalf("%s: %v", listed, err)
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.ID)
			if r.ExpiresAt == nil || r.ViaLink != (r.ID == pending.ConnectionID) || r.RefreshPending != (r.ID == imported) {
				t.Errorf("%s: %+v", filter, r)
			}
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	if _, _, err := run(t, "", "connection", "list", "--status", "open", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), "--status: write pending, active, rejected, expired or needs_reconnection") {
		t.Errorf("an unknown status: %v", err)
	}
}

// TestConnectionDeleteHonoursHolds: the error names what has to be released first.
func TestConnectionDeleteHonoursHolds(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	id := strings.TrimSpace(must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "openai", "--no-verify", "--data", dir))
	store := harness.OpenStore(t, dir)
	for _, name := range []string{"invoice-sync", "crm-sync"} {
		if _, err := store.Hold(t.Context(), "acme", "", id, name); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() error {
		_, _, err := run(t, "", "connection", "delete", id, "--tenant", "acme", "--data", dir)
		return err
	}
	if err := remove(); err == nil ||
		!strings.Contains(fmt.Sprint(err), "the connection is held by crm-sync, invoice-sync; release that first") {
		t.Errorf("a held connection: %v", err)
	}
	for _, name := range []string{"invoice-sync", "crm-sync"} {
		if _, err := store.Release(t.Context(), "acme", "", id, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
}
