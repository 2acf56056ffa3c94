package connect

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode"
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
	ConnectionMoved      Event = "connection_moved"
	ScopesNotGranted     Event = "scopes_not_granted"
	VendFailed           Event = "vend_failed"
	ConnectionDeleted    Event = "connection_deleted"
	GrantRevoked         Event = "grant_revoked"
	RevocationFailed     Event = "revocation_failed"
	HoldPlaced           Event = "hold_placed"
	HoldReleased         Event = "hold_released"
	TenantCreated        Event = "tenant_created"
	TenantChanged        Event = "tenant_changed"
	TenantDisabled       Event = "tenant_disabled"
	KeyMinted            Event = "key_minted"
	KeyPromoted          Event = "key_promoted"
	KeysetRotated        Event = "keyset_rotated"
	OAuthClientSet       Event = "oauth_client_set"
	OAuthClientDeleted   Event = "oauth_client_deleted"
	MCPURLIssued         Event = "mcp_url_issued"
	CallerKeyCreated     Event = "caller_key_created"
	CallerKeyRevoked     Event = "caller_key_revoked"
	SignedIn             Event = "signed_in"
	SignedOut            Event = "signed_out"
)

// TenantEvents are the events that a tenant may read of, in the order in which they are offered.
var TenantEvents = []Event{
	LinkCreated, LinkOpened, LinkAccepted, LinkRejected, LinkExpired, LinkReplaced, LinkFailed,
	ConnectionCreated, ConnectionImported, CredentialsRefreshed, ConnectionMoved, ScopesNotGranted, VendFailed,
	ConnectionDeleted, GrantRevoked, RevocationFailed,
	HoldPlaced, HoldReleased, TenantCreated, TenantChanged, TenantDisabled, KeyMinted, KeyPromoted,
	OAuthClientSet, OAuthClientDeleted, MCPURLIssued, CallerKeyCreated, CallerKeyRevoked, SignedIn, SignedOut,
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

func actorOf(ctx context.Context) Actor {
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

// maxAuditText bounds a detail, an actor and a request id, in bytes; what is longer is cut.
const maxAuditText = 300

// record adds a row in the transaction that makes the change: neither is ever there without the
// other.
func (s *Store) record(ctx context.Context, tx *sql.Tx, r AuditRow) error {
	a := actorOf(ctx)
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (at, tenant, event, actor, request, connection, user, app, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.now().UnixMilli(), r.Tenant, string(r.Event), auditText(a.Name), auditText(a.Request), r.Connection, r.User, r.App,
		auditText(r.Detail))
	if err != nil {
		return fmt.Errorf("recording %s: %w", r.Event, err)
	}
	return nil
}

// auditText cuts a text to its bound and drops what a terminal that prints it would obey.
func auditText(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxAuditText)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// about is the row of an event that concerns c.
func about(e Event, c Connection) AuditRow {
	return AuditRow{Event: e, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App}
}

// Record adds a row for something that changed nothing in the store, such as a revocation at a
// provider.
func (s *Store) Record(ctx context.Context, r AuditRow) error {
	return s.update(ctx, "writing the audit trail", func(tx *sql.Tx) error { return s.record(ctx, tx, r) })
}

// Audit returns one page of the audit trail, newest first, and how many rows there are on all
// pages. A page or limit out of bounds is a *vending.Error with `invalid_request`.
func (s *Store) Audit(ctx context.Context, f AuditFilter) (rows []AuditRow, total int, err error) {
	if err := CheckPage(&f.Page, &f.Limit); err != nil {
		return nil, 0, err
	}
	offset := pageOffset(f.Page, f.Limit)
	where, args := auditWhere(f)
	err = s.view(ctx, "reading the audit trail", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM audit`+where, args...).Scan(&total); err != nil {
			return err
		}
		if offset >= total {
			return nil
		}
		rows, err = listAudit(ctx, tx, where, append(args, f.Limit, offset))
		return err
	})
	return rows, total, err
}

func auditWhere(f AuditFilter) (clause string, args []any) {
	var c conditions
	c.equal("tenant", f.Tenant)
	c.equal("connection", f.Connection)
	c.equal("event", string(f.Event))
	if !f.Since.IsZero() {
		c.add("at >= ?", f.Since.UnixMilli())
	}
	return c.where()
}

const auditColumns = `SELECT id, at, tenant, event, actor, request, connection, user, app, detail FROM audit`

func listAudit(ctx context.Context, tx *sql.Tx, where string, args []any) (found []AuditRow, err error) {
	rows, err := tx.QueryContext(ctx, auditColumns+where+` ORDER BY id DESC LIMIT ? OFFSET ?`, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var r AuditRow
		var at int64
		if err := rows.Scan(&r.ID, &at, &r.Tenant, &r.Event, &r.Actor, &r.Request, &r.Connection, &r.User, &r.App,
			&r.Detail); err != nil {
			return nil, err
		}
		r.At = time.UnixMilli(at).UTC()
		found = append(found, r)
	}
	return found, rows.Err()
}
