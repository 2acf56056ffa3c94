package sourcemodule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// What the gateway knows, and the service behind the source.
const (
	vaultSecret = "vs-gateway-NEVER"
	credential  = "sk-vended-NEVER"
	keyC        = "pk_live_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
	foreignKey  = "pk_live_FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
)

// scene is a gateway with the foreign source in four configurations, between the service that it
// asks and a provider.
type scene struct {
	*harness.Gateway
	t            *testing.T
	program      string
	service, api *harness.Upstream
	dir, config  string
}

// answer plays the service: it has each connection but `gone`.
func answer(request string) string {
	if strings.Contains(request, "connection=gone") {
		return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
	}
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(credential), credential)
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, program: program(t), service: harness.NewUpstream(t, answer),
		api: harness.NewUpstream(t, harness.OK),
		dir: t.TempDir()}
	secret := filepath.Join(s.dir, "secret")
	write(t, secret, vaultSecret)
	s.Gateway, _ = harness.StartProgram(t, s.program, func(g *harness.Gateway) string {
		s.config = g.Caddyfile(s.options(secret), "", "vendgate_proxy")
		return s.config
	})
	write(t, filepath.Join(s.dir, "Caddyfile"), s.config)
	return s
}

// options is the `vendgate` block. Callers that it does not know belong to the default source.
func (s *scene) options(secret string) string {
	vault := func(name, options string) string {
		return fmt.Sprintf("source vault %s {\n url http://%s\n allow_private 127.0.0.0/8\n %s\n}\n", name, s.service.Addr,
			options)
	}
	tenant := func(id, key, source string) string {
		digest := sha256.Sum256([]byte(key))
		return fmt.Sprintf("tenant %s {\n key_sha256 %s\n source %s\n}\n", id, hex.EncodeToString(digest[:]), source)
	}
	secret = "secret {file." + secret + "}"
	return fmt.Sprintf("data_dir %q\nsource local\ndefault_source passing\n", filepath.Join(s.dir, "data")) +
		fmt.Sprintf("app key {\n auth_type api_key\n upstream http://%s\n field api_key \"API key\" secret\n "+
			"header X-Api-Key {api_key}\n allow_http\n allow_private 127.0.0.0/8\n}\n", s.api.Addr) +
		vault("", secret) + vault("passing", "caller_key") + vault("ids", secret+"\nexternal_ids") +
		vault("bound", secret+"\ntenants gamma") +
		tenant("alpha", harness.KeyA, "vault") + tenant("beta", harness.KeyB, "ids") + tenant("gamma", keyC, "bound")
}

