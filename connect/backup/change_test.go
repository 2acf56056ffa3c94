package backup

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// TestChangesSince makes each kind of change after a backup, and restores the backup in the place
// of the store: the changes are listed, and made again.
func TestChangesSince(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	ctx := t.Context()
	key := must[string](t)(s.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: "a@acme.example"}))
	must[string](t)(s.RotateKey(ctx, "acme"))
	must[string](t)(s.CreateTenant(ctx, connect.Tenant{ID: "beta", Email: "b@beta.example"}))
	deleted, kept, ended := add(t, s, "sk-deleted"), add(t, s, "sk-kept"), add(t, s, "sk-ended")
	must[connect.Hold](t)(s.Hold(ctx, "acme", "", deleted, "sync"))
	_, caller, err := s.CreateCallerKey(ctx, connect.CallerKey{Tenant: "acme", Connection: kept}, true)
	ok(t, err)
	url := must[vending.Secret](t)(s.IssueMCPURL(ctx, "acme"))
	ok(t, s.SetOAuthClient(ctx, "acme", "gmail", connect.OAuthClient{ID: "client"}))
	link := must[connect.Link](t)(
		s.CreateLink(ctx, connect.Connection{Tenant: "acme", User: alice, App: "openai", AuthType: "api_key"}))

	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(ctx, s, file, nil))

	stood := must[bool](t)(s.Release(ctx, "acme", "", deleted, "sync"))
	if !stood {
		t.Fatal("there was no hold")
	}
	ok(t, s.DeleteConnection(ctx, "acme", deleted))
	ok(t, s.PromoteKey(ctx, "acme"))
	ok(t, s.DisableTenant(ctx, "beta"))
	ok(t, s.RevokeCallerKey(ctx, caller.ID))
	must[vending.Secret](t)(s.IssueMCPURL(ctx, "acme"))
	ok(t, s.DeleteOAuthClient(ctx, "acme", "gmail"))
	c, g, err := s.Grant(ctx, "acme", alice, ended)
	ok(t, err)
	must[int64](t)(s.EndGrant(ctx, ended, c.Version, g, "the provider said so"))
	must[connect.LinkState](t)(s.RejectLink(ctx, connect.DigestOf(link.Token.Reveal()), connect.Digest{}))
	lost := add(t, s, "sk-lost")
	ok(t, s.Close())

	r := must[Result](t)(Restore(ctx, Options{File: file, Dir: home, Replace: true, Apply: true}))
	checkChanges(t, r.Changes)
	now := open(t, home)
	holds(t, now, deleted, "")
	holds(t, now, lost, "")
	holds(t, now, kept, "sk-kept")
	if c, _, err := now.Grant(ctx, "acme", alice, ended); err != nil || !c.NeedsReconnection {
		t.Errorf("the ended grant is %+v, %v", c, err)
	}
	stored, err := now.TenantKeys(ctx)
	ok(t, err)
	for _, tenant := range stored.Tenants {
		switch tenant.ID {
		case "acme":
			if len(tenant.Keys) != 1 || connect.Digest(tenant.Keys[0]) == connect.DigestOf(key) {
				t.Errorf("acme has %d keys", len(tenant.Keys))
			}
		case "beta":
			if !tenant.Disabled {
				t.Error("beta is not disabled")
			}
		}
	}
	if len(stored.Callers) != 0 {
		t.Error("the revoked caller key works again")
	}
	if _, err := now.MCPTenant(ctx, connect.DigestOf(url.Reveal())); err == nil {
		t.Error("the ended MCP URL works again")
	}
	if _, err := now.OAuthClient(ctx, "acme", "gmail"); err == nil {
		t.Error("the deleted OAuth client is back")
	}
	if l, err := now.Link(ctx, connect.DigestOf(link.Token.Reveal())); err != nil || l.Status != connect.Rejected ||
		l.Connection.Status != connect.Rejected {
		t.Errorf("the link is %s, its connection %s, %v", l.Status, l.Connection.Status, err)
	}
	// The store that was there is whole, in its own directory.
	holds(t, open(t, r.Aside), lost, "sk-lost")
}

