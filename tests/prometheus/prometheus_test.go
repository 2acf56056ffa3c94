// Package prometheus has a real Prometheus scrape real gateways under load, and asks it every
// query of the board and of the alert rules: a query that matches no series is one that no one will
// see fail.
package prometheus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/tests/services"
)

func TestMain(m *testing.M) {
	cleanup := goleak.Cleanup(func(code int) {
		harness.RemoveBuilds()
		os.Exit(code)
	})
	goleak.VerifyTestMain(services.WithShutdown(m), append(harness.LeakOptions(), cleanup)...)
}

// folder is what operators get.
func folder(t testing.TB) string { return filepath.Join(harness.Root(t), "deploy", "grafana") }

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: unpack Debian's package prometheus, as tests/run.sh does, and put its usr/bin into PATH", err)
	}
	return path
}

// server is a Prometheus that scrapes gateways each second, and has the rules.
type server struct {
	t       testing.TB
	url     string
	process *harness.Process
}

func startPrometheus(t testing.TB, gateways ...string) *server {
	t.Helper()
	dir, addr := t.TempDir(), harness.FreeAddr(t)
	config := fmt.Sprintf(`global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [%q]
scrape_configs:
  - job_name: vendgate
    static_configs:
      - targets: [%s]
`, filepath.Join(folder(t), "rules.yaml"), strings.Join(gateways, ", "))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, url: "http://" + addr}
	s.process = harness.StartProcess(t, harness.Environ(t), program(t, "prometheus"), "--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	s.process.Await(t, "Prometheus", time.Minute, func() bool {
		status, _, err := s.get("/-/ready")
		return err == nil && status == http.StatusOK
	})
	return s
}

func (s *server) get(path string) (status int, body []byte, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	res, err := client.Get(s.url + path)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, errors.Join(err, res.Body.Close())
}

// api asks Prometheus's API.
func (s *server) api(path string, into any) {
	s.t.Helper()
	status, body, err := s.get("/api/v1/" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		s.t.Fatalf("%s: %d %s, %v", path, status, answer.Error, err)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		s.t.Fatal(err)
	}
}

// series returns how many series a query has now, without those that are no number.
func (s *server) series(query string) (n int) {
	s.t.Helper()
	var data struct {
		Result []struct{ Value [2]any }
	}
	s.api("query?query="+url.QueryEscape(query), &data)
	for _, r := range data.Result {
		if r.Value[1] != "NaN" {
			n++
		}
	}
	return n
}

// want waits until a query has a series.
func (s *server) want(what, query string) {
	s.t.Helper()
	for end := time.Now().Add(90 * time.Second); s.series(query) == 0; {
		if time.Now().After(end) {
			s.t.Errorf("%s has no series: %s", what, query)
			return
		}
	}
}

// TestQueries asks every query of the board, of its variables and of the rules.
func TestQueries(t *testing.T) {
	stage := newStage(t)
	s := startPrometheus(t, stage.gateway.Addr, stage.shared.Addr)
	stop := stage.load()
	defer stop()
	for _, state := range states {
		s.want("the load", state)
	}
	queries := boardQueries(t)
	if len(queries) < 20 {
		t.Errorf("the board has %d queries, which cannot be all", len(queries))
	}
	for _, q := range queries {
		s.want("the board's "+q.title, q.expr)
	}
	for _, r := range s.rules() {
		for _, operand := range r.operands(t) {
			s.want(r.Name, operand)
		}
	}
}

type rule struct {
	Name, Query, Health, LastError string
	Labels, Annotations            map[string]string
}

// rules returns the rules as Prometheus has read them, once it has evaluated all.
func (s *server) rules() (rules []rule) {
	s.t.Helper()
	harness.Within(s.t, "the evaluation of the rules", time.Minute, func() bool {
		var data struct{ Groups []struct{ Rules []rule } }
		s.api("rules", &data)
		rules = nil
		for _, g := range data.Groups {
			rules = append(rules, g.Rules...)
		}
		return len(rules) > 0 && !slices.ContainsFunc(rules, func(r rule) bool { return r.Health == "unknown" })
	})
	for _, r := range rules {
		if r.Health != "ok" {
			s.t.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
		}
	}
	return rules
}

