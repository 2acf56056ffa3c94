// Package catalog_test exercises every entry of the embedded catalog: what goes over the wire is
// held against the entry's own JSON, read here without the types that the product reads it with.
package catalog_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, harness.LeakOptions()...) }

// entry is one line of the catalog.
type entry map[string]any

func (e entry) slug() string { return e["slug"].(string) }

// at returns what stands at a path of names; nil if nothing does.
func (e entry) at(path ...string) any {
	var v any = map[string]any(e)
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

func (e entry) text(path ...string) string {
	s, _ := e.at(path...).(string)
	return s
}

func (e entry) object(path ...string) map[string]any {
	o, _ := e.at(path...).(map[string]any)
	return o
}

func (e entry) list(path ...string) []any {
	l, _ := e.at(path...).([]any)
	return l
}

// entries reads both files.
func entries(t *testing.T) []entry {
	t.Helper()
	var all []entry
	for _, name := range []string{"apps.jsonl", "community.jsonl"} {
		f, err := os.Open("../../catalog/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e entry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all = append(all, e)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 850 {
		t.Fatalf("only %d apps", len(all))
	}
	return all
}

// eachApp runs f for every app of the catalog, by its entry and as the product reads it.
func eachApp(t *testing.T, f func(t *testing.T, e entry, app *catalog.App)) {
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	read := entries(t)
	if got := len(all.Slugs()); got != len(read) {
		t.Errorf("the catalog has %d apps, its files %d", got, len(read))
	}
	for _, e := range read {
		t.Run(e.slug(), func(t *testing.T) {
			app, ok := all.App(e.slug())
			if !ok {
				t.Fatal("the catalog has no such app")
			}
			f(t, e, app)
		})
	}
}

// What the tests fill in. A key has characters that must be escaped or encoded in some of the
// places.
const (
	token = "tok-en.1~/+="
	key   = "k3y /+=&"
)

// values are what a connection of the app might hold.
func (e entry) values() map[string]string {
	values := map[string]string{}
	if e.text("auth_type") == "o_auth" {
		values["access_token"], values["token_type"] = token, "Bearer"
	}
	for _, item := range e.list("fields") {
		f := entry(item.(map[string]any))
		name := f.text("name")
		switch {
		case len(f.list("options")) > 0:
			values[name] = f.list("options")[0].(string)
		case f.text("kind") == "host":
			values[name] = "self.example.org"
		case strings.Contains(e.text("upstream"), "{"+name+"}"), e.chooses(name):
			values[name] = "acme-1"
		case e.text("sign", "key_encoding") == "base64" && e.text("sign", "key") == "{"+name+"}":
			values[name] = "c2VjcmV0"
		case f.at("secret") == true && !strings.Contains(e.text("placement", "path_prefix"), name):
			values[name] = key
		default:
			values[name] = "value_1"
		}
	}
	if e.at("oauth1") != nil {
		values["consumer_key"], values["consumer_secret"] = "consumer", key
		values["oauth_token"], values["oauth_token_secret"] = token, key
	}
	return values
}

// chooses reports whether the end user tells by a field which of several accounts is meant, by its
// address.
func (e entry) chooses(name string) bool {
	return slices.ContainsFunc(e.list("oauth2", "capture"), func(c any) bool {
		return strings.Contains(entry(c.(map[string]any)).text("path"), "=https://{"+name+"}.")
	})
}

// credential is what a source would vend of values.
func (e entry) credential(values map[string]string) vending.Credential {
	var fields []vending.Field
	for name, value := range values {
		if name != vending.AccessToken && name != vending.TokenType {
			fields = append(fields, vending.Field{Name: name, Value: value})
		}
	}
	if e.text("auth_type") == "o_auth" {
		return vending.NewOAuth(e.slug(), token, "bearer", fieldsExpiry, fields...)
	}
	return vending.NewFields(e.slug(), vending.AuthType(e.text("auth_type")), fields)
}

// fill puts values into a template, each as escape has it.
func fill(template string, values map[string]string, escape func(string) string) string {
	if escape == nil {
		escape = func(s string) string { return s }
	}
	pairs := []string{"{{", "{", "}}", "}"}
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", escape(value))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}
