package connect

import (
	"context"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// Event is a kind of change that the audit trail records.
type Event string

// The events. A row names tenant, connection, end user and app where they apply, and never holds a
// secret.
const (
	LinkCreated          Event = "link_created"
	LinkOpened           Event = "link_opened"
	LinkAccepted         Event = "link_accepted"
	LinkRejected         Event = "link_rejected"
	LinkExpired          Event = "link_expired"
	LinkReplaced         Event = "link_replaced"
	LinkFailed           Event = "link_failed"
	ConnectionCreated    Event = "connection_created"
	ConnectionImported   Event = "connection_imported"
	CredentialsRefreshed Event = "credentials_refreshed"
	CredentialsUpdated   Event = "credentials_updated"
	ConnectionMoved      Event = "connection_moved"
	ScopesNotGranted     Event = "scopes_not_granted"
	VendFailed           Event = "vend_failed"
	ConnectionDeleted    Event = "connection_deleted"
	GrantRevoked         Event = "grant_revoked"
	GrantErased          Event = "grant_erased"
	RevocationFailed     Event = "revocation_failed"
	HoldPlaced           Event = "hold_placed"
	HoldReleased         Event = "hold_released"
	TenantCreated        Event = "tenant_created"
	TenantChanged        Event = "tenant_changed"
	TenantDisabled       Event = "tenant_disabled"
	TenantEnabled        Event = "tenant_enabled"
	TenantDeleted        Event = "tenant_deleted"
	KeyMinted            Event = "key_minted"
	KeyPromoted          Event = "key_promoted"
	KeysetRotated        Event = "keyset_rotated"
	StoreRestored        Event = "store_restored"
	OAuthClientSet       Event = "oauth_client_set"
	OAuthClientDeleted   Event = "oauth_client_deleted"
	MCPURLIssued         Event = "mcp_url_issued"
	MCPURLEnded          Event = "mcp_url_ended"
	CallerKeyCreated     Event = "caller_key_created"
	CallerKeyRevoked     Event = "caller_key_revoked"
	UserErased           Event = "user_erased"
	SignedIn             Event = "signed_in"
	SignedOut            Event = "signed_out"
)

// TenantEvents are the events that a tenant may read of, in the order in which they are offered.
var TenantEvents = []Event{
	LinkCreated, LinkOpened, LinkAccepted, LinkRejected, LinkExpired, LinkReplaced, LinkFailed,
	ConnectionCreated, ConnectionImported, CredentialsRefreshed, CredentialsUpdated, ConnectionMoved, ScopesNotGranted,
	VendFailed, ConnectionDeleted, GrantRevoked, GrantErased, RevocationFailed,
	HoldPlaced, HoldReleased, TenantCreated, TenantChanged, TenantDisabled, TenantEnabled, TenantDeleted,
	KeyMinted, KeyPromoted, OAuthClientSet, OAuthClientDeleted, MCPURLIssued, MCPURLEnded,
	CallerKeyCreated, CallerKeyRevoked, UserErased, SignedIn, SignedOut,
}

// Actor is who makes a change, and by which request.
type Actor struct {
	// Name is `operator`, `end user`, `system`, or a face and a key's fingerprint: `api key
	// 0123456789ab`. Empty means `system`.
	Name string
	// Request is the id of the HTTP request, as the access log has it; empty for a command.
	Request string
}

type actorKey struct{}

// WithActor returns a context by which the changes of a store are recorded as a's.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns who makes the changes of a context, as WithActor has it; else it is `system`.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	if a.Name == "" {
		a.Name = "system"
	}
	return a
}

// AuditRow is one line of the audit trail.
type AuditRow struct {
	ID int64
	// At is in UTC, to the millisecond.
	At    time.Time
	Event Event
	// Tenant is empty for what concerns the whole store.
	Tenant, Actor, Request string
	Connection, User, App  string
	// Detail says more, in words: a key's fingerprint, the name of a hold.
	Detail string
}

// AuditRowOf is the row of an event that concerns c.
func AuditRowOf(e Event, c Connection) AuditRow {
	return AuditRow{Event: e, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App}
}

// AuditRowGranted is the row of an event by which c holds g. A token needs no word: the provider
// issued it, and one from elsewhere is verified when it is refreshed.
func AuditRowGranted(e Event, c Connection, g Grant) AuditRow {
	row := AuditRowOf(e, c)
	if c.AuthType != vending.OAuth && !g.IsZero() && !g.Verified() {
		row.Detail = "not verified: the provider has not confirmed the credentials"
	}
	return row
}
