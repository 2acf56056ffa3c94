package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/vending"
)

func setClient(t testing.TB, s *Store, tenant, app string, c connect.OAuthClient) {
	t.Helper()
	if err := s.SetOAuthClient(t.Context(), tenant, app, c); err != nil {
		t.Fatal(err)
	}
}

func wantClient(t testing.TB, s *Store, tenant, app string, want connect.OAuthClient) {
	t.Helper()
	got, err := s.OAuthClient(t.Context(), tenant, app)
	if err != nil || got.ID != want.ID || got.Secret.Reveal() != want.Secret.Reveal() ||
		strings.Join(got.Scopes, " ") != strings.Join(want.Scopes, " ") {
		t.Errorf("client %q of scopes %q, %v; want %q, %q and its secret", got.ID, got.Scopes, err, want.ID, want.Scopes)
	}
}

func client(id, secret string, scopes ...string) connect.OAuthClient {
	return connect.OAuthClient{ID: id, Secret: vending.NewSecret(secret), Scopes: scopes}
}

func TestOAuthClients(t *testing.T) { storetest.EachAtOnce(t, testOAuthClients) }

func testOAuthClients(t *testing.T) {
	var clock ticker
	dir := t.TempDir()
	tool, server := openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)
	none := func(tenant, app string) {
		t.Helper()
		if c, err := server.OAuthClient(t.Context(), tenant, app); !errors.Is(err, connect.ErrNoOAuthClient) || c.ID != "" {
			t.Errorf("%v, want %v", err, connect.ErrNoOAuthClient)
		}
		if err := tool.DeleteOAuthClient(t.Context(), tenant, app); !errors.Is(err, connect.ErrNoOAuthClient) {
			t.Errorf("deleting it: %v, want %v", err, connect.ErrNoOAuthClient)
		}
	}
	none("acme", "gmail")
	setClient(t, tool, "", "gmail", client("everybody's", "secret 0"))
	none("acme", "gmail") // exactly this tenant's
	setClient(t, tool, "acme", "gmail", client("first", "secret 1", "mail.read", "mail.send"))
	setClient(t, tool, "evil", "gmail", client("theirs", "secret 2"))
	wantClient(t, server, "", "gmail", client("everybody's", "secret 0"))
	wantClient(t, server, "acme", "gmail", client("first", "secret 1", "mail.read", "mail.send"))
	clock.add(time.Minute)
	setClient(t, tool, "acme", "gmail", client("first", "secret 3"))
	wantClient(t, server, "acme", "gmail", client("first", "secret 3"))
	setClient(t, tool, "acme", "gmail", connect.OAuthClient{ID: "public"})
	wantClient(t, server, "acme", "gmail", connect.OAuthClient{ID: "public"})
	setClient(t, tool, "acme", "airtable", client("another", "secret 4", "a"))
	wantClient(t, server, "evil", "gmail", client("theirs", "secret 2"))

	all := []connect.StoredOAuthClient{
		{Tenant: "acme", App: "airtable", ID: "another", Scopes: []string{"a"}, UpdatedAt: epoch.Add(time.Minute)},
		{App: "gmail", ID: "everybody's", Scopes: []string{}, UpdatedAt: epoch},
		{Tenant: "acme", App: "gmail", ID: "public", Scopes: []string{}, Public: true, UpdatedAt: epoch.Add(time.Minute)},
		{Tenant: "evil", App: "gmail", ID: "theirs", Scopes: []string{}, UpdatedAt: epoch},
	}
	for tenant, want := range map[string][]connect.StoredOAuthClient{"": all, "acme": {all[0], all[2]}, "nobody": nil} {
		if got, err := server.OAuthClients(t.Context(), tenant); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", tenant, got, err, want)
		}
	}
	if err := tool.DeleteOAuthClient(t.Context(), "acme", "gmail"); err != nil {
		t.Fatal(err)
	}
	none("acme", "gmail")
	wantClient(t, server, "", "gmail", client("everybody's", "secret 0"))
}

// TestMovedOAuthClient checks that a secret opens for the tenant, app and client that it was stored
// for and for no other.
func TestMovedOAuthClient(t *testing.T) { storetest.DirectAtOnce(t, testMovedOAuthClient) }