func checkChanges(t *testing.T, changes []Change) {
	t.Helper()
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprint(c.Event, " ", c.Applied))
	}
	want := []string{
		"hold_released true", "connection_deleted true", "key_promoted true", "tenant_disabled true",
		"caller_key_revoked true", "mcp_url_issued true", "oauth_client_deleted true", "vend_failed true",
		"link_rejected true", "connection_imported false",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("changes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestListOnly: without Apply the changes are listed and not made.
func TestListOnly(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	id := add(t, s, "sk-1")
	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(t.Context(), s, file, nil))
	ok(t, s.DeleteConnection(t.Context(), "acme", id))
	ok(t, s.Close())
	elsewhere := filepath.Join(t.TempDir(), "x")
	r := must[Result](t)(Restore(t.Context(), Options{File: file, Dir: elsewhere, Trail: home,
		Keyset: filepath.Join(home, "keyset.json")}))
	if len(r.Changes) != 1 || r.Changes[0].Applied || !r.Changes[0].Applies || r.Changes[0].Connection != id {
		t.Errorf("changes %+v", r.Changes)
	}
	holds(t, open(t, elsewhere), id, "sk-1")
}

// TestTogglesCount: of a tenant that was disabled and enabled, the last counts, if the
// backup has it otherwise.
func TestTogglesCount(t *testing.T) {
	row := func(id int64, e connect.Event) connect.AuditRow {
		return connect.AuditRow{ID: id, Event: e, Tenant: "acme"}
	}
	got := changesOf([]connect.AuditRow{row(1, connect.TenantDisabled), row(2, connect.TenantEnabled),
		row(3, "unheard_of")})
	if len(got) != 1 || got[0].Event != "unheard_of" || got[0].Applies {
		t.Errorf("enabled as in the backup: %+v", got)
	}
	got = changesOf([]connect.AuditRow{row(1, connect.TenantEnabled), row(2, connect.TenantDisabled),
		row(3, connect.TenantEnabled)})
	if len(got) != 1 || got[0].Event != connect.TenantEnabled || got[0].Applies {
		t.Errorf("disabled in the backup: %+v", got)
	}
}

// TestApplyAfterErasure: the names of holds are gone from the trail of an end user who was erased,
// and a restore applies the rest.
func TestApplyAfterErasure(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	ctx := t.Context()
	id := add(t, s, "sk-1")
	must[connect.Hold](t)(s.Hold(ctx, "acme", "", id, "before"))
	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(ctx, s, file, nil))
	must[connect.Hold](t)(s.Hold(ctx, "acme", "", id, "sync"))
	must[bool](t)(s.Release(ctx, "acme", "", id, "sync"))
	must[bool](t)(s.Release(ctx, "acme", "", id, "before"))
	ok(t, s.DeleteConnection(ctx, "acme", id))
	must[connect.Erasure](t)(s.EraseUser(ctx, "acme", alice))
	ok(t, s.Close())

	must[Result](t)(Restore(ctx, Options{File: file, Dir: home, Replace: true, Apply: true}))
	holds(t, open(t, home), id, "")
}

// TestApplyNewKey: a tenant was disabled because its key had leaked, and enabled with a new key.
func TestApplyNewKey(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	ctx := t.Context()
	key := must[string](t)(s.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: "a@acme.example"}))
	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(ctx, s, file, nil))
	ok(t, s.DisableTenant(ctx, "acme"))
	must[string](t)(s.EnableTenant(ctx, "acme", true))
	ok(t, s.Close())

	r := must[Result](t)(Restore(ctx, Options{File: file, Dir: home, Replace: true, Apply: true}))
	stored, err := open(t, home).TenantKeys(ctx)
	ok(t, err)
	for _, tenant := range stored.Tenants {
		for _, d := range tenant.Keys {
			if connect.Digest(d) == connect.DigestOf(key) {
				t.Error("the leaked key works again")
			}
		}
	}
	for _, c := range r.Changes {
		if c.Event == connect.TenantEnabled {
			t.Errorf("a tenant that the backup has enabled: %s", c.Advice)
		}
	}
}

// TestEveryEventIsTreated reads the events from their file, so that a new one is not forgotten.
func TestEveryEventIsTreated(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "audit.go"), nil, 0)
	ok(t, err)
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isSpec := node.(*ast.ValueSpec)
		if kind, isEvent := specType(spec, isSpec); !isEvent || kind != "Event" {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		ok(t, err)
		if _, treated := treatments[connect.Event(name)]; !treated {
			t.Errorf("%s has no treatment", name)
		}
		n++
		return true
	})
	if n < 30 {
		t.Errorf("%d events found", n)
	}
}

func specType(spec *ast.ValueSpec, isSpec bool) (string, bool) {
	if !isSpec || len(spec.Values) == 0 {
		return "", false
	}
	kind, isName := spec.Type.(*ast.Ident)
	if !isName {
		return "", false
	}
	return kind.Name, true
}
