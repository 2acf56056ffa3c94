package caddymodule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestProvision holds mistakes that only the start can find against their errors. Whatever was
// opened before the mistake was found is closed again.
func TestProvision(t *testing.T) {
	dir := provisionDir(t)
	harness.Secret(t, "VG_KEY_A", harness.KeyA)
	harness.Secret(t, "VG_KEY_B", harness.KeyB)
	harness.Secret(t, "VG_EMPTY", "")
	harness.Secret(t, "VG_MALFORMED", "sk_NEVERSHOWN_0000000000000000000000")
	harness.Secret(t, "VG_SHORT", "pk_live_NEVERSHOWN")
	harness.Secret(t, "VG_ODD", "pk_live_NEVERSHOWN00000000000000000 0")
	community := harness.CommunityApp(t)
	names := strings.NewReplacer("$DIR", dir, "$DIGEST_A", fmt.Sprintf("%x", policy.DigestOf(harness.KeyA)), "$COMMUNITY",
		community)
	goldens(t, "provision", func(t *testing.T, caddyfile string) string {
		err := validate(names.Replace(caddyfile))
		checkPoolsEmpty(t)
		if err == nil {
			return "valid"
		}
		if strings.Contains(err.Error(), "pk_live_A") || strings.Contains(err.Error(), "pk_live_B") {
			t.Errorf("a key is shown: %v", err)
		}
		return strings.NewReplacer(dir, "$DIR", community, "$COMMUNITY").Replace(err.Error())
	})
}

// provisionDir holds the files that the golden files speak of.
func provisionDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty", "")
	write("blank", "\n")
	const shop = `{"slug":"shop","name":"Shop","auth_type":"api_key","upstream":"https://shop.example.com","fields":[{"name":"api_key","secret":true}],"placement":{"query":{"key":"{api_key}"}}}` + "\n"
	write("apps.jsonl", shop+"\n"+strings.Replace(shop, `"slug":"shop"`, `"slug":"crm"`, 1))
	write("misspelt.jsonl", shop+strings.Replace(shop, "placement", "placment", 1))
	write("unchecked.jsonl", "\n"+strings.Replace(shop, "https:", "http:", 1))
	write("twice.jsonl", shop+"\n"+shop)
	for _, name := range []string{"lost", "damaged"} {
		store, err := store.Open(context.Background(), store.Options{Dir: filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "lost", "keyset.json")); err != nil {
		t.Fatal(err)
	}
	write("damaged/vendgate.db", strings.Repeat("no database at all. ", 500))
	return dir
}

// validate does what `caddy validate` does.
func validate(caddyfile string) error {
	adapted, err := harness.Adapt(caddyfile)
	if err != nil {
		return err
	}
	var config caddy.Config
	if err := caddy.StrictUnmarshalJSON(adapted, &config); err != nil {
		return err
	}
	config.Admin = &caddy.AdminConfig{Disabled: true}
	config.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		"default": {BaseLog: caddy.BaseLog{WriterRaw: caddyconfig.JSONModuleObject(new(caddy.DiscardWriter), "output",
			"discard", nil)}},
	}}
	return caddy.Validate(&config)
}

// checkPoolsEmpty reports what a configuration took and did not give back.
func checkPoolsEmpty(t *testing.T) {
	t.Helper()
	for name, pool := range caddymodule.Pools() {
		pool.Range(func(key, _ any) bool {
			n, _ := pool.References(key)
			t.Errorf("%s: %v is still held %d times", name, key, n)
			return true
		})
	}
}

// TestProvisionJSON holds mistakes that a Caddyfile cannot state against their errors.
func TestProvisionJSON(t *testing.T) {
	harness.Secret(t, "VG_KEY_A", harness.KeyA)
	for name, tt := range map[string]struct{ sources, want string }{
		"negative margin": {`"local": {"type": "local", "margin": -1}`,
			"source local: margin and refresh_timeout: write positive durations"},
		"negative refresh_timeout": {`"local": {"type": "local", "refresh_timeout": -1}`,
			"source local: margin and refresh_timeout: write positive durations"},
		"two local sources": {`"a": {"type": "local"}, "b": {"type": "local"}`,
			"sources a and b are of type local, and there is one store: keep one of them"},
		"tenant of a key": {`"p": {"type": "platform", "url": "https://p.example/platform/v1", "keys": {"Acme": ` +
			`"{env.VG_KEY_A}"}}`,
			`source p: key: tenant id "Acme": write 1 to 63 of a-z`},
		"tenant of a connection": {
			`"s": {"type": "static", "connections": [{"id": "c", "tenant": "Acme", "user": "*", "app": "openai", "fields": ` +
				`{"api_key": "{env.VG_KEY_A}"}}]}`,
			`source s: connection c: tenant id "Acme": write 1 to 63 of a-z`},
		"user of a connection": {
			`"s": {"type": "static", "connections": [{"id": "c", "tenant": "acme", "user": "alice", "app": "openai", ` +
				`"fields": {"api_key": "{env.VG_KEY_A}"}}]}`,
			`source s: connection c: user "alice": write one email address`},
		"half of an OAuth 1 connection": {
			`"s": {"type": "static", "connections": [{"id": "c", "tenant": "acme", "user": "*", "app": "flickr", "fields": ` +
				`{"consumer_key": "k", "oauth_token": "{env.VG_KEY_A}"}}]}`,
			`source s: connection c: field consumer_secret is missing, which app flickr needs`},
		"OAuth 2's name for its token": {
			`"s": {"type": "static", "connections": [{"id": "c", "tenant": "acme", "user": "*", "app": "flickr", "fields": ` +
				`{"access_token": "{env.VG_KEY_A}"}}]}`,
			`source s: connection c: field access_token: app flickr has no such field: take it out, or write one of ` +
				`consumer_key, consumer_secret, oauth_token, oauth_token_secret`},
		"an OAuth 1 secret as it is": {
			`"s": {"type": "static", "connections": [{"id": "c", "tenant": "acme", "user": "*", "app": "flickr", "fields": ` +
				`{"consumer_key": "k", "consumer_secret": "NEVER", "oauth_token": "{env.VG_KEY_A}", "oauth_token_secret": ` +
				`"{env.VG_KEY_A}"}}]}`,
			`source s: connection c: tenant acme: field consumer_secret: `},
	} {
		t.Run(name, func(t *testing.T) {
			config := &caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}}
			config.AppsRaw = caddy.ModuleMap{
				"vendgate": json.RawMessage(fmt.Sprintf(`{"data_dir": %q, "sources": {%s}}`, t.TempDir(), tt.sources))}
			err := caddy.Validate(config)
			checkPoolsEmpty(t)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