func testMovedOAuthClient(t *testing.T) {
	for name, c := range map[string]struct{ move, tenant, app string }{
		"to a tenant":    {`UPDATE oauth_clients SET tenant = 'evil'`, "evil", "gmail"},
		"to all tenants": {`UPDATE oauth_clients SET tenant = ''`, "", "gmail"},
		"to an app":      {`UPDATE oauth_clients SET app = 'evil-app'`, "acme", "evil-app"},
		"to a client":    {`UPDATE oauth_clients SET client_id = 'evil'`, "acme", "gmail"},
		"back in time":   {`UPDATE oauth_clients SET version = version - 1`, "acme", "gmail"},
		"a byte changed": {`UPDATE oauth_clients SET sealed = ` + otherByte, "acme", "gmail"},
		"to a grant's":   {`UPDATE oauth_clients SET sealed = (SELECT sealed FROM connections)`, "acme", "gmail"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			importGmail(t, s, "ya29.one")
			setClient(t, s, "acme", "gmail", client("id", "canary-old"))
			setClient(t, s, "acme", "gmail", client("id", "canary"))
			execSQL(t, s, c.move)
			got, err := s.OAuthClient(t.Context(), c.tenant, c.app)
			if !errors.Is(err, vault.ErrSealed) || !got.Secret.IsZero() || got.ID != "" {
				t.Errorf("%v, want %v", err, vault.ErrSealed)
			}
			if resealed, err := s.RotateKeyset(t.Context()); !errors.Is(err, vault.ErrSealed) || resealed != 1 {
				t.Errorf("%d re-sealed, %v; want the grant alone and %v", resealed, err, vault.ErrSealed)
			}
		})
	}
}

// TestOAuthClientOutlivesItsKey rotates the keys, and removes the old one from the keyset.
func TestOAuthClientOutlivesItsKey(t *testing.T) {
	storetest.EachAtOnce(t, testOAuthClientOutlivesItsKey)
}

func testOAuthClientOutlivesItsKey(t *testing.T) {
	dir := t.TempDir()
	server, tool := openStore(t, dir), openStore(t, dir)
	id := importGmail(t, server, "ya29.one")
	setClient(t, server, "acme", "gmail", client("id", "secret"))
	setClient(t, server, "acme", "slack", connect.OAuthClient{ID: "public"})
	if resealed, err := tool.RotateKeyset(t.Context()); err != nil || resealed != 2 {
		t.Fatalf("%d re-sealed, %v; want 2", resealed, err)
	}
	var sealed []byte
	if err := tool.queryRow(t.Context(), `SELECT sealed FROM oauth_clients WHERE app = 'gmail'`).Scan(
		&sealed); err != nil {
		t.Fatal(err)
	}
	newest := tool.vault.Primary()
	if !bytes.HasPrefix(sealed, tool.vault.Prefix()) {
		t.Error("the secret is sealed by the old key")
	}
	setClient(t, server, "", "gmail", client("id", "later")) // which has not heard of the new key
	wantClient(t, server, "acme", "gmail", client("id", "secret"))
	if err := errors.Join(server.Close(), tool.Close()); err != nil {
		t.Fatal(err)
	}
	dropOldKeys(t, dir, newest)
	alone := openStore(t, dir)
	wantClient(t, alone, "acme", "gmail", client("id", "secret"))
	wantClient(t, alone, "acme", "slack", connect.OAuthClient{ID: "public"})
	wantClient(t, alone, "", "gmail", client("id", "later"))
	wantAccess(t, alone, id, "ya29.one")
}

// TestSetOAuthClientRefuses checks that what is wrong is named, never repeated, and leaves the
// client before.
func TestSetOAuthClientRefuses(t *testing.T) { storetest.EachAtOnce(t, testSetOAuthClientRefuses) }

func testSetOAuthClientRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	setClient(t, s, "acme", "gmail", client("id", "secret"))
	many := make([]string, connect.MaxScopes+1)
	for i := range many {
		many[i] = "canary"
	}
	for name, c := range map[string]struct {
		tenant, app string
		client      connect.OAuthClient
		names       string
	}{
		"tenant":               {"Canary", "gmail", client("id", "s"), "tenant:"},
		"no app":               {"acme", "", client("id", "s"), "app:"},
		"app":                  {"acme", "canary/x", client("id", "s"), "app:"},
		"no client id":         {"acme", "gmail", client("", "s"), "client_id:"},
		"long client id":       {"acme", "gmail", client(strings.Repeat("canary", 100), "s"), "client_id:"},
		"client id of a line":  {"acme", "gmail", client("canary\n", "s"), "client_id:"},
		"client id not ASCII":  {"acme", "gmail", client("canaré", "s"), "client_id:"},
		"client id not UTF-8":  {"acme", "gmail", client("canary\xff", "s"), "client_id:"},
		"secret with a break":  {"acme", "gmail", client("id", "canary-secret\n"), "client_secret:"},
		"secret with NUL":      {"acme", "gmail", client("id", "canary\x00"), "client_secret:"},
		"long secret":          {"acme", "gmail", client("id", strings.Repeat("canary", 3000)), "client_secret:"},
		"many scopes":          {"acme", "gmail", client("id", "s", many...), "scopes:"},
		"empty scope":          {"acme", "gmail", client("id", "s", ""), "scopes:"},
		"two scopes in one":    {"acme", "gmail", client("id", "s", "canary canary"), "scopes:"},
		"long scope":           {"acme", "gmail", client("id", "s", strings.Repeat("canary", 40)), "scopes:"},
		"scope with a quote":   {"acme", "gmail", client("id", "s", `canary"`), "scopes:"},
		"scope with backslash": {"acme", "gmail", client("id", "s", `canary\x`), "scopes:"},
		"app of two hyphens":   {"acme", "canary--x", client("id", "s"), "app:"},
		"scope of a tab":       {"acme", "gmail", client("id", "s", "canary\t"), "scopes:"},
		"scope of a quote":     {"acme", "gmail", client("id", "s", `canary"`), "scopes:"},
		"scope of a backslash": {"acme", "gmail", client("id", "s", `can\ary`), "scopes:"},
		"scope that is no one": {"acme", "gmail", client("id", "s", "ok", "canaré"), "scopes:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.SetOAuthClient(t.Context(), c.tenant, c.app, c.client)
			e := new(vending.Error)
			if !errors.As(err, &e) || e.Code != vending.InvalidRequest || !strings.HasPrefix(e.Text(), c.names) {
				t.Fatalf("error %v, want one that begins with %s", err, c.names)
			}
			if strings.Contains(strings.ToLower(err.Error()), "canar") {
				t.Error("the error repeats the value")
			}
		})
	}
	wantClient(t, s, "acme", "gmail", client("id", "secret"))
	wantEvents(t, s, connect.AuditFilter{}, connect.OAuthClientSet)
}

