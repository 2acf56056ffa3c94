package command_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

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

func audited(t *testing.T, args ...string) []auditRow {
	t.Helper()
	out := must(t, "", append([]string{"audit", "--json"}, args...)...)
	var rows []auditRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil || rows == nil {
		t.Fatalf("%s: %v", out, err)
	}
	return rows
}

// TestAuditCommand: what commands change stands in the audit trail, as the operator's, and no
// secret with it.
func TestAuditCommand(t *testing.T) {
	dir := t.TempDir()
	keys := []string{strings.TrimSpace(must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data",
		dir))}
	keys = append(keys,
		strings.TrimSpace(must(t, "", "tenant", "create", "beta", "--email", "dev@beta.example", "--data", dir)))
	must(t, "cs-NEVER", "oauth-client", "set", "gmail", "--client-id", "id.example", "--data", dir)
	id := strings.TrimSpace(must(t, `{"api_key":"sk-NEVER"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "openai", "--no-verify", "--data", dir))
	keys = append(keys, strings.TrimSpace(must(t, "", "tenant", "rotate", "acme", "--data", dir)))
	must(t, "", "tenant", "promote", "acme", "--data", dir)
	must(t, "", "connection", "delete", id, "--tenant", "acme", "--data", dir)
	must(t, "", "keyset", "rotate", "--data", dir)

	var events []string
	rows := audited(t, "--data", dir)
	for _, r := range rows {
		events = append(events, r.Event)
		if r.Actor != "operator" || r.Request != "" || time.Since(r.At) > time.Minute || time.Since(r.At) < 0 {
			t.Errorf("%+v", r)
		}
	}
	const want = "keyset_rotated connection_deleted key_promoted key_minted connection_imported oauth_client_set " +
		"key_minted tenant_created key_minted tenant_created"
	if got := strings.Join(events, " "); got != want {
		t.Errorf("newest first:\n%s, want\n%s", got, want)
	}
	if r := rows[4]; r.Tenant != "acme" || r.Connection != id || r.User != "a@example.com" || r.App != "openai" {
		t.Errorf("the import is %+v", r)
	}
	table := must(t, "", "audit", "--data", dir)
	for _, want := range []string{
		`^TIME +EVENT +TENANT +ACTOR +CONNECTION +USER +APP +REQUEST +DETAIL\n`,
		`(?m)^20\S+Z +keyset_rotated +- +operator +- +- +- +- +`,
		`(?m)^20\S+Z +connection_imported +acme +operator +` + id +
			` +a@example\.com +openai +- +not verified: the provider has not confirmed the credentials$`,
	} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}
	for _, secret := range append(keys, "NEVER") {
		if said := fmt.Sprint(table, rows); strings.Contains(said, secret) {
			t.Errorf("a secret stands in the audit trail: %s", said)
		}
	}
	for filter, want := range map[string]int{
		"--tenant=beta": 2, "--connection=" + id: 2, "--event=key_minted": 3, "--event=keyset_rotated": 1,
		"--event=signed_in": 0, "--limit=3": 3, "--since=1h": 10, "--since=1d": 10,
		"--since=" + time.Now().Add(time.Hour).Format(time.RFC3339): 0, "--since=2026-01-02T15:04:05Z": 10,
		"--tenant=nobody": 0,
	} {
		if got := len(audited(t, "--data", dir, filter)); got != want {
			t.Errorf("%s: %d rows, want %d", filter, got, want)
		}
	}
	if got := audited(t, "--data", dir, "--tenant=acme", "--event=key_minted", "--limit=1"); len(got) != 1 ||
		got[0].ID != rows[3].ID {
		t.Errorf("the newest key of acme: %+v", got)
	}
}

func TestAuditCommandErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "keyset", "create", "--data", dir)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"limit 0":       {[]string{"--limit", "0"}, "--limit: write a number from 1"},
		"unknown event": {[]string{"--event", "key_minded"}, "--event: write one of keyset_rotated link_created"},
		"limit text":    {[]string{"--limit", "all"}, `invalid argument "all" for "--limit"`},
		"since text": {[]string{"--since", "yesterday"},
			`--since "yesterday": write a duration like 90m or 7d, or a time like`},
		"since negative":  {[]string{"--since", "-5m"}, `--since "-5m": write a duration`},
		"since a day":     {[]string{"--since", "2026-01-02"}, `--since "2026-01-02": write a duration`},
		"an argument":     {[]string{"acme"}, `unknown command "acme"`},
		"no such setting": {[]string{"--user", "x"}, "unknown flag: --user"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", append([]string{"audit", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("%v, printed %q", err, out)
			}
		})
	}
}

// TestAuditCommandPages asks for more rows than one page of the store holds.
func TestAuditCommandPages(t *testing.T) {
	dir := t.TempDir()
	store := harness.OpenStore(t, dir)
	for i := range 250 {
		if err := store.Record(t.Context(),
			connect.AuditRow{Event: connect.SignedIn, Tenant: "acme", Detail: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{1: 1, 100: 100, 101: 101, 230: 230, 1000: 250} {
		rows := audited(t, "--data", dir, "--limit", fmt.Sprint(limit))
		if len(rows) != want || rows[0].Detail != "249" || rows[want-1].Detail != fmt.Sprint(250-want) {
			t.Errorf("limit %d: %d rows, want %d", limit, len(rows), want)
		}
	}
	if rows := audited(t, "--data", dir); len(rows) != 100 {
		t.Errorf("%d rows by default, want 100", len(rows))
	}
}
