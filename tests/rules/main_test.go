// Package rules holds rules against calls as providers document them, through a running gateway:
// none may be refused that the rules permit, and none may pass that stands for another request than
// its request line says. calls.jsonl and hostile.jsonl have one request a line, each with the page
// that documents it.
package rules

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, harness.LeakOptions()...) }

// documented is one line of a file.
type documented struct {
	App, Method, Path string
	Headers           map[string]string
	ContentType       string `json:"content_type"`
	Body              string
	// Rule is a path pattern in calls.jsonl, and all of a rule after the app in hostile.jsonl. Allow
	// are the methods that the call needs beside its own.
	Rule, Allow string
	Why, Source string
}

func read(t *testing.T, name string) (list []documented) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d documented
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatalf("%s: %v in %s", name, err, lines.Text())
		}
		list = append(list, d)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// text is the request as a caller writes it, byte for byte.
func (d documented) text(connection, key string) string {
	lines := []string{
		d.Method + " /proxy/" + connection + "/" + d.App + d.Path + " HTTP/1.1",
		"Host: gateway.example", "X-Vendgate-Key: " + key, "X-User-Email: " + harness.Alice, "Connection: close",
	}
	for name, value := range d.Headers {
		lines = append(lines, name+": "+value)
	}
	if d.ContentType != "" {
		lines = append(lines, "Content-Type: "+d.ContentType)
	}
	if d.Body != "" || d.Method == "POST" || d.Method == "PUT" || d.Method == "PATCH" {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(d.Body)))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + d.Body
}

// stage is a gateway with the catalog's apps, all of which lead to one provider on this machine.
type stage struct {
	*harness.Gateway
	up   *harness.Upstream
	apps map[string]*catalog.App
}

// newStage starts a gateway with a tenant for each of rules, which are lines of its policy.
func newStage(t *testing.T, calls []documented, rules [][]string) *stage {
	t.Helper()
	s := &stage{up: harness.NewUpstream(t, harness.OK), apps: map[string]*catalog.App{}}
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	var lines, connections, tenants []string
	secret := harness.Secret(t, "RULES_KEY", "sk-rules-canary")
	for i, c := range calls {
		if s.apps[c.App] == nil {
			app, ok := all.App(c.App)
			if !ok {
				t.Fatalf("the catalog has no app %s", c.App)
			}
			s.apps[c.App] = app
			lines = append(lines, s.local(t, app))
		}
		tenants = append(tenants, fmt.Sprintf("tenant t%d {\nkey_sha256 %s\nbudget token unlimited\n%s\n}\n", i, digestOf(i),
			strings.Join(rules[i], "\n")))
		connections = append(connections,
			fmt.Sprintf("connection c%d {\ntenant t%d\napp %s\nfield api_key %s\n}\n", i, i, c.App, secret))
	}
	file := filepath.Join(t.TempDir(), "apps.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Gateway = harness.Start(t, "catalog {\nfile "+file+"\n}\nsource static {\n"+strings.Join(connections, "")+"}\n"+
		strings.Join(tenants, ""))
	return s
}

// keyOf is the key of tenant number i.
func keyOf(i int) string { return fmt.Sprintf("pk_live_%043d", i) }

// digestOf is what a configuration knows of the key of tenant number i.
func digestOf(i int) string {
	digest := sha256.Sum256([]byte(keyOf(i)))
	return hex.EncodeToString(digest[:])
}

// local is app's entry with what rules look at, and the provider of the test: its base path stays,
// its extra hosts are the provider's other names.
func (s *stage) local(t *testing.T, app *catalog.App) string {
	t.Helper()
	entry := map[string]any{
		"slug": app.Slug, "name": app.Name, "auth_type": "api_key", "upstream": "http://" + s.up.Addr + s.base(t, app),
		"allow_http": true, "allow_private": []string{"127.0.0.0/8"},
		"fields":    []map[string]any{{"name": "api_key", "secret": true}},
		"placement": map[string]any{"header": map[string]string{"X-Canary": "{api_key}"}},
	}
	if app.Steering != nil {
		entry["steering"] = app.Steering
	}
	if len(app.ExtraHosts) > 0 {
		entry["extra_hosts"] = app.ExtraHosts
	}
	text, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// base is the path of the app's upstream, without slots.
func (s *stage) base(t *testing.T, app *catalog.App) string {
	t.Helper()
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(app.Upstream))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(u.Path, "/")
}