var (
	comparison = regexp.MustCompile(`^(.+) (?:==|!=|>|<|>=|<=) [0-9.e+-]+$`)
	absence    = regexp.MustCompile(`^absent\((.+)\)$`)
)

// operands are what a rule compares with its bounds. The comparison is left out, because it has no
// result while all is well; rules_test.yaml tests the bounds. absent has a result only where its
// operand has none.
func (r rule) operands(t *testing.T) (list []string) {
	t.Helper()
	for _, side := range strings.Split(r.Query, " and ") {
		m := comparison.FindStringSubmatch(side)
		if m == nil {
			m = absence.FindStringSubmatch(side)
		}
		if m == nil {
			t.Errorf("%s: %q is neither a comparison with a number nor absent(…)", r.Name, side)
			continue
		}
		list = append(list, m[1])
	}
	return list
}

type query struct{ title, expr string }

// variables stand for what a person chose: all.
var variables = strings.NewReplacer("$__rate_interval", "10s", "$job", "vendgate", "$app", ".*", "$tenant", ".*")

// labelValues is the query of a variable: Grafana's own, not PromQL.
var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// boardQueries reads the queries of all panels and variables.
func boardQueries(t *testing.T) (queries []query) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder(t), "board.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct {
				Name, Type, Definition string
			}
		}
	}
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			queries = append(queries, query{p.Title, variables.Replace(target.Expr)})
		}
	}
	for _, v := range board.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := labelValues.FindStringSubmatch(v.Definition)
		if m == nil {
			t.Fatalf("the variable %s asks %q", v.Name, v.Definition)
		}
		selector := m[1]
		if !strings.HasSuffix(selector, "}") {
			selector += "{}"
		}
		with := fmt.Sprintf(`, %s!=""}`, m[2])
		selector = strings.Replace(strings.TrimSuffix(selector, "}")+with, "{, ", "{", 1)
		queries = append(queries, query{v.Name, variables.Replace(selector)})
	}
	if written := bytes.Count(raw, []byte(`"expr":`)) + bytes.Count(raw,
		[]byte(`"definition":`)); written != len(queries) {
		t.Errorf("found %d queries of the %d in the file", len(queries), written)
	}
	for _, q := range queries {
		if strings.Contains(q.expr, "$") {
			t.Errorf("%s has a variable that the test does not know: %s", q.title, q.expr)
		}
	}
	return queries
}

// TestRules runs promtool over the rules and their unit tests, and looks for the page that each
// alert leads to.
func TestRules(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), program(t, "promtool"), args...) // #nosec G204 -- the test's own words
		cmd.Dir = folder(t)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args, err, out)
		}
	}
	rules, tests := read(t, folder(t), "rules.yaml"), read(t, folder(t), "rules_test.yaml")
	page := read(t, harness.Root(t), "docs", "metrics-and-logs.md")
	alerts := regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 {
		t.Fatal("there is no alert")
	}
	for _, a := range alerts {
		if !strings.Contains(tests, "alertname: "+a[1]+"\n        exp_alerts:\n") {
			t.Errorf("rules_test.yaml does not let %s fire", a[1])
		}
		if !strings.Contains(rules, "/docs/metrics-and-logs.md#"+strings.ToLower(a[1])+"\n") ||
			!strings.Contains(page, "\n#### "+a[1]+"\n") {
			t.Errorf("%s does not lead to a heading of docs/metrics-and-logs.md", a[1])
		}
	}
	for _, key := range []string{"severity: ", "summary: ", "description: ", "runbook_url: "} {
		if n := strings.Count(rules, key); n != len(alerts) {
			t.Errorf("%d of %d alerts have a %s", n, len(alerts), key)
		}
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
