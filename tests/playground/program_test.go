package playground

import (
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// program is a running `vendgate playground`.
type program struct {
	*harness.Process
	// temp is its temporary directory.
	temp string
	// printed is everything that it and the calls to it have printed.
	printed strings.Builder
}

// start runs `vendgate playground` and waits until it has printed its last word.
func start(t *testing.T, last string, env []string, args ...string) *program {
	t.Helper()
	p := &program{temp: t.TempDir()}
	env = harness.Environ(t, append(env, "TMPDIR="+p.temp)...)
	p.Process = harness.StartProcess(t, env, harness.Program(t), append([]string{"playground"}, args...)...)
	p.Await(t, "starting the playground", 30*time.Second, func() bool { return strings.HasSuffix(p.Stdout(), last) })
	return p
}

// interrupt is Ctrl-C: the program ends well within 5 s, leaves nothing behind and frees its
// addresses.
func (p *program) interrupt(t *testing.T, addresses ...string) {
	t.Helper()
	p.Signal(t, os.Interrupt)
	if code := p.Ended(t, 5*time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Stderr())
	}
	left, err := os.ReadDir(p.temp)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the temporary directory: %v, %v", left, err)
	}
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Errorf("after the end: %v", err)
			continue
		}
		_ = l.Close() // only to see that it is free
	}
}

// secretForm is what the tokens, keys and secrets of the demonstration provider look like.
var secretForm = regexp.MustCompile(`demo_(at|rt|key|secret|code)_[0-9A-Za-z]+`)

// offeredKey is the one key of the provider that the playground prints: for the end user to enter.
var offeredKey = regexp.MustCompile(`(asks for an API key, and |"api_key": ")demo_key_[0-9A-Z]+`)

// checkSilence searches all that was printed for secrets other than the tenant key.
func (p *program) checkSilence(t *testing.T, secrets ...string) {
	t.Helper()
	p.printed.WriteString(p.Stdout() + p.Stderr())
	printed := offeredKey.ReplaceAllString(p.printed.String(), "$1")
	if form := secretForm.FindString(printed); form != "" {
		t.Errorf("printed %.12s…, a secret of the provider", form)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(printed, secret) {
			t.Errorf("printed a secret of %d bytes", len(secret))
		}
	}
}

// urls returns host and port of every URL in text, each once.
func urls(text string) (addresses []string) {
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`).FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			addresses = append(addresses, m[1])
		}
		seen[m[1]] = true
	}
	return addresses
}
