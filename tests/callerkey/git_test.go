package callerkey

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestChallengedClients: programs that keep a user name and password back until a server asks for
// Basic reach an app by a caller key in the URL, as in `git clone http://KEY:x@…`.
func TestChallengedClients(t *testing.T) {
	s := newScene(t, "")
	key, _ := s.mint(nil)
	dir := t.TempDir()
	base := fmt.Sprintf("http://%s:x@%s/proxy/%s/key", key, s.Addr, s.mine)
	programs := map[string][]string{
		"curl": {"--silent", "--show-error", "--fail", "--anyauth", "--output", filepath.Join(dir, "got"),
			base + "/info/refs"},
		"git": {"clone", "--quiet", base + "/", filepath.Join(dir, "clone")},
	}
	for name, args := range programs {
		program, err := exec.LookPath(name)
		if err != nil {
			t.Errorf("%v: tests/run.sh installs it", err)
			continue
		}
		s.up.Answer(dumbRepository())
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = append(os.Environ(), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "no_proxy=*")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", name, err, out)
		}
		got := s.up.Got()
		if len(got) == 0 || !strings.Contains(got[0], "GET /info/refs") ||
			!strings.Contains(got[0], "X-Api-Key: "+mineCredential) || strings.Contains(strings.Join(got, ""), key) {
			t.Errorf("%s: the provider got %q", name, got)
		}
	}
}

// dumbRepository answers as git's dumb protocol has it (gitprotocol-http): a repository without a
// commit has no refs, and is cloned by HEAD and info/refs alone.
func dumbRepository() func(string) string {
	files := map[string]string{"/info/refs": "", "/HEAD": "ref: refs/heads/main\n"}
	return func(request string) string {
		target := strings.Fields(request)[1]
		path, _, _ := strings.Cut(target, "?")
		body, ok := files[path]
		status := "200 OK"
		if !ok {
			status = "404 Not Found"
		}
		return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
	}
}
