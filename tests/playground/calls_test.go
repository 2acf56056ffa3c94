package playground

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// section is a numbered paragraph of the printed text: what it claims, and the calls below it.
type section struct {
	number string
	claim  string
	calls  []string
}

// sections cuts the text. A call stands in one line that begins with `curl `.
func sections(text string) (all []section) {
	heading := regexp.MustCompile(`^(\d+)\. (.+)$`)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			all = append(all, section{number: m[1], claim: m[2]})
		} else if strings.HasPrefix(line, "curl ") && len(all) > 0 {
			all[len(all)-1].calls = append(all[len(all)-1].calls, line)
		}
	}
	return all
}

// shell runs a line in bash exactly as it was printed.
func (p *program) shell(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-c", line).CombinedOutput()
	p.printed.Write(out)
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// object reads a JSON object that curl printed.
func object(t *testing.T, printed string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(printed), &o); err != nil {
		t.Errorf("%q is no JSON object: %v", printed, err)
	}
	return o
}

// responses reads what `curl -i` printed.
func responses(t *testing.T, printed string) (all []*http.Response, bodies []string) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(printed))
	for {
		if _, err := in.Peek(1); err == io.EOF {
			return all, bodies
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%q: %v", printed, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("%q: %v", printed, err)
		}
		all, bodies = append(all, res), append(bodies, string(body))
	}
}

var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{12}$`)

// TestPrintedCalls runs every call that the playground prints and compares what comes with what the
// text says above it.
func TestPrintedCalls(t *testing.T) {
	p := start(t, "Ctrl-C ends it.\n", nil)
	printed := sections(p.Stdout())
	if len(printed) != 6 || strings.Count(p.Stdout(), "\ncurl ") != 7 {
		t.Fatalf("%d sections; each claim needs its check below\n%s", len(printed), p.Stdout())
	}
	run := func(i int, claims ...string) (out []string) {
		for _, claim := range claims {
			if !strings.Contains(printed[i].claim, claim) {
				t.Errorf("section %s no longer claims %q: %s", printed[i].number, claim, printed[i].claim)
			}
		}
		for _, call := range printed[i].calls {
			out = append(out, p.shell(t, call))
		}
		return out
	}
	first := object(t, run(0, "OAuth API", "fingerprint")[0])
	expired := run(1, "expire", "another fingerprint")
	second := object(t, expired[1])
	for _, answer := range []map[string]any{first, second} {
		print, _ := answer["token_fingerprint"].(string)
		if answer["account"] != "alice" || !fingerprintForm.MatchString(print) {
			t.Errorf("an OAuth call printed %v", answer)
		}
	}
	if n, _ := object(t, expired[0])["expired"].(float64); n < 1 ||
		first["token_fingerprint"] == second["token_fingerprint"] {
		t.Errorf("%v tokens expired; fingerprints %v and %v", n, first["token_fingerprint"], second["token_fingerprint"])
	}
	key := object(t, run(2, "key in a header")[0])
	if print, _ := key["key_fingerprint"].(string); !fingerprintForm.MatchString(print) {
		t.Errorf("the API key call printed %v", key)
	}
	checkBudget(t, run(3, "two calls a minute", "429 rate_limited", "Retry-After")[0])
	revoked := run(4, "401 needs_reconnection")
	if n, _ := object(t, revoked[0])["revoked"].(float64); n != 1 {
		t.Errorf("revoking printed %s", revoked[0])
	}
	checkRefusal(t, revoked[1], 401, "needs_reconnection")
	run(5, "in a browser", "each works once")
	p.clickThrough(t)
	addresses := urls(p.Stdout())
	if len(addresses) != 2 {
		t.Errorf("the text names %v, want the gateway and the provider", addresses)
	}
	p.checkSilence(t, p.secretFile(t))
	p.interrupt(t, addresses...)
}

// checkBudget reads three answers, of which the last one is refused.
func checkBudget(t *testing.T, printed string) {
	t.Helper()
	all, bodies := responses(t, printed)
	if len(all) != 3 || all[0].StatusCode != 200 || all[1].StatusCode != 200 {
		t.Fatalf("the limited calls printed\n%s", printed)
	}
	for _, body := range bodies[:2] {
		object(t, body)
	}
	checkAnswer(t, all[2], bodies[2], 429, "rate_limited")
	if seconds, err := strconv.Atoi(all[2].Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("Retry-After %q", all[2].Header.Get("Retry-After"))
	}
}

func checkRefusal(t *testing.T, printed string, status int, code string) {
	t.Helper()
	all, bodies := responses(t, printed)
	if len(all) != 1 {
		t.Fatalf("printed %d answers\n%s", len(all), printed)
	}
	checkAnswer(t, all[0], bodies[0], status, code)
}

func checkAnswer(t *testing.T, res *http.Response, body string, status int, code string) {
	t.Helper()
	data, _ := object(t, body)["data"].(map[string]any)
	if res.StatusCode != status || res.Header.Get("Vendgate-Code") != code || data["code"] != code {
		t.Errorf("answered %d %s %s, want %d %s", res.StatusCode, res.Header.Get("Vendgate-Code"), body, status, code)
	}
}
