package static_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/static"
)

const canary = "canary-7f3a91"

func openai() static.Connection {
	return static.Connection{
		ID: "c1", Tenant: "acme", User: " Alice@Example.com ", App: "openai", AuthType: vending.APIKey,
		Fields: []vending.Field{{Name: "api_key", Value: canary}, {Name: "org", Value: "org-1"}},
	}
}

func gmail() static.Connection {
	return static.Connection{
		ID: "c2", Tenant: "acme", User: static.AnyUser, App: "gmail", AuthType: vending.OAuth,
		Fields: []vending.Field{
			{Name: "instance", Value: "eu1"},
			{Name: vending.TokenType, Value: "bearer"},
			{Name: vending.AccessToken, Value: canary},
		},
	}
}

func mustNew(t *testing.T, connections ...static.Connection) *static.Source {
	t.Helper()
	s, err := static.New(connections...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return s
}

func fields(c vending.Credential) []vending.Field {
	var out []vending.Field
	for name, value := range c.Fields() {
		out = append(out, vending.Field{Name: name, Value: value})
	}
	return out
}

// vends are requests to a source of openai and gmail, and what they get.
var vends = map[string]struct {
	request vending.Request
	code    vending.Code
	app     string
	auth    vending.AuthType
	fields  []vending.Field
}{
	"own connection": {
		request: vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "c1", App: "openai"},
		app:     "openai", auth: vending.APIKey,
		fields: []vending.Field{{Name: "api_key", Value: canary}, {Name: "org", Value: "org-1"}},
	},
	"no app asked for": {
		request: vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "c1"},
		app:     "openai", auth: vending.APIKey,
		fields: []vending.Field{{Name: "api_key", Value: canary}, {Name: "org", Value: "org-1"}},
	},
	"any end user, OAuth": {
		request: vending.Request{Tenant: "acme", User: "bob@example.com", Connection: "c2", App: "gmail"},
		app:     "gmail", auth: vending.OAuth,
		fields: []vending.Field{
			{Name: vending.AccessToken, Value: canary}, {Name: vending.TokenType, Value: "Bearer"},
			{Name: "instance", Value: "eu1"},
		},
	},
	"forced": {
		request: vending.Request{Tenant: "acme", User: "bob@example.com", Connection: "c2", App: "gmail", Force: true},
		app:     "gmail", auth: vending.OAuth,
		fields: []vending.Field{
			{Name: vending.AccessToken, Value: canary}, {Name: vending.TokenType, Value: "Bearer"},
			{Name: "instance", Value: "eu1"},
		},
	},
	"another app": {
		request: vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "c1", App: "slack"},
		code:    vending.AppMismatch,
	},
	"unknown connection": {request: vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "c9",
		App: "openai"}, code: vending.ConnectionDeleted},
	"another tenant": {request: vending.Request{Tenant: "evil", User: "alice@example.com", Connection: "c1",
		App: "openai"}, code: vending.ConnectionDeleted},
	"tenant in another case": {request: vending.Request{Tenant: "Acme", User: "alice@example.com", Connection: "c1",
		App: "openai"}, code: vending.ConnectionDeleted},
	"another end user": {request: vending.Request{Tenant: "acme", User: "bob@example.com", Connection: "c1",
		App: "openai"}, code: vending.ConnectionDeleted},
	"another tenant, any user": {request: vending.Request{Tenant: "evil", User: "alice@example.com", Connection: "c2",
		App: "gmail"}, code: vending.ConnectionDeleted},
	"another tenant, other app": {request: vending.Request{Tenant: "evil", User: "alice@example.com", Connection: "c1",
		App: "slack"}, code: vending.ConnectionDeleted},
	"another user, other app": {request: vending.Request{Tenant: "acme", User: "bob@example.com", Connection: "c1",
		App: "slack"}, code: vending.ConnectionDeleted},
	"nobody, any user": {request: vending.Request{Tenant: "acme", Connection: "c2", App: "gmail"},
		code: vending.ConnectionDeleted},
	"star as the end user": {request: vending.Request{Tenant: "acme", User: "*", Connection: "c1", App: "openai"},
		code: vending.ConnectionDeleted},
	"empty request": {code: vending.ConnectionDeleted},
}

func TestVend(t *testing.T) {
	s := mustNew(t, openai(), gmail())
	for name, tt := range vends {
		t.Run(name, func(t *testing.T) {
			cred, err := s.Vend(context.Background(), tt.request)
			if tt.code != "" {
				var e *vending.Error
				if !errors.As(err, &e) || e.Code != tt.code || e.Origin != vending.FromVending || !cred.IsZero() {
					t.Fatalf("Vend = %v, %v; want code %s and no credential", cred.IsZero(), err, tt.code)
				}
				return
			}
			if err != nil {
				t.Fatalf("Vend: %v", err)
			}
			if cred.App != tt.app || cred.AuthType != tt.auth || !cred.Expiry.IsZero() ||
				!slices.Equal(fields(cred), tt.fields) {
				t.Errorf("Vend = %s %s %v %v; want %s %s %v", cred.App, cred.AuthType, cred.Expiry, fields(cred), tt.app, tt.auth,
					tt.fields)
			}
		})
	}
}

