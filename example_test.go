package vendgate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestExample runs Caddyfile.example as it stands, but for its ports: another program may have
// them.
func TestExample(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	example, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(example); string(formatted) != string(example) {
		t.Errorf("caddy fmt would make it\n%s", formatted)
	}
	addr := harness.FreeAddr(t)
	moved := strings.Replace(string(example), "\n:8080 {", "\nhttp://"+addr+" {", 1)
	if moved == string(example) {
		t.Fatal("the example listens elsewhere than on :8080")
	}
	adapted, err := harness.Adapt(moved)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	config["admin"] = json.RawMessage(`{"disabled":true,"config":{"persist":false}}`)
	if err := caddy.Load(caddyconfig.JSON(config, nil), true); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, path := range []string{"/proxy/c1/openai/models", "/platform/v1/connections/c1"} {
		res, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), `"code":"invalid_tenant_key"`) {
			t.Errorf("%s: answered %d %s", path, res.StatusCode, body)
		}
	}
	for _, path := range []string{"/", "/proxy", "/proxyc1/openai/models", "/platform/v1", "/v1/mail/send?key=pk_live_x",
		"/PROXY/c1/openai"} {
		mustNotServe(t, "http://"+addr+path)
	}
	http.DefaultClient.CloseIdleConnections()
}

// mustNotServe sends requests that no SDK may take for answered.
func mustNotServe(t *testing.T, url string) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions} {
		req, err := http.NewRequest(method, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer pk_live_x")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		const want = `{"status":"error","message":"nothing is served at this path: check the base ` +
			`URL","data":{"code":"not_found","origin":"gateway"},` +
			`"error":{"code":"not_found","type":"vendgate_error","message":"nothing is served at this path: check the base ` +
			`URL"}}`
		if res.StatusCode != http.StatusNotFound || method != http.MethodHead && string(body) != want ||
			res.Header.Get("Vendgate-Code") != "not_found" {
			t.Errorf("%s %s: answered %d %s", method, url, res.StatusCode, body)
		}
	}
}

// TestExampleOptions takes the comments away from the options that the example shows: each must be
// one that exists.
func TestExampleOptions(t *testing.T) {
	example, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	inBlock := false
	for line := range strings.Lines(string(example)) {
		code, comment := strings.CutPrefix(strings.TrimLeft(line, "\t"), "# ")
		switch {
		case comment && strings.HasSuffix(code, "{\n"):
			inBlock = true
		case comment && code == "}\n":
			inBlock = false
			line = "}\n"
		}
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "\t"), "#\t"); ok && inBlock {
			line = text
		} else if comment && (strings.HasSuffix(code, "{\n") || optionLine(code)) {
			line = code
		}
		if strings.HasPrefix(line, ":8080") {
			continue // the commented site stands for it
		}
		shown = append(shown, line)
	}
	adapted, err := harness.Adapt(strings.Join(shown, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"data_dir"`, `"public_url"`, `"platform"`, `"static"`, `"tenants"`, `"tenant_defaults"`,
		`"intranet"`, `"oauth_clients"`, `"trust_ca"`, `"gateway.example.com"`, `"logging"`, `"rules"`, `"max_in_flight"`,
		`"redirects":"follow"`} {
		if !strings.Contains(string(adapted), part) {
			t.Errorf("the example does not show %s", part)
		}
	}
}

// optionLine reports whether the comment is an option of one line.
func optionLine(comment string) bool {
	return strings.HasPrefix(comment, "data_dir ") || strings.HasPrefix(comment, "public_url ")
}
