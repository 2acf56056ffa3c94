package hostile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// row is one hostile case. A new case is one row.
type row struct {
	// name begins with the number of the case.
	name string
	// request is what the caller sends, byte for byte. {up}, {evil} and {gw} stand for addresses here
	// and in all texts below.
	request string
	// vend is what the scripted source vends to tenant gamma.
	vend vendFunc
	// answer is what the upstream answers, byte for byte; empty is a 200 with the body "ok". answers
	// are several in turn.
	answer  string
	answers []string

	// sent are the requests that the upstream must have got, byte for byte; nil is none at all.
	sent []string
	// vends is how often the scripted source was asked, where it is the tenant's.
	vends int
	// status, code and origin are the answer's; code and origin must be absent if empty.
	status       int
	code, origin string
	// headers are lines that the answer must have, or, as "!Name", must not have.
	headers []string
	// body is the whole body; within must occur in it.
	body, within string
	// raw must occur in the raw bytes of the answer, interim answers included.
	raw string
	// lacks must not.
	lacks string

	// run replaces all of the above for a case that is more than one request.
	run func(*testing.T, *fleet)
}

func TestCases(t *testing.T) {
	f := newFleet(t)
	expand := strings.NewReplacer("{up}", f.up.Addr, "{evil}", f.evil.Addr, "{gw}", f.Addr)
	for _, section := range [][]row{askedCases, headerCases, valueCases, targetCases, redirectCases, climbCases,
		spellingCases, cacheCases, answerCases, streamCases, beyondCases, besideCases, carriedCases, linkedCases, budgetCases,
		ruleCases} {
		for _, r := range section {
			t.Run(r.name, func(t *testing.T) {
				if r.run != nil {
					r.run(t, f)
				} else {
					f.check(t, r, expand)
				}
				if got := f.evil.Got(); len(got) > 0 {
					t.Errorf("the foreign host got %q", got)
				}
			})
		}
	}
	checkSecrets(t, "the log", f.Log())
}

func (f *fleet) check(t *testing.T, r row, expand *strings.Replacer) {
	t.Helper()
	script.play(r.vend)
	f.up.Answer(answers(expand, append([]string{r.answer}, r.answers...)...))
	got := exchange(t, f.Addr, expand.Replace(r.request))
	f.checkSent(t, f.up.Got(), r.sent, expand)
	checkSecrets(t, "the caller", got.raw)
	if n := script.vended(); n != r.vends {
		t.Errorf("vended %d times, want %d", n, r.vends)
	}
	if got.StatusCode != r.status || got.Header.Get("Vendgate-Code") != r.code ||
		got.Header.Get("Vendgate-Origin") != r.origin {
		t.Errorf("answered %d %q of %q, want %d %q of %q", got.StatusCode, got.Header.Get("Vendgate-Code"),
			got.Header.Get("Vendgate-Origin"), r.status, r.code, r.origin)
	}
	if r.code != "" {
		checkEnvelope(t, got, r)
	}
	for _, line := range r.headers {
		checkHeader(t, got.Header, expand.Replace(line))
	}
	if r.body != "" && got.body != expand.Replace(r.body) || !strings.Contains(got.body, r.within) ||
		!strings.Contains(got.raw, expand.Replace(r.raw)) || r.lacks != "" && strings.Contains(got.raw, r.lacks) {
		t.Errorf("the caller got %q", got.raw)
	}
}

// answers plays texts in turn, the last one again and again.
func answers(expand *strings.Replacer, texts ...string) func(string) string {
	var list []string
	for _, text := range texts {
		if text != "" {
			list = append(list, expand.Replace(text))
		}
	}
	if len(list) == 0 {
		return harness.OK
	}
	return func(string) string {
		answer := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		return answer
	}
}

func (f *fleet) checkSent(t *testing.T, got, want []string, expand *strings.Replacer) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("the upstream got %d requests, want %d: %.600q", len(got), len(want), got)
		return
	}
	for i := range got {
		if w := expand.Replace(want[i]); got[i] != w {
			t.Errorf("the upstream got\n%.600q\nwant\n%.600q", got[i], w)
		}
		for _, key := range append([]string{harness.Alice, harness.Bob}, tenantKeys...) {
			if strings.Contains(got[i], key) {
				t.Errorf("the upstream got the caller's %s", key)
			}
		}
	}
}

