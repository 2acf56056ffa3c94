package vending_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

const canary = "canary-51c0ffee"

// hidden keeps its parts where fmt finds them but not their methods.
type hidden struct {
	secret     vending.Secret
	credential vending.Credential
	pointer    *vending.Credential
	list       []vending.Credential
	keyed      map[string]vending.Secret
	any        any
	request    vending.Request
}

// shown keeps them where all find them.
type shown struct {
	Secret     vending.Secret
	Credential vending.Credential
	Pointer    *vending.Credential
	List       []vending.Secret
	Keyed      map[string]vending.Credential
	Any        any
	Request    vending.Request
}

// holders returns everything that a canary may sit in.
func holders() map[string]any {
	s := vending.NewSecret(canary)
	oauth := vending.NewOAuth("gmail", canary, canary, time.Unix(1, 0), vending.Field{Name: "x", Value: canary})
	fields := vending.NewFields("openai", vending.APIKey, []vending.Field{{Name: "api_key", Value: canary}})
	r := vending.Request{Tenant: "acme", Refused: oauth, Key: s, Force: true}
	return map[string]any{
		"secret": s, "secret pointer": &s, "OAuth": oauth, "OAuth pointer": &oauth, "fields": fields,
		"request": r, "request pointer": &r, "slice": []any{s, oauth}, "array": [1]vending.Credential{fields},
		"secret as a map's key": map[vending.Secret]int{s: 1},
		"anonymous":             struct{ vending.Credential }{oauth},
		"exported": shown{s, oauth, &fields, []vending.Secret{s}, map[string]vending.Credential{"a": oauth}, s,
			r},
		"exported, pointer": &shown{s, oauth, &fields, []vending.Secret{s}, map[string]vending.Credential{"a": oauth},
			oauth, r},
		"unexported": hidden{s, oauth, &fields, []vending.Credential{oauth}, map[string]vending.Secret{"a": s},
			oauth, r},
		"unexported, pointer": &hidden{s, oauth, &fields, []vending.Credential{oauth}, map[string]vending.Secret{"a": s}, s,
			r},
	}
}

// spilled reports whether text holds the canary in any spelling that fmt has for it.
func spilled(text string) bool {
	lower := strings.ToLower(text)
	spaced := strings.ReplaceAll(fmt.Sprintf("% x", canary), " ", "")
	bytewise := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
	return strings.Contains(text, canary) || strings.Contains(lower, hex.EncodeToString([]byte(canary))) ||
		strings.Contains(strings.ReplaceAll(lower, " ", ""), spaced) || strings.Contains(text, bytewise)
}

// TestNeverFormatted: no verb prints a secret, wherever it sits.
func TestNeverFormatted(t *testing.T) {
	for name, v := range holders() {
		for _, verb := range strings.Fields(
			"%v %+v %#v %s %+s %q %#q %x %#x %X %d %b %o %O %c %U %e %f %g %t %p %10v %-5s %!") {
			t.Run(name+"/"+verb, func(t *testing.T) {
				if out := fmt.Sprintf(verb, v); spilled(out) {
					t.Errorf("%s of %T: %s", verb, v, out)
				}
			})
		}
		t.Run(name+"/print", func(t *testing.T) {
			for _, out := range []string{fmt.Sprint(v), fmt.Sprintln(v), fmt.Errorf("x: %v", v).Error()} {
				if spilled(out) {
					t.Errorf("%T: %s", v, out)
				}
			}
		})
	}
}

// TestNeverEncoded: neither slog's handlers nor encoding/json write one.
func TestNeverEncoded(t *testing.T) {
	for name, v := range holders() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
				slog.New(h).With("with", v).Info("m", "v", v, slog.Group("g", "v", v))
			}
			if spilled(out.String()) {
				t.Errorf("slog: %s", &out)
			}
			encoded, err := json.Marshal(v)
			var unsupported *json.UnsupportedTypeError
			if err != nil && !errors.As(err, &unsupported) {
				t.Fatalf("Marshal: %v", err)
			}
			if spilled(string(encoded)) {
				t.Errorf("json: %s", encoded)
			}
		})
	}
}

// TestRedacted: what is printed instead says that something was left out.
func TestRedacted(t *testing.T) {
	for name, v := range map[string]any{
		"secret": vending.NewSecret(canary), "empty secret": vending.Secret{},
		"credential": vending.NewOAuth("gmail", canary, "", time.Time{}), "empty credential": vending.Credential{},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("Marshal: %v", err)
			}
			printed := [...]string{
				strings.Trim(string(encoded), `"`), slog.AnyValue(v).Resolve().String(),
				fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), fmt.Sprintf("%q", v),
				fmt.Sprintf("%x", v), fmt.Sprintf("%d", v),
			}
			for _, got := range printed {
				if got != "[redacted]" {
					t.Errorf("printed %s", got)
				}
			}
			if kind := slog.AnyValue(v).Resolve().Kind(); kind != slog.KindString {
				t.Errorf("a log handler gets a %s, and may do with it what it likes", kind)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	for name, tt := range map[string]struct {
		secret vending.Secret
		text   string
		zero   bool
	}{
		"text": {vending.NewSecret(canary), canary, false}, "empty": {vending.NewSecret(""), "", true},
		"zero": {vending.Secret{}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.secret.Reveal() != tt.text || tt.secret.IsZero() != tt.zero {
				t.Errorf("Reveal = %q, IsZero = %t", tt.secret.Reveal(), tt.secret.IsZero())
			}
		})
	}
}