// call calls the connection c1 through the gateway. It returns the status, the error code, and what
// the service was asked.
func (s *scene) call(connection string, headers ...string) (status int, code string, asked []string) {
	s.t.Helper()
	res, err := s.Client.Do(s.Request(http.MethodGet, "/proxy/"+connection+"/key/v1/things", nil, headers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.ReadAll(res.Body); err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get(vending.CodeHeader), s.service.Got()
}

// mustVend checks a call that the service vends for, and what it was told: who is asked for, and by
// which key.
func (s *scene) mustVend(tenant, user, key string, headers ...string) {
	s.t.Helper()
	status, code, asked := s.call("c1", headers...)
	if status != http.StatusOK {
		s.t.Fatalf("the call was answered %d %s", status, code)
	}
	if got := s.api.Got(); len(got) != 1 || !strings.Contains(got[0], "\r\nX-Api-Key: "+credential+"\r\n") {
		s.t.Errorf("the provider got %q", got)
	}
	query := url.Values{"tenant": {tenant}, "user": {user}, "connection": {"c1"}}.Encode()
	if len(asked) == 0 || !strings.HasPrefix(asked[0], "GET /credential?"+query+" ") ||
		!strings.Contains(asked[0], "\r\nAuthorization: Bearer "+key+"\r\n") {
		s.t.Errorf("the service was asked %q, want %s by %s", asked, query, key)
	}
	s.noted(query, asked)
}

// noted waits for the service to hear that the credential was accepted, if it has not yet.
func (s *scene) noted(query string, asked []string) {
	s.t.Helper()
	harness.Within(s.t, "telling the source of an accepted credential", 15*time.Second, func() bool {
		asked = append(asked, s.service.Got()...)
		return len(asked) > 1
	})
	if len(asked) != 2 || !strings.HasPrefix(asked[1], "GET /accepted?"+query+" ") {
		s.t.Errorf("the service was asked %q", asked)
	}
}

// TestVersion: in another Caddy, that Caddy says its own version alone.
func TestVersion(t *testing.T) {
	out := harness.Run(t, harness.Environ(t), "", program(t), "version")
	if !strings.HasPrefix(out, "v2.") || strings.Contains(strings.ToLower(out), "vendgate") {
		t.Errorf("printed %q", out)
	}
}

// TestVends: the source vends as those of the repository do, and each optional interface counts.
func TestVends(t *testing.T) {
	s := newScene(t)
	s.mustVend("alpha", harness.Alice, vaultSecret)
	t.Run("refusal", func(t *testing.T) {
		if status, code, _ := s.call("gone"); status != http.StatusNotFound || code != string(vending.ConnectionDeleted) {
			t.Errorf("answered %d %s", status, code)
		}
	})
	t.Run("caller's key", func(t *testing.T) {
		digest := sha256.Sum256([]byte(foreignKey)) // no tenant is known by it, so that it names one
		s.mustVend("key-"+hex.EncodeToString(digest[:12]), harness.Alice, foreignKey, "Authorization: Bearer "+foreignKey)
	})
	t.Run("external ids", func(t *testing.T) {
		s.mustVend("beta", "u-17", vaultSecret, "Authorization: Bearer "+harness.KeyB, "X-User-Email:",
			"X-External-User-Id: u-17")
		status, code, _ := s.call("c1", "Authorization: Bearer "+harness.KeyB)
		if status != http.StatusBadRequest || code != string(vending.InvalidUserEmail) {
			t.Errorf("with an email address: answered %d %s", status, code)
		}
	})
	t.Run("tenants", func(t *testing.T) {
		s.mustVend("gamma", harness.Alice, vaultSecret, "Authorization: Bearer "+keyC)
	})
	if log := s.Log(); !strings.Contains(log, `"msg":"opened a vault","source":"ids","name":"ids"`) ||
		strings.Contains(log, "NEVER") {
		t.Errorf("the log is\n%s", log)
	}
}

// run runs a command of the program and returns what it wrote to standard output and, if it failed,
// the error that it logged.
func run(t *testing.T, program string, args ...string) (out, failure string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = harness.Environ(t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err == nil {
		return string(raw), ""
	}
	return string(raw), cmp.Or(lastError(stderr.String()), stderr.String())
}

// lastError is the last message of a log at the level ERROR, or "".
func lastError(log string) (message string) {
	for line := range strings.Lines(log) {
		var entry struct{ Level, Msg string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Level == "error" {
			message = entry.Msg
		}
	}
	return message
}

// TestCommands: commands know what the source says of itself, though they do not open it.
func TestCommands(t *testing.T) {
	s := newScene(t)
	create := func(args ...string) (string, string) {
		return run(t, s.program, append([]string{"caller-key", "create", "--connection", "c1", "--config",
			filepath.Join(s.dir, "Caddyfile")}, args...)...)
	}
	key, failure := create("--tenant", "beta", "--user", "u-17")
	if failure != "" {
		t.Fatal(failure)
	}
	harness.Within(t, "a new caller key", 15*time.Second, func() bool {
		status, _, _ := s.call("c1", "Authorization: Bearer "+strings.TrimSpace(key), "X-User-Email:")
		return status == http.StatusOK
	})
	passing := strings.Replace(s.config, "\n source vault\n", "\n source passing\n", 1)
	write(t, filepath.Join(s.dir, "Caddyfile"), passing)
	if _, failure := create("--tenant", "alpha", "--user", harness.Alice); !strings.Contains(failure, "source passing ") {
		t.Errorf("a key for a source that takes the caller's own: %s", failure)
	}
	elsewhere := strings.Replace(s.config, "\n source vault\n", "\n source bound\n", 1)
	write(t, filepath.Join(s.dir, "Caddyfile"), elsewhere)
	const unnamed = "tenant alpha: source bound does not list it"
	if _, failure := create("--tenant", "alpha", "--user", harness.Alice); !strings.Contains(failure, unnamed) {
		t.Errorf("a key of a tenant that the source does not name: %s", failure)
	}
	_, failure = run(t, s.program, "validate", "--config", filepath.Join(s.dir, "Caddyfile"))
	// the configuration that is validated has its log go to a file
	if message := lastError(s.Log()); failure == "" || !strings.Contains(message, unnamed) {
		t.Errorf("validating a tenant that the source does not name: %s, %s", failure, message)
	}
}

// TestAdapt holds forms of `source vault` against the JSON they become, or the error.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			const dashes = "----------\n"
			config, want, ok := strings.Cut(read(t, file), dashes)
			if !ok {
				t.Fatal("the file has no line of dashes")
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "Caddyfile"), config)
			got, failure := run(t, program(t), "adapt", "--pretty", "--config", filepath.Join(dir, "Caddyfile"))
			if failure != "" {
				got = failure + "\n"
			}
			got = strings.ReplaceAll(got, dir+string(os.PathSeparator), "")
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
