package providers

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// workshop is a customer whose GitLab is connected by the catalog's own entry.
type workshop struct {
	customer
	git   *gitServer
	store *store.Store
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{git: newGitServer(t)}
	dir := filepath.Join(t.TempDir(), "store")
	app := fmt.Sprintf("app gitlab-token {\nupstream %s\nallow_http\nallow_private 127.0.0.0/8\n}\n", w.git.URL)
	g, _ := harness.StartApart(t, func(g *harness.Gateway) string { return g.Caddyfile(tenant(t, dir)+app, "", site) })
	w.customer = customer{t: t, Gateway: g, app: "gitlab-token"}
	w.connects("field.api_key", gitToken)
	var err error
	if w.store, err = store.Open(t.Context(), store.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// key mints a caller key for the connection; no paths bind it to none.
func (w *workshop) key(paths ...string) string {
	w.t.Helper()
	k := connect.CallerKey{Tenant: "acme", User: harness.Alice, Connection: w.id, Paths: paths}
	secret, _, err := w.store.CreateCallerKey(w.t.Context(), k, true)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.Reveal()
}

// at is the address of a repository at the gateway, with a key as the user.
func (w *workshop) at(key, path string) string {
	return fmt.Sprintf("http://%s:x@%s/proxy/%s/gitlab-token%s", key, w.Addr, w.id, path)
}

// TestGitClone clones, pulls and pushes by git itself what lies beside the API, by the catalog's
// entry.
func TestGitClone(t *testing.T) {
	w := newWorkshop(t)
	w.git.repository(t, "group/sub/repo.git")
	key := w.key()
	w.git.requests()
	for name, path := range map[string]string{"its address": "/~/group/sub/repo.git",
		"without .git, which redirects": "/~/group/sub/repo"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "clone")
			w.git.git(t, "", "clone", "--quiet", w.at(key, path), dir)
			if text, err := os.ReadFile(filepath.Join(dir, "README")); err != nil || string(text) != "group/sub/repo.git" {
				t.Errorf("cloned %q, %v", text, err)
			}
			w.git.commit(t, dir, "NEWS", name)
			w.git.git(t, dir, "push", "--quiet")
			if head := w.git.git(t, filepath.Join(w.git.root, "group/sub/repo.git"), "log", "-1",
				"--format=%s"); strings.TrimSpace(head) != name {
				t.Errorf("the repository's last commit is %q", head)
			}
		})
	}
	w.checkRequests(t, key)
	w.gets("/api/v4/user").must(t, "the API by the same connection", 200, "")
	for _, r := range w.git.requests() {
		if r.Header.Get("Private-Token") != gitToken || r.Header.Get("Authorization") != "" {
			t.Errorf("the API got %q", r.Header)
		}
	}
}

// checkRequests: the git server got its credential its own way, and nothing of the caller's key.
func (w *workshop) checkRequests(t *testing.T, key string) {
	t.Helper()
	compressed := false
	for _, r := range w.git.requests() {
		compressed = compressed || r.Header.Get("Content-Encoding") == "gzip"
		user, password, _ := r.BasicAuth()
		if user != "oauth2" || password != gitToken || r.Header["Private-Token"] != nil ||
			strings.Contains(fmt.Sprint(r.Header, r.URL), key) {
			t.Errorf("%s %s got %q", r.Method, r.URL, r.Header)
		}
	}
	if !compressed {
		t.Error("no request had a compressed body, as those of larger repositories have")
	}
}

// TestGitBounds: a key reaches what lies beside the API as far as its paths name it, and nothing
// else that way: not the API by another name, and not what the entry does not declare.
func TestGitBounds(t *testing.T) {
	w := newWorkshop(t)
	w.git.repository(t, "group/mine.git")
	w.git.repository(t, "group/other.git")
	mine, api, all := w.key("/~/group/mine.git/**"), w.key("/**"), w.key()
	w.git.requests()
	w.git.git(t, "", "clone", "--quiet", w.at(mine, "/~/group/mine.git"), filepath.Join(t.TempDir(), "clone"))
	w.checkRequests(t, mine)
	for name, c := range map[string]struct{ key, path string }{"another repository": {mine, "/~/group/other.git"},
		"a key for the API": {api, "/~/group/mine.git"}} {
		if out, err := w.git.tryGit(t, "", "clone", "--quiet", w.at(c.key, c.path),
			filepath.Join(t.TempDir(), "clone")); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %s %v", name, out, err)
		}
	}
	for _, path := range []string{
		"/~/api/v4/user", "/~/API/v4/x.git/info/refs", "/~/group/mine.git", "/~/group/mine.git/config",
		"/~//group/mine.git/info/refs", "/~/group%2Fmine.git/info/refs",
		"/~/group/mine.git/info/refs;x", "/~evil.example/group/mine.git/info/refs", "/%7E/group/mine.git/info/refs",
	} {
		for _, key := range []string{all, harness.KeyA} {
			a := ask(t, w.Client,
				w.Request(http.MethodGet, "/proxy/"+w.id+"/gitlab-token"+path, nil, "Authorization: Bearer "+key))
			a.must(t, path, http.StatusBadRequest, "invalid_request")
		}
	}
	if got := w.git.requests(); len(got) != 0 {
		t.Errorf("the git server got %d requests, the first for %s", len(got), got[0].URL)
	}
}
