package providers

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// gitServer is git's own server over HTTP (git-http-backend) where GitLab has it: beside an API
// that takes the token in PRIVATE-TOKEN, at the root of the host, and by HTTP Basic alone
// (https://docs.gitlab.com/api/oauth2/#access-git-over-https-with-access-token, and GitLab's
// app/controllers/repositories/git_http_client_controller.rb).
type gitServer struct {
	*httptest.Server
	root string

	mu  sync.Mutex
	got []*http.Request
}

const gitToken = "glpat-canary-token-1"

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	s := &gitServer{root: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(s.git(t, "", "--exec-path")), "git-http-backend"), Root: "/", Dir: s.root,
		Env: append(gitEnv(s.root), "GIT_PROJECT_ROOT="+s.root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=oauth2"),
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.got = append(s.got, r.Clone(r.Context()))
		s.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/api/v4/") {
			if r.Header.Get("Private-Token") != gitToken {
				say(w, http.StatusUnauthorized, `{"message":"401 Unauthorized"}`)
				return
			}
			say(w, http.StatusOK, `{"username":"alice"}`)
			return
		}
		user, password, ok := r.BasicAuth()
		if !ok || user == "" || password != gitToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
			http.Error(w, "HTTP Basic: Access denied", http.StatusUnauthorized)
			return
		}
		if repo, rest, cut := strings.Cut(r.URL.Path, "/info/refs"); cut && !strings.HasSuffix(repo, ".git") {
			http.Redirect(w, r, s.URL+repo+".git/info/refs"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// gitEnv keeps the user's and the system's configuration out, and prompts.
func gitEnv(home string) []string {
	return []string{
		"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "no_proxy=*", "GIT_AUTHOR_NAME=A",
		"GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com", "PATH=" + os.Getenv("PATH"),
	}
}

// git runs git, which must succeed.
func (s *gitServer) git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := s.tryGit(t, dir, args...)
	if err != nil {
		t.Fatalf("git %q: %v", args, err)
	}
	return out
}

func (s *gitServer) tryGit(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...) // #nosec G204 -- the test's own words
	cmd.Dir, cmd.Env = dir, gitEnv(s.root)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), err
}

// repository makes one with a commit, that may be pushed to.
func (s *gitServer) repository(t *testing.T, path string) {
	t.Helper()
	bare, work := filepath.Join(s.root, path), t.TempDir()
	s.git(t, "", "init", "--quiet", "--bare", "--initial-branch=main", bare)
	s.git(t, "", "init", "--quiet", "--initial-branch=main", work)
	s.commit(t, work, "README", path)
	s.git(t, work, "push", "--quiet", bare, "main")
	s.branches(t, bare)
}

// branches adds as many as it takes for a clone to ask for them in a compressed body.
func (s *gitServer) branches(t *testing.T, bare string) {
	t.Helper()
	var stream strings.Builder
	for i := range 60 {
		fmt.Fprintf(&stream,
			"commit refs/heads/b%d\ncommitter A <a@example.com> %d +0000\ndata 1\n.\nfrom refs/heads/main\n\n", i, 1700000000+i)
	}
	harness.Run(t, gitEnv(s.root), stream.String(), "git", "-C", bare, "fast-import", "--quiet")
}

func (s *gitServer) commit(t *testing.T, work, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(work, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.git(t, work, "add", file)
	s.git(t, work, "commit", "--quiet", "-m", text)
}

// requests are those received since the last time.
func (s *gitServer) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}
