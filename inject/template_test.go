package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func knownField(name string) bool { return name == "a" || name == "b" }

func testCredential(pairs ...string) vending.Credential {
	var list []vending.Field
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, vending.Field{Name: pairs[i], Value: pairs[i+1]})
	}
	return vending.NewFields("app", vending.APIKey, list)
}

func unescaped(v string) (string, error) { return v, nil }

func TestTemplate(t *testing.T) {
	cred := testCredential("a", "A{b}", "b", "B")
	for _, c := range []struct{ name, text, want, err string }{
		{"literal", "plain", "plain", ""},
		{"empty", "", "", ""},
		{"field", "{a}", "A{b}", ""},
		{"fields and text", "x{a}-{b}y", "xA{b}-By", ""},
		{"a value is no template", "{a}", "A{b}", ""},
		{"braces", "{{a}}", "{a}", ""},
		{"braces around a field", "{{{b}}}", "{B}", ""},
		{"unknown field", "{c}", "", "{c} is not a declared field"},
		{"no name", "{}", "", "{} is not a declared field"},
		{"open brace", "x{a", "", "{ without }"},
		{"closing brace", "a}b", "", "a single }"},
		{"field in a field", "{a{b}}", "", "is not a declared field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmpl, err := parseTemplate(c.text, knownField)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tmpl.fill(cred, unescaped); got != c.want || err != nil {
				t.Errorf("filled %q, error %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestTemplateFillRefuses(t *testing.T) {
	tmpl, err := parseTemplate("{a}-{b}", knownField)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(tmpl.names); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names %q", got)
	}
	for name, c := range map[string]struct {
		cred   vending.Credential
		escape func(string) (string, error)
	}{
		"missing field": {testCredential("a", "secret-value"), unescaped},
		"escape refuses": {testCredential("a", "secret-value", "b", "x"), func(string) (string, error) {
			return "", errors.New("is bad")
		}},
		"no credential": {vending.Credential{}, unescaped},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tmpl.fill(c.cred, c.escape)
			var e *vending.Error
			if got != "" || !errors.As(err, &e) || e.Code != vending.NeedsReconnection ||
				strings.Contains(err.Error(), "secret-value") {
				t.Errorf("filled %q, error %v", got, err)
			}
		})
	}
}