// TestOAuthClientNeverPrints formats what a caller might log.
func TestOAuthClientNeverPrints(t *testing.T) { storetest.EachAtOnce(t, testOAuthClientNeverPrints) }

func testOAuthClientNeverPrints(t *testing.T) {
	s := openStore(t, t.TempDir())
	setClient(t, s, "acme", "gmail", client("id", "canary"))
	c := must[connect.OAuthClient](t)(s.OAuthClient(t.Context(), "acme", "gmail"))
	listed := must[[]connect.StoredOAuthClient](t)(s.OAuthClients(t.Context(), ""))
	for name, text := range printed(c, listed) {
		if strings.Contains(text, "canary") {
			t.Errorf("%s prints the secret", name)
		}
	}
}

// TestStoredScopes checks that what an earlier version stored is still loaded.
func TestStoredScopes(t *testing.T) { storetest.EachAtOnce(t, testStoredScopes) }

func testStoredScopes(t *testing.T) {
	s := openStore(t, t.TempDir())
	setClient(t, s, "acme", "gmail", client("id", "secret"))
	execSQL(t, s, `UPDATE oauth_clients SET scopes = 'mail.read "odd" a\b'`)
	wantClient(t, s, "acme", "gmail", client("id", "secret", "mail.read", `"odd"`, `a\b`))
}

func TestResolveOAuthClient(t *testing.T) {
	app := &catalog.App{Slug: "ads", Fields: []catalog.Field{{Name: "developer_token", From: catalog.FromClient}}}
	fits := connect.OAuthClient{ID: "id",
		Fields: []connect.ClientField{{Name: "developer_token", Value: vending.NewSecret("x")}}}
	down := errors.New("disk on fire")
	for name, c := range map[string]struct {
		found  connect.OAuthClient
		err    error
		wraps  error
		unfits bool
	}{
		"found": {fits, nil, nil, false},
		"none":  {connect.OAuthClient{}, connect.ErrNoOAuthClient, connect.ErrNoOAuthClient, true},
		"none, wrapped": {connect.OAuthClient{}, fmt.Errorf("x: %w", connect.ErrNoOAuthClient), connect.ErrNoOAuthClient,
			true},
		"lacks a field":    {client("id", "secret"), nil, nil, true},
		"cannot be looked": {connect.OAuthClient{}, down, down, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := connect.ResolveOAuthClient(t.Context(),
				func(_ context.Context, tenant, slug string) (connect.OAuthClient, error) {
					if tenant != "acme" || slug != "ads" {
						t.Errorf("asked for %s of %s", slug, tenant)
					}
					return c.found, c.err
				}, "acme", app)
			var unusable *connect.OAuthClientError
			if errors.As(err, &unusable) != c.unfits || !errors.Is(err, c.wraps) && c.wraps != nil {
				t.Errorf("error %v", err)
			}
			if err == nil && !reflect.DeepEqual(got, fits) || err != nil && got.ID != "" {
				t.Errorf("client %q", got.ID)
			}
			if misfit := new(connect.ClientFieldError); name == "lacks a field" && (!errors.As(err, &misfit) ||
				misfit.Field != "developer_token") {
				t.Errorf("error %v, want the field's name", err)
			}
		})
	}
}
