// Package quickstart does what docs/quickstart.md says: it writes its configuration, runs its
// gateway, and runs its commands in a shell, one after the other. Only the providers are others:
// one on loopback stands for them.
package quickstart

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) {
	cleanup := goleak.Cleanup(func(code int) {
		harness.RemoveBuilds()
		os.Exit(code)
	})
	goleak.VerifyTestMain(m, append(harness.LeakOptions(), cleanup)...)
}

// provider plays OpenAI's API and GitHub.
func provider(t *testing.T) string {
	mux := http.NewServeMux()
	answer := func(path, authorization, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if authorization != "" && r.Header.Get("Authorization") != authorization {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(body))
		})
	}
	answer("GET /v1/models", "Bearer sk-test", `{"object":"list"}`)
	answer("POST /token", "", `{"access_token":"gho_test","token_type":"bearer","scope":"repo,read:user"}`)
	answer("GET /user", "Bearer gho_test", `{"login":"alice"}`)
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?code=c0de&state="+q.Get("state"), http.StatusFound)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// page is docs/quickstart.md with the test's own addresses and values.
type page struct {
	t      *testing.T
	blocks [][]string // language and text of each
	done   int
}

var fences = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func read(t *testing.T, addr string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "quickstart.md"))
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer("localhost:8080", addr, "sk-…", "sk-test", "Ov23li…", "Ov23litest").Replace(string(text))
	p := &page{t: t}
	for _, block := range fences.FindAllStringSubmatch(own, -1) {
		p.blocks = append(p.blocks, block[1:])
	}
	return p
}

// next returns the next block, which must be of the language and hold a text.
func (p *page) next(language, holds string) string {
	p.t.Helper()
	if p.done == len(p.blocks) {
		p.t.Fatalf("docs/quickstart.md has no further block, want one with %s", holds)
	}
	block := p.blocks[p.done]
	p.done++
	if block[0] != language || !strings.Contains(block[1], holds) {
		p.t.Fatalf("the next block of docs/quickstart.md is not %s with %s:\n%s", language, holds, block[1])
	}
	return block[1]
}

// run runs the next block in a shell that keeps the page's variables, and returns what it printed.
func (p *page) run(holds string) string {
	p.t.Helper()
	block := p.next("sh", holds)
	script := "set -euo pipefail\n[ ! -f vars ] || . ./vars\n" + block +
		"declare -p KEY CONNECTION >vars 2>/dev/null || :\n"
	cmd := exec.CommandContext(p.t.Context(), "bash", "-c", script)
	cmd.Env = append(os.Environ(), "NO_PROXY=*", "no_proxy=*")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%s%v\n%s%s", block, err, out, complaints.String())
	}
	return string(out)
}

// configure writes the page's configuration, with apps that lead to the provider.
func (p *page) configure(provider string) {
	p.t.Helper()
	apps := fmt.Sprintf(`
		app openai {
			upstream %[1]s/v1
			allow_http
			allow_private 127.0.0.0/8
		}
		app github {
			upstream %[1]s
			oauth2 {
				authorize_url %[1]s/authorize
				token_url %[1]s/token
			}
			allow_http
			allow_private 127.0.0.0/8
		}`, provider)
	config := strings.Replace(p.next("caddyfile", "vendgate_connect"), "\tvendgate {", "\tadmin off\n\tvendgate {"+apps, 1)
	if err := os.WriteFile("Caddyfile", []byte(config), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// start runs the gateway as the page says, and waits until it answers.
func start(t *testing.T, addr string) {
	t.Helper()
	p := harness.StartProcess(t, harness.Environ(t), "bin/vendgate", "run")
	p.Await(t, "starting the gateway", 30*time.Second, func() bool {
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	})
}

func TestQuickstart(t *testing.T) {
	_, port, _ := net.SplitHostPort(harness.FreeAddr(t))
	addr, program := "localhost:"+port, harness.Program(t)
	p := read(t, addr)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("bin", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, "bin/vendgate"); err != nil {
		t.Fatal(err)
	}
	if built := p.next("sh", "go build"); built != "go build -o bin/vendgate ./cmd/vendgate\n" {
		t.Errorf("the page builds by %s", built)
	}
	p.configure(provider(t))
	if run := p.next("sh", "run"); run != "bin/vendgate run\n" {
		t.Errorf("the page runs the gateway by %s", run)
	}
	start(t, addr)
	p.keyBased()
	p.oauth()
	if key := p.run("caller-key create"); !strings.HasPrefix(key, "ck_") {
		t.Errorf("the caller key is %q", key)
	}
	if p.done != len(p.blocks) {
		t.Errorf("%d blocks of docs/quickstart.md are not run", len(p.blocks)-p.done)
	}
}

// keyBased makes a tenant and calls an app with an API key. The gateway notices the new tenant
// within a second; until then it answers 401.
func (p *page) keyBased() {
	p.t.Helper()
	p.run("tenant create")
	p.run("connection import")
	call := p.done
	harness.Within(p.t, "calling with the new key", 10*time.Second, func() bool {
		p.done = call
		return p.run("openai/models") == `{"object":"list"}`
	})
}

// oauth connects an account by the page's link, as a customer does, and calls the app. The page's
// second provider is told its client and gives a link, too.
func (p *page) oauth() {
	p.t.Helper()
	if err := os.WriteFile("github-client-secret", []byte("s3cret"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.run("oauth-client set github")
	link := strings.TrimSpace(p.run("connection link"))
	v := harness.NewVisitor(p.t, nil).Open(link).Submit("accept")
	v.Open(v.Onward().String()).Sees("the last page", http.StatusOK, harness.SaysCreated)
	if got := p.run("github/user"); got != `{"login":"alice"}` {
		p.t.Errorf("GitHub's API answered %q", got)
	}
	if err := os.WriteFile("google-client-secret", []byte("s3cret"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if got := p.run("oauth-client set gmail"); !strings.Contains(got, "/connect/") {
		p.t.Errorf("the link for Gmail is %q", got)
	}
}
