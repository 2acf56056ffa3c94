package store

import (
	"context"
	"errors"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// scene is a store in which every change can be made.
type scene struct {
	*Store
	at                    storetest.Place
	active, held, pending string
	// caller is the id of the caller key that reaches called.
	caller, called string
	link, open     connect.Link
	cookie         connect.Digest
}

// scenes returns what opens copies of one scene: making each anew takes the disk too long.
func scenes(t *testing.T) func(t *testing.T) *scene {
	t.Helper()
	dir := t.TempDir()
	s := openStore(t, dir)
	v := scene{active: importGmail(t, s, "canary-access"), held: importGmail(t, s, "canary-held"),
		cookie: connect.DigestOf("canary-cookie")}
	hold(t, s, v.held, "sync")
	v.link, v.open = createLink(t, s), createLink(t, s)
	v.pending = v.open.Connection.ID
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "two", Email: "ops@two.example"}))
	must[string](t)(s.RotateKey(t.Context(), "two"))
	v.called = importGmail(t, s, "canary-called")
	_, made := createCallerKey(t, s, callerKey(v.called))
	v.caller = made.ID
	if err := errors.Join(
		s.BeginSession(t.Context(), v.cookie, connect.Session{Tenant: "acme", Key: connect.DigestOf("canary-key")}),
		s.SetOAuthClient(t.Context(), "acme", "slack",
			connect.OAuthClient{ID: "old", Secret: vending.NewSecret("canary-secret")}),
		s.Close(),
	); err != nil {
		t.Fatal(err)
	}
	again := storetest.Snapshot(t, storetest.At(t, dir))
	return func(t *testing.T) *scene {
		t.Helper()
		v := v
		dir := again(t)
		v.at, v.Store = storetest.At(t, dir), openStore(t, dir)
		return &v
	}
}

// change is one that the audit trail records.
type change struct {
	do func(ctx context.Context, v *scene) error
	// want are the rows without time, actor and request, oldest first; a connection of "" is any.
	want []connect.AuditRow
}

func row(e connect.Event, tenant, user, app, detail string) connect.AuditRow {
	return connect.AuditRow{Event: e, Tenant: tenant, User: user, App: app, Detail: detail}
}

// alicesRow is a row about one of alice's connections.
func alicesRow(e connect.Event, detail string) connect.AuditRow {
	return row(e, "acme", "alice@example.com", "gmail", detail)
}

