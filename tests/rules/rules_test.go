package rules

import (
	"fmt"
	"strings"
	"testing"
)

// TestDocumentedCalls sends each call twice: under a rule for it alone, and under one that denies
// something else.
func TestDocumentedCalls(t *testing.T) {
	calls := read(t, "calls.jsonl")
	if len(calls) < 250 {
		t.Fatalf("only %d calls", len(calls))
	}
	var twice []documented
	var rules [][]string
	for _, c := range calls {
		allow := c.Method
		if c.Allow != "" {
			allow = c.Allow
		}
		twice = append(twice, c, c)
		rules = append(rules,
			[]string{fmt.Sprintf("rule %s allow %s %q", c.App, allow, c.Rule)},
			[]string{"rule " + c.App + " deny /vendgate/none", "rule " + c.App + " deny PURGE"})
	}
	s := newStage(t, twice, rules)
	for i, c := range twice {
		t.Run(fmt.Sprintf("%s %s %.60s %d", c.App, c.Method, c.Path, i%2), func(t *testing.T) {
			if strings.HasPrefix(c.Path, "/~") {
				s.reaches(t, i, c)
				return
			}
			answer := s.Raw(c.text(fmt.Sprintf("c%d", i), keyOf(i)))
			got := s.up.Got()
			if len(got) != 1 {
				t.Fatalf("the provider got %d requests; the caller got %.400q", len(got), answer)
			}
			path := s.base(t, s.apps[c.App]) + c.Path
			if want := c.Method + " " + path + " HTTP/1.1\r\n"; !strings.HasPrefix(got[0], want) {
				t.Errorf("sent %.200q, want %q", got[0], want)
			}
			if !strings.HasSuffix(got[0], "\r\n\r\n"+c.Body) {
				t.Errorf("the body changed: %.400q", got[0])
			}
		})
	}
}

// reaches holds a call of an extra host, which is no name of this machine's: past the rules it
// cannot be dialled.
func (s *stage) reaches(t *testing.T, i int, c documented) {
	t.Helper()
	answer := s.Raw(c.text(fmt.Sprintf("c%d", i), keyOf(i)))
	if !strings.Contains(answer, "Vendgate-Code: upstream_unavailable\r\n") {
		t.Errorf("the caller got %.400q", answer)
	}
}

// TestSteeringCalls sends each request that stands for another one, under a rule that its request
// line keeps.
func TestSteeringCalls(t *testing.T) {
	calls := read(t, "hostile.jsonl")
	if len(calls) < 250 {
		t.Fatalf("only %d requests", len(calls))
	}
	var rules [][]string
	for _, c := range calls {
		words := strings.Fields(c.Rule)
		for i, word := range words {
			if strings.HasPrefix(word, "/") {
				words[i] = fmt.Sprintf("%q", word)
			}
		}
		rules = append(rules, []string{"rule " + c.App + " " + strings.Join(words, " ")})
	}
	s := newStage(t, calls, rules)
	for i, c := range calls {
		t.Run(fmt.Sprintf("%s %s %.60s %d", c.App, c.Method, c.Path, i), func(t *testing.T) {
			answer := s.Raw(c.text(fmt.Sprintf("c%d", i), keyOf(i)))
			got := s.up.Got()
			if _, replaces := c.Headers["X-Original-URL"]; replaces || c.Headers["X-Rewrite-URL"] != "" {
				// No provider gets such a header from a caller, rules or not.
				if len(got) != 1 || strings.Contains(strings.ToLower(got[0]), "-url") {
					t.Errorf("%s: the provider got %.400q", c.Why, got)
				}
				return
			}
			if len(got) > 0 {
				t.Errorf("%s: the provider got %.400q", c.Why, got[0])
			}
			if !strings.Contains(answer, "Vendgate-Code: policy_denied\r\n") &&
				!strings.Contains(answer, "Vendgate-Code: invalid_request\r\n") {
				t.Errorf("%s: the caller got %.400q", c.Why, answer)
			}
		})
	}
}

// TestRequestLinePermitted shows that what TestSteeringCalls sends is refused for what it hides,
// not for its request line.
func TestRequestLinePermitted(t *testing.T) {
	var bare []documented
	var rules [][]string
	for _, c := range read(t, "hostile.jsonl") {
		path, _, _ := strings.Cut(c.Path, "?")
		if strings.HasPrefix(path, "/~") || !strings.Contains(c.Why, "the method") && !strings.Contains(c.Why, "another") ||
			strings.Contains(c.Why, "endpoint") {
			continue // another host's path, or one that is itself refused
		}
		c.Path, c.Headers, c.Body, c.ContentType = path, nil, "", ""
		bare = append(bare, c)
		rules = append(rules, []string{"rule " + c.App + " " + c.Rule})
	}
	if len(bare) < 100 {
		t.Fatalf("only %d requests", len(bare))
	}
	s := newStage(t, bare, rules)
	for i, c := range bare {
		answer := s.Raw(c.text(fmt.Sprintf("c%d", i), keyOf(i)))
		if got := s.up.Got(); len(got) != 1 {
			t.Errorf("%s %s %s under %q: %.300q", c.App, c.Method, c.Path, c.Rule, answer)
		}
	}
}