// TestRefusalsAreAlike: nobody can tell a connection that is not theirs from one that is not.
func TestRefusalsAreAlike(t *testing.T) {
	s := mustNew(t, openai())
	want := ""
	for _, r := range []vending.Request{
		{Tenant: "acme", User: "alice@example.com", Connection: "none", App: "openai"},
		{Tenant: "evil", User: "alice@example.com", Connection: "c1", App: "openai"},
		{Tenant: "acme", User: "bob@example.com", Connection: "c1", App: "slack"},
	} {
		_, err := s.Vend(context.Background(), r)
		got := fmt.Sprintf("%T %+v", err, err)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("refusal = %q, want %q", got, want)
		}
	}
}

func TestNewErrors(t *testing.T) {
	change := func(f func(*static.Connection)) []static.Connection {
		c := gmail()
		f(&c)
		return []static.Connection{c}
	}
	tests := map[string]struct {
		connections []static.Connection
		want        string
	}{
		"duplicate id": {[]static.Connection{openai(), gmail(), openai()},
			`configuring static connection "c1" (number 3): the id is a duplicate`},
		"empty id": {change(func(c *static.Connection) {
			c.ID = ""
		}), `configuring static connection "" (number 1): id is empty`},
		"empty tenant": {change(func(c *static.Connection) {
			c.Tenant = ""
		}), `configuring static connection "c2" (number 1): tenant is empty`},
		"blank user": {change(func(c *static.Connection) {
			c.User = " "
		}), `configuring static connection "c2" (number 1): user is empty`},
		"empty app": {change(func(c *static.Connection) {
			c.App = ""
		}), `configuring static connection "c2" (number 1): app is empty`},
		"no auth type": {change(func(c *static.Connection) {
			c.AuthType = ""
		}), `configuring static connection "c2" (number 1): "" is not an auth type: write o_auth, api_key, basic or header`},
		"unknown type": {change(func(c *static.Connection) {
			c.AuthType = "oauth"
		}), `configuring static connection "c2" (number 1): "oauth" is not an auth type: write o_auth, ` +
			"api_key, basic or header"},
		"no fields": {change(func(c *static.Connection) {
			c.Fields = nil
		}), `configuring static connection "c2" (number 1): fields are missing: write one at least`},
		"unnamed field": {change(func(c *static.Connection) {
			c.Fields[0].Name = ""
		}), `configuring static connection "c2" (number 1): a field has no name`},
		"empty value": {change(func(c *static.Connection) {
			c.Fields[2].Value = ""
		}), `configuring static connection "c2" (number 1): field "access_token" is empty`},
		"field twice": {change(func(c *static.Connection) {
			c.Fields[0].Name = vending.AccessToken
		}), `configuring static connection "c2" (number 1): field "access_token" is a duplicate`},
		"no access_token": {change(func(c *static.Connection) {
			c.Fields[2].Name = "token"
		}), `configuring static connection "c2" (number 1): auth type o_auth requires the field "access_token"`},
		"second is broken": {append([]static.Connection{openai()}, change(func(c *static.Connection) {
			c.App = ""
		})...), `configuring static connection "c2" (number 2): app is empty`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := static.New(tt.connections...)
			if s != nil || err == nil || err.Error() != tt.want {
				t.Errorf("New = %v, %v; want %s", s, err, tt.want)
			}
		})
	}
}

// TestNothingIsShared: neither the configuration nor another request reaches into a credential.
func TestNothingIsShared(t *testing.T) {
	c := openai()
	s := mustNew(t, c)
	c.Fields[0].Value = "changed after New"
	r := vending.Request{Tenant: "acme", User: "alice@example.com", Connection: "c1", App: "openai"}
	first, err := s.Vend(context.Background(), r)
	if err != nil {
		t.Fatalf("Vend: %v", err)
	}
	if v, _ := first.Field("api_key"); v != canary {
		t.Errorf("the source saw a change made after New: %q", v)
	}
	first.App = "slack"
	second, err := s.Vend(context.Background(), r)
	if err != nil || second.App != "openai" || !second.Equal(first) {
		t.Errorf("second vend = %s, %v", second.App, err)
	}
}

func TestVendConcurrently(t *testing.T) {
	s := mustNew(t, openai(), gmail())
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			cred, err := s.Vend(context.Background(), vending.Request{Tenant: "acme", User: "x@example.com", Connection: "c2"})
			if v, _ := cred.Field(vending.AccessToken); err != nil || v != canary {
				t.Errorf("Vend: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestNeverPrinted(t *testing.T) {
	c := openai()
	s := mustNew(t, c, gmail())
	type holder struct{ source *static.Source }
	type keeper struct{ source static.Source }
	for _, v := range []any{c, &c, []static.Connection{c}, s, *s, holder{s}, &holder{s}, keeper{*s}, &keeper{*s}} {
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("value", "v", v)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("value", "v", v)
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("Marshal: %v", err)
		}
		out := fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v) + logged.String() + string(encoded)
		if strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
			t.Errorf("%T spilled a value: %s", v, out)
		}
	}
	if got := fmt.Sprintf("%+v", c); got != `static connection "c1"` {
		t.Errorf("Connection prints as %s", got)
	}
}

// TestAdvice: a value that cannot be placed is the operator's, who wrote it.
func TestAdvice(t *testing.T) {
	for _, c := range []static.Connection{openai(), gmail()} {
		cred, err := mustNew(t, c).Vend(t.Context(),
			vending.Request{Tenant: "acme", User: "alice@example.com", Connection: c.ID})
		if err != nil {
			t.Fatal(err)
		}
		advice, ok := cred.Advice("org")
		if want := "correct it in the source's configuration, connection " + c.ID + " { field org VALUE }"; !ok ||
			advice != want {
			t.Errorf("advice %q, want %q", advice, want)
		}
	}
}