var changes = map[string]change{
	"create link": {func(ctx context.Context, v *scene) error {
		_, err := v.CreateLink(ctx, gmail("alice@example.com"))
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkCreated, "")}},
	"renew link": {func(ctx context.Context, v *scene) error {
		_, err := v.RenewLink(ctx, "acme", "", v.active)
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkCreated, "to refresh the credentials")}},
	"replace link": {func(ctx context.Context, v *scene) error {
		_, err := v.RenewLink(ctx, "acme", "", v.pending)
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkReplaced, ""), alicesRow(connect.LinkCreated, "")}},
	"open link": {func(ctx context.Context, v *scene) error {
		_, err := v.OpenLink(ctx, digestOf(v.open))
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkOpened, "")}},
	"accept link": {func(ctx context.Context, v *scene) error {
		_, err := v.AcceptLink(ctx, digestOf(v.open))
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkAccepted, "")}},
	"reject link": {func(ctx context.Context, v *scene) error {
		_, err := v.RejectLink(ctx, digestOf(v.open), alices)
		return err
	}, []connect.AuditRow{alicesRow(connect.LinkRejected, "")}},
	"complete link": {func(ctx context.Context, v *scene) error {
		_, err := v.CompleteLink(ctx, digestOf(v.link), alices, vending.OAuth, oauthGrant("canary-new", "canary-refresh"))
		return err
	}, []connect.AuditRow{alicesRow(connect.ConnectionCreated, "")}},
	"import": {func(ctx context.Context, v *scene) error {
		_, err := v.ImportConnection(ctx, gmail("alice@example.com"), oauthGrant("canary-imported", ""))
		return err
	}, []connect.AuditRow{alicesRow(connect.ConnectionImported, "")}},
	"vend fails": {func(ctx context.Context, v *scene) error {
		_, err := v.UpdateGrant(ctx, v.active, 1, oauthGrant("canary-ended", ""), true)
		return err
	}, []connect.AuditRow{alicesRow(connect.VendFailed, "the provider refused the grant for good")}},
	"delete": {func(ctx context.Context, v *scene) error {
		return v.DeleteConnection(ctx, "acme", v.active)
	}, []connect.AuditRow{alicesRow(connect.ConnectionDeleted, "")}},
	"hold": {func(ctx context.Context, v *scene) error {
		_, err := v.Hold(ctx, "acme", "", v.active, "invoices")
		return err
	}, []connect.AuditRow{alicesRow(connect.HoldPlaced, "invoices")}},
	"release": {func(ctx context.Context, v *scene) error {
		_, err := v.Release(ctx, "acme", "", v.held, "sync")
		return err
	}, []connect.AuditRow{alicesRow(connect.HoldReleased, "sync")}},
	"create tenant": {func(ctx context.Context, v *scene) error {
		_, err := v.CreateTenant(ctx, connect.Tenant{ID: "new", Email: "ops@new.example"})
		return err
	}, []connect.AuditRow{row(connect.TenantCreated, "new", "", "", ""), row(connect.KeyMinted, "new", "", "", "*")}},
	"change tenant": {func(ctx context.Context, v *scene) error {
		return v.SetBrand(ctx, "acme", connect.Brand{Name: "Acme"})
	}, []connect.AuditRow{row(connect.TenantChanged, "acme", "", "", "")}},
	"disable tenant": {func(ctx context.Context, v *scene) error {
		return v.DisableTenant(ctx, "acme")
	}, []connect.AuditRow{row(connect.TenantDisabled, "acme", "", "", ""),
		row(connect.CallerKeyRevoked, "acme", "alice@example.com", "", "*")}},
	"rotate key": {func(ctx context.Context, v *scene) error {
		_, err := v.RotateKey(ctx, "acme")
		return err
	}, []connect.AuditRow{row(connect.KeyMinted, "acme", "", "", "*")}},
	"promote key": {func(ctx context.Context, v *scene) error {
		return v.PromoteKey(ctx, "two")
	}, []connect.AuditRow{row(connect.KeyPromoted, "two", "", "", "*")}},
	"rotate keyset": {func(ctx context.Context, v *scene) error {
		_, err := v.RotateKeyset(ctx)
		return err
	}, []connect.AuditRow{row(connect.KeysetRotated, "", "", "", "")}},
	"set oauth client": {func(ctx context.Context, v *scene) error {
		return v.SetOAuthClient(ctx, "acme", "gmail",
			connect.OAuthClient{ID: "id-1", Secret: vending.NewSecret("canary-secret")})
	}, []connect.AuditRow{row(connect.OAuthClientSet, "acme", "", "gmail", "client id id-1")}},
	"delete oauth client": {func(ctx context.Context, v *scene) error {
		return v.DeleteOAuthClient(ctx, "acme", "slack")
	}, []connect.AuditRow{row(connect.OAuthClientDeleted, "acme", "", "slack", "")}},
	"issue mcp url": {func(ctx context.Context, v *scene) error {
		_, err := v.IssueMCPURL(ctx, "acme")
		return err
	}, []connect.AuditRow{row(connect.MCPURLIssued, "acme", "", "", "")}},
	"create caller key": {func(ctx context.Context, v *scene) error {
		_, _, err := v.CreateCallerKey(ctx, connect.CallerKey{Tenant: "acme", Connection: v.active}, true)
		return err
	}, []connect.AuditRow{row(connect.CallerKeyCreated, "acme", "alice@example.com", "", "*")}},
	"revoke caller key": {func(ctx context.Context, v *scene) error {
		return v.RevokeCallerKey(ctx, v.caller)
	}, []connect.AuditRow{row(connect.CallerKeyRevoked, "acme", "alice@example.com", "", "*")}},
	"delete with its caller key": {func(ctx context.Context, v *scene) error {
		return v.DeleteConnection(ctx, "acme", v.called)
	}, []connect.AuditRow{alicesRow(connect.ConnectionDeleted, ""),
		row(connect.CallerKeyRevoked, "acme", "alice@example.com", "", "*")}},
	"sign in": {func(ctx context.Context, v *scene) error {
		return v.BeginSession(ctx, connect.DigestOf("other-cookie"),
			connect.Session{Tenant: "acme", Key: connect.DigestOf("canary-key")})
	}, []connect.AuditRow{row(connect.SignedIn, "acme", "", "", "*")}},
	"sign out": {func(ctx context.Context, v *scene) error {
		return v.EndSession(ctx, v.cookie)
	}, []connect.AuditRow{row(connect.SignedOut, "acme", "", "", "")}},
}
