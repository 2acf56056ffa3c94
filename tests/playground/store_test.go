package playground

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// facts are what `playground --json` prints.
type facts struct {
	Gateway     string `json:"gateway"`
	Provider    string `json:"provider"`
	TenantKey   string `json:"tenant_key"`
	User        string `json:"user"`
	Connections []struct {
		ID       string `json:"id"`
		App      string `json:"app"`
		AuthType string `json:"auth_type"`
		Path     string `json:"path"`
	} `json:"connections"`
	RequestLinks []string `json:"request_links"`
	APIKey       string   `json:"api_key"`
	Dashboard    string   `json:"dashboard"`
}

// startJSON starts a playground for scripts.
func startJSON(t *testing.T, env []string, args ...string) (*program, facts) {
	t.Helper()
	p := start(t, "\n}\n", env, append([]string{"--json"}, args...)...)
	var f facts
	d := json.NewDecoder(strings.NewReader(p.Stdout()))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatalf("%v\n%s", err, p.Stdout())
	}
	return p, f
}

// secretFile returns the client secret from the program's directory.
func (p *program) secretFile(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(p.temp, "vendgate-playground-*", "client-secret"))
	if err != nil || len(found) != 1 {
		t.Fatalf("client secrets in the temporary directory: %v, %v", found, err)
	}
	secret, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(secret)
}

// call calls a path of the gateway and returns status and body.
func (p *program) call(t *testing.T, f facts, key, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, f.Gateway+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-User-Email", f.User)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	p.printed.Write(body)
	return res.StatusCode, string(body)
}

// works calls every connection by its path.
func (p *program) works(t *testing.T, f facts) {
	t.Helper()
	for _, c := range f.Connections {
		if status, body := p.call(t, f, f.TenantKey, c.Path); status != 200 || !strings.Contains(body, "fingerprint") {
			t.Errorf("%s answers %d %s", c.Path, status, body)
		}
	}
}

// TestJSON: every field is there and every path works.
func TestJSON(t *testing.T) {
	p, f := startJSON(t, nil)
	if !strings.HasPrefix(f.Gateway, "http://127.0.0.1:") || !strings.HasPrefix(f.Provider, "http://127.0.0.1:") ||
		!strings.HasPrefix(f.TenantKey, "pk_live_") || f.User != "alice@example.com" {
		t.Errorf("facts without the key: %q %q %q", f.Gateway, f.Provider, f.User)
	}
	var apps []string
	for _, c := range f.Connections {
		apps = append(apps, c.App+" "+c.AuthType)
		if !strings.HasPrefix(c.ID, "conn_") || !strings.HasPrefix(c.Path, "/proxy/"+c.ID+"/"+c.App+"/") {
			t.Errorf("connection %q has path %q", c.ID, c.Path)
		}
	}
	if want := []string{"demo o_auth", "demo o_auth", "demo-key api_key", "demo-limited api_key"}; !slices.Equal(apps,
		want) {
		t.Errorf("connections %q, want %q", apps, want)
	}
	if len(f.RequestLinks) != 2 || f.Dashboard != f.Gateway+"/connect/dashboard" ||
		!strings.HasPrefix(f.APIKey, "demo_key_") {
		t.Errorf("links %d, dashboard %q", len(f.RequestLinks), f.Dashboard)
	}
	for _, link := range f.RequestLinks {
		harness.NewVisitor(t, nil).Open(link).Sees("a printed link", 200, "Accept & Connect")
	}
	p.works(t, f)
	p.checkSilence(t, p.secretFile(t))
	p.interrupt(t, urls(f.Gateway+" "+f.Provider)...)
}

// TestKeptStore: --data keeps the store, and a second start works with it and with a key of its
// own; the key before it works until the start after that.
func TestKeptStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	var keys []string
	for run := 1; run <= 3; run++ {
		listen := harness.FreeAddr(t)
		p, f := startJSON(t, nil, "--data", dir, "--listen", listen)
		if f.Gateway != "http://"+listen {
			t.Errorf("run %d: the gateway is at %s, want %s", run, f.Gateway, listen)
		}
		if slices.Contains(keys, f.TenantKey) {
			t.Errorf("run %d: an old key was shown again", run)
		}
		keys = append(keys, f.TenantKey)
		p.works(t, f)
		for i, key := range keys {
			want := 200
			if i < len(keys)-2 {
				want = 401
			}
			if status, _ := p.call(t, f, key, f.Connections[2].Path); status != want {
				t.Errorf("run %d: the key of run %d is answered %d, want %d", run, i+1, status, want)
			}
		}
		p.checkSilence(t)
		p.interrupt(t, listen)
		listed := harness.Run(t, harness.Environ(t), "", harness.Program(t), "connection", "list", "--json", "--data", dir)
		var connections []struct{ Tenant string }
		// four that work, two that wait for their links
		if err := json.Unmarshal([]byte(listed), &connections); err != nil || len(connections) != 6*run {
			t.Errorf("after run %d the store lists %d connections, %v", run, len(connections), err)
		}
	}
	for _, name := range []string{"vendgate.db", "keyset.json", "client-secret"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestInterruptDuringStream: a stream that is open does not hold Ctrl-C up.
func TestInterruptDuringStream(t *testing.T) {
	p, f := startJSON(t, nil, "--listen", harness.FreeAddr(t))
	r, err := http.NewRequest(http.MethodGet,
		f.Gateway+strings.Replace(f.Connections[0].Path, "/api/me", "/api/stream", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.TenantKey)
	r.Header.Set("X-User-Email", f.User)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 10)); err != nil || res.StatusCode != 200 {
		t.Fatalf("the stream answers %d, %v", res.StatusCode, err)
	}
	p.interrupt(t, urls(f.Gateway+" "+f.Provider)...)
}

// TestListenMistakes: an address without a host would be every interface.
func TestListenMistakes(t *testing.T) {
	for name, listen := range map[string]string{"no host": ":8650", "no port": "127.0.0.1", "nothing of both": "here"} {
		t.Run(name, func(t *testing.T) {
			p := &program{temp: t.TempDir()}
			p.Process = harness.StartProcess(t, harness.Environ(t, "TMPDIR="+p.temp), harness.Program(t), "playground",
				"--listen", listen)
			if code := p.Ended(t, 10*time.Second); code == 0 ||
				!strings.Contains(p.Stderr(), "write host and port, like 127.0.0.1:8642") {
				t.Errorf("exit code %d\n%s", code, p.Stderr())
			}
			if left, err := os.ReadDir(p.temp); err != nil || len(left) != 0 {
				t.Errorf("left in the temporary directory: %v, %v", left, err)
			}
		})
	}
}
