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

// TestNothingLeaks goes through every page and call that a secret passes, and looks for it in the
// log at DEBUG, the access log, the metrics and the data directory.
func TestNothingLeaks(t *testing.T) {
	o := newOfficeAt(t, "log\n"+site)
	found := new(harness.Secrets)
	visit := func() *harness.Visitor { return harness.NewVisitor(t, found) }
	found.Add("tenant key", harness.KeyA)
	found.Add("client secret", o.provider.ClientSecret)

	address, id := o.link("crm")
	v := visit().Open(address).Submit("accept")
	v.LogIn("x", "consent", "deny").Submit("accept").LogIn("alice@provider.example").Sees("done", 200, harness.SaysCreated)
	_, grant := o.held(id)
	found.Add("access token", grant.AccessToken)
	found.Add("refresh token", grant.RefreshToken)
	status, token := o.platform(http.MethodPost, "/connections/"+id+"/token", "")
	if status != http.StatusOK || token["access_token"] != grant.AccessToken {
		t.Fatalf("vended %d", status)
	}
	again := o.renew(id)
	visit().Open(again).Submit("reject").Sees("rejected", 200, "declined")
	keyed, _ := o.link("vault")
	v = visit().Open(keyed).Submit("accept").Submit("credentials", "field.api_key", "wrong-key-canary")
	v.Submit("credentials", "field.api_key", "right").Sees("done", 200, harness.SaysCreated)
	found.Add("entered key", "wrong-key-canary")

	d := visit().Open(o.URL+"/connect/dashboard").Sees("sign-in", 200, "Sign in")
	d.Do(http.MethodPost, o.URL+"/connect/dashboard/sign-in", url.Values{"csrf": {d.CSRF()},
		"key": {"pk_live_wrongwrongwrongwrongwrongwrongwrong"}}).Sees("wrong key", 401, "unknown or retired")
	found.Add("wrong tenant key", "pk_live_wrongwrongwrongwrongwrongwrongwrong")
	d.Do(http.MethodPost, o.URL+"/connect/dashboard/sign-in",
		url.Values{"csrf": {d.CSRF()}, "key": {harness.KeyA}}).Sees("signed in", 200, "Connections")
	d.Open(o.URL+"/connect/dashboard/keys").Submit("mcp").Sees("an MCP URL", 201, "shown only this once")
	_, rest, ok := strings.Cut(d.Page, "/platform/v1/mcp/")
	if !ok {
		t.Fatal("the page shows no MCP URL")
	}
	mcp := rest[:33]
	found.Add("MCP token", mcp)
	res, err := o.Client.Do(o.Request(http.MethodPost, "/platform/v1/mcp/"+mcp,
		[]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`),
		"Authorization:", "X-User-Email:", "Content-Type: application/json", "Accept: application/json, text/event-stream"))
	if err != nil || res.StatusCode != http.StatusOK || res.Body.Close() != nil {
		t.Fatalf("the MCP URL: %v %v", res, err)
	}

	for _, mark := range []string{`"uri":"/connect/REDACTED"`, `/platform/v1/mcp/REDACTED`,
		`"uri":"/connect/REDACTED/credentials"`, `"Location":["/connect/REDACTED/done"]`} {
		// An entry is written a moment after its caller has the answer.
		harness.Within(t, mark+" in the access log", 15*time.Second, func() bool { return strings.Contains(o.Log(), mark) })
	}
	log := o.Log()
	metrics, err := o.Client.Get(o.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text := readAll(t, metrics)
	places := map[string]string{"the log": log, "the metrics": text, "the data directory": readDir(t, o.dir)}
	if found.Len() < 20 {
		t.Errorf("only %d secrets were collected", found.Len())
	}
	for place, text := range places {
		except := ""
		if place == "the data directory" {
			except = "client secret" // the file that the configuration refers to
		}
		for _, what := range found.In(text, except) {
			t.Errorf("%s holds a %s", place, what)
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
