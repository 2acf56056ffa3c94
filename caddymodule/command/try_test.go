package command_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// triedApp is the app `crm` at a server that answers each key with the status that it is.
func triedApp(t *testing.T) (config string, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		status := http.StatusOK
		_, _ = fmt.Sscanf(r.Header.Get("X-Key"), "NEVER-%d", &status)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.Header.Get("X-Key"))
	}))
	t.Cleanup(server.Close)
	return fmt.Sprintf("app crm {\n auth_type api_key\n upstream %s\n field api_key Key secret\n header X-Key {api_key}\n"+
		"verify /me {\n inconclusive\n }\n allow_http\n allow_private 127.0.0.0/8\n}\n", server.URL), calls
}

// TestImportIsTried: what the provider refuses, or cannot be asked about, is not stored; what it
// leaves open only on request.
func TestImportIsTried(t *testing.T) {
	app, calls := triedApp(t)
	const unconfirmed = "the credential was not stored: crm neither accepts nor refuses what you entered (HTTP 403), " +
		"perhaps because a permission or credit is missing, so nothing was saved; " +
		"--unconfirmed stores it anyway"
	for name, tt := range map[string]struct {
		options, key string
		flags        []string
		want         string // of the error; empty if it is stored
		verified     bool
		calls        int64
	}{
		"accepted":                {key: "NEVER-200", verified: true, calls: 1},
		"accepted, with the flag": {key: "NEVER-200", flags: []string{"--unconfirmed"}, verified: true, calls: 1},
		"wrong": {key: "NEVER-401", flags: []string{"--unconfirmed"}, calls: 1,
			want: "the credential was not stored: crm does not accept what you entered (HTTP 401); " +
				"please check it and try again"},
		"away": {key: "NEVER-503", flags: []string{"--unconfirmed"}, calls: 1,
			want: "the credential was not stored: crm cannot be reached right now, so nothing was saved; " +
				"please try again in a few minutes; --no-verify stores it without asking"},
		"unconfirmed":         {key: "NEVER-403", calls: 1, want: unconfirmed},
		"unconfirmed, anyway": {key: "NEVER-403", flags: []string{"--unconfirmed"}, calls: 1},
		"not asked":           {key: "NEVER-401", flags: []string{"--no-verify"}},
		"both flags": {key: "NEVER-200", flags: []string{"--no-verify", "--unconfirmed"},
			want: "if any flags in the group [unconfirmed no-verify] are set none of the others can be; [no-verify " +
				"unconfirmed] were all set"},
		"a tenant that refuses": {options: "tenant acme {\n unconfirmed refuse\n}\n", key: "NEVER-200", verified: true,
			calls: 1},
		"refused, whatever else": {options: "tenant acme {\n unconfirmed refuse\n}\n", key: "NEVER-200",
			flags: []string{"--unconfirmed"},
			want: "tenant acme takes only credentials that their provider confirms: leave --unconfirmed out, or set the " +
				"tenant's unconfirmed to ask"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
			calls.Store(0)
			args := append([]string{"connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app", "crm",
				"--json", "--data", dir,
				"--config", configOf(t, app+tt.options)}, tt.flags...)
			out, errs, err := run(t, `{"api_key":"`+tt.key+`"}`, args...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if strings.Contains(fmt.Sprint(out, errs, err), "NEVER") || calls.Load() != tt.calls {
				t.Errorf("%d calls; it prints %s %s", calls.Load(), out, errs)
			}
			var rows []struct {
				ID       string
				Verified bool
			}
			if err := json.Unmarshal([]byte(must(t, "", "connection", "list", "--json", "--data", dir)), &rows); err != nil ||
				len(rows) != 0 == (tt.want != "") {
				t.Fatalf("stored %+v, %v", rows, err)
			}
			if tt.want == "" &&
				(rows[0].Verified != tt.verified || !strings.Contains(out, fmt.Sprintf("%q: %t", "verified", tt.verified))) {
				t.Errorf("stored %+v, said %s", rows, out)
			}
		})
	}
}

// TestImportDials: under the app's own guard, like the gateway.
func TestImportDials(t *testing.T) {
	app, calls := triedApp(t)
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	closed := strings.Replace(app, "allow_private 127.0.0.0/8", "", 1)
	_, _, err := run(t, `{"api_key":"k"}`, "connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app",
		"crm", "--data", dir, "--config", configOf(t, closed))
	if err == nil || !strings.Contains(err.Error(), "crm cannot be reached right now") || calls.Load() != 0 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}