// checkEnvelope expects an answer of the gateway's own to be an envelope that nothing may store.
func checkEnvelope(t *testing.T, got *answer, r row) {
	t.Helper()
	if strings.Contains(r.request, "/plain/") || strings.Contains(r.request, "Vendgate-Errors") {
		return // passes as the provider wrote it
	}
	var envelope struct {
		Status, Message string
		Data            struct{ Code, Origin string }
		Error           struct{ Code, Type, Message string }
	}
	if err := json.Unmarshal([]byte(got.body), &envelope); err != nil && !strings.HasPrefix(r.request, "HEAD") {
		t.Errorf("no envelope: %v in %q", err, got.body)
	}
	if envelope.Status != "error" || envelope.Message == "" || envelope.Data.Code != r.code ||
		envelope.Data.Origin != r.origin {
		t.Errorf("envelope %+v", envelope)
	}
	if e := envelope.Error; e.Code != r.code || e.Type != "vendgate_error" || e.Message != envelope.Message {
		t.Errorf("error %+v in envelope %+v", e, envelope)
	}
	checkHeader(t, got.Header, "Cache-Control: no-store")
	checkHeader(t, got.Header, "Content-Type: application/json")
}

func checkHeader(t *testing.T, h http.Header, line string) {
	t.Helper()
	name, want, _ := strings.Cut(line, ": ")
	if absent, ok := strings.CutPrefix(name, "!"); ok {
		if v, there := h[http.CanonicalHeaderKey(absent)]; there {
			t.Errorf("the answer has %s: %q", absent, v)
		}
		return
	}
	if v := h[http.CanonicalHeaderKey(name)]; len(v) != 1 || v[0] != want {
		t.Errorf("the answer has %s: %q, want %q", name, v, want)
	}
}

func checkSecrets(t *testing.T, where, text string) {
	t.Helper()
	for _, list := range [][]string{canaries, tenantKeys} {
		for _, secret := range list {
			if strings.Contains(text, secret) {
				t.Errorf("%s has the secret %s", where, secret)
			}
		}
	}
}

// answer is what came back: the final answer, parsed, and all bytes.
type answer struct {
	*http.Response
	body, raw string
}

// exchange sends request on a connection of its own and reads the answer to its end.
func exchange(t testing.TB, addr, request string) *answer {
	t.Helper()
	got, err := tryExchange(t, addr, request)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tryExchange(t testing.TB, addr, request string) (*answer, error) {
	t.Helper()
	conn := dial(t, addr)
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "{gw}", addr)); err != nil {
		return nil, fmt.Errorf("sending the request: %w", err)
	}
	method, _, _ := strings.Cut(request, " ")
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return nil, fmt.Errorf("reading the answer: %w after %q", err, raw.String())
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("reading the answer's body: %w", err)
		}
		if res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			return &answer{res, string(body), raw.String()}, nil
		}
	}
}

// dial connects with a bound on all that follows: a case that hangs has failed.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// lines is a request head of the given lines.
func lines(list ...string) string { return strings.Join(list, "\r\n") + "\r\n\r\n" }

// call is a request of tenant alpha for Alice, with further lines.
func call(method, target string, more ...string) string {
	return lines(append([]string{method + " " + target + " HTTP/1.1", "Host: {gw}",
		"Authorization: Bearer " + harness.KeyA, "X-User-Email: " + harness.Alice}, more...)...)
}

func get(target string, more ...string) string { return call("GET", target, more...) }

// as makes another tenant's request of one that call made.
func as(key, request string) string { return strings.ReplaceAll(request, harness.KeyA, key) }

// upstream is what a provider gets for a call without a body: the request line, Host, and further
// lines in the order in which net/http sends them.
func upstream(line string, more ...string) []string {
	return []string{lines(append([]string{line + " HTTP/1.1", "Host: {up}"}, more...)...)}
}

// reply is an answer with a Content-Length.
func reply(status, body string, more ...string) string {
	return lines(append([]string{"HTTP/1.1 " + status, "Content-Length: " + itoa(len(body))}, more...)...) + body
}
