package authorization

import (
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestNothingLeaks goes through every page and call that a secret passes, and looks for it in the log at DEBUG, the access log, the metrics
// and the data directory.
func TestNothingLeaks(t *testing.T) {
	o := newOfficeAt(t, "log\n"+site)
	found := new(secrets)
	visit := func() *visitor {
		v := newVisitor(t)
		v.client.Transport, v.secrets = found, found
		return v
	}
	found.add("tenant key", harness.KeyA)
	found.add("client secret", o.provider.ClientSecret)

	address, id := o.link("crm")
	v := visit().open(address).submit("accept")
	v.logIn("x", "consent", "deny").submit("accept").logIn("alice@provider.example").sees("done", 200, saysCreated)
	_, grant := o.held(id)
	found.add("access token", grant.AccessToken)
	found.add("refresh token", grant.RefreshToken)
	status, token := o.platform(http.MethodPost, "/connections/"+id+"/token", "")
	if status != http.StatusOK || token["access_token"] != grant.AccessToken {
		t.Fatalf("vended %d", status)
	}
	again := o.renew(id)
	visit().open(again).submit("reject").sees("rejected", 200, "declined")
	keyed, _ := o.link("vault")
	v = visit().open(keyed).submit("accept").submit("credentials", "field.api_key", "wrong-key-canary")
	v.submit("credentials", "field.api_key", "right").sees("done", 200, saysCreated)
	found.add("entered key", "wrong-key-canary")

	d := visit().open(o.URL+"/connect/dashboard").sees("sign-in", 200, "Sign in")
	d.do(http.MethodPost, o.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {d.csrf()}, "key": {"pk_live_wrongwrongwrongwrongwrongwrongwrong"}}).sees("wrong key", 401, "unknown or retired")
	found.add("wrong tenant key", "pk_live_wrongwrongwrongwrongwrongwrongwrong")
	d.do(http.MethodPost, o.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {d.csrf()}, "key": {harness.KeyA}}).sees("signed in", 200, "Connections")
	d.open(o.URL+"/connect/dashboard/keys").submit("mcp").sees("an MCP URL", 201, "shown only this once")
	_, rest, ok := strings.Cut(d.page, "/platform/v1/mcp/")
	if !ok {
		t.Fatal("the page shows no MCP URL")
	}
	mcp := rest[:33]
	found.add("MCP token", mcp)
	res, err := o.Client.Do(o.Request(http.MethodPost, "/platform/v1/mcp/"+mcp, []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`),
		"Authorization:", "X-User-Email:", "Content-Type: application/json", "Accept: application/json, text/event-stream"))
	if err != nil || res.StatusCode != http.StatusOK || res.Body.Close() != nil {
		t.Fatalf("the MCP URL: %v %v", res, err)
	}

	for _, mark := range []string{`"uri":"/connect/REDACTED"`, `/connect/callback?REDACTED`, `/platform/v1/mcp/REDACTED`, `"uri":"/connect/REDACTED/credentials"`, `"Location":["/connect/REDACTED/done"]`} {
		// An entry is written a moment after its caller has the answer.
		harness.Within(t, mark+" in the access log", 5*time.Second, func() bool { return strings.Contains(o.Log(), mark) })
	}
	log := o.Log()
	metrics, err := o.Client.Get(o.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text := readAll(t, metrics)
	places := map[string]string{"the log": log, "the metrics": text, "the data directory": readDir(t, o.dir)}
	if len(found.list) < 20 {
		t.Errorf("only %d secrets were collected", len(found.list))
	}
	for place, text := range places {
		for secret, what := range found.list {
			if place == "the data directory" && what == "client secret" {
				continue // the file that the configuration refers to
			}
			if strings.Contains(text, secret) {
				t.Errorf("%s holds a %s", place, what)
			}
		}
	}
}

func readAll(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// readDir is all that is written below dir.
func readDir(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all.Write(raw)
		return err
	})
	if err != nil || !strings.Contains(all.String(), "SQLite format 3") {
		t.Fatalf("reading the data directory: %v", err)
	}
	return all.String()
}
