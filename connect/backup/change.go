package backup

import (
	"context"
	"fmt"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

// Change is something that the audit trail has and a backup from before it lacks.
type Change struct {
	connect.AuditRow
	// Applies says that Restore can make the change again.
	Applies bool
	// Advice is what the operator has to do, or what follows if the change is not made again.
	Advice string
	// Applied says that it was made again. One that applies and was not is in effect already.
	Applied bool
}

// treatment is how a restore goes about an event that came after the backup.
type treatment struct {
	applies bool
	// advice is for a change that is not made again; after is for one that is, and empty where there
	// is nothing more to do.
	advice, after string
}

// newLink is what is left to do where a connection was made or renewed by a link.
const newLink = "the connection is lost: send its end user a new link"

// older is of a connection whose credentials were replaced since.
const older = "the connection holds the credentials from before, and needs reconnection if they have ended"

// treatments are by event; the zero treatment is of what leaves nothing behind, and is not listed.
var treatments = map[connect.Event]treatment{
	connect.ConnectionDeleted: {true, "the deleted connection works again", ""},
	connect.GrantRevoked:      {true, "the grant has ended at the provider", ""},
	connect.GrantErased: {true, "the erased grant is back",
		"the erased grant is back, and flagged: erase it again"},
	connect.VendFailed:     {true, "the grant had ended at the provider", ""},
	connect.HoldPlaced:     {true, "the hold is missing", ""},
	connect.HoldReleased:   {true, "the released hold is back", ""},
	connect.TenantDisabled: {true, "the disabled tenant and its keys work again", ""},
	connect.TenantDeleted: {true, "the deleted tenant works again",
		"the tenant is back, disabled: delete it again"},
	connect.KeyPromoted:          {true, "the retired tenant key works again", ""},
	connect.CallerKeyRevoked:     {true, "the revoked caller key works again", ""},
	connect.MCPURLEnded:          {true, "the ended MCP URL works again", ""},
	connect.MCPURLIssued:         {true, "the MCP URL before this one works again", "the MCP URL is lost: issue another"},
	connect.OAuthClientDeleted:   {true, "the deleted OAuth client is back", ""},
	connect.LinkRejected:         {true, "the rejected link can be used again", ""},
	connect.LinkReplaced:         {true, "the replaced link can be used again", ""},
	connect.ConnectionCreated:    {true, newLink, newLink},
	connect.CredentialsRefreshed: {true, older, older},
	connect.ConnectionMoved:      {true, older, older},

	connect.TenantEnabled:      {false, "the tenant is disabled as before: enable it again", ""},
	connect.UserErased:         {false, "what is kept of the end user is back: erase it again", ""},
	connect.CredentialsUpdated: {false, "the connection holds the credentials from before: update them again", ""},
	connect.ConnectionImported: {false, "the connection is lost: import it again", ""},
	connect.LinkCreated:        {false, "the link is lost: make a new one, unless its connection is listed", ""},
	connect.TenantCreated:      {false, "the tenant is lost: create it again, with a new key", ""},
	connect.TenantChanged:      {false, "the tenant is as it was before: change it again", ""},
	connect.KeyMinted:          {false, "the tenant key is lost: mint another", ""},
	connect.CallerKeyCreated:   {false, "the caller key is lost: create another", ""},
	connect.OAuthClientSet:     {false, "the OAuth client is as it was before: set it again", ""},
	connect.KeysetRotated:      {false, "the credentials are sealed by the key from before: rotate the keyset again", ""},

	connect.LinkOpened: {}, connect.LinkAccepted: {}, connect.LinkFailed: {}, connect.LinkExpired: {},
	connect.ScopesNotGranted: {}, connect.RevocationFailed: {}, connect.SignedIn: {}, connect.SignedOut: {},
	connect.StoreRestored: {},
}

// changesOf lists what rows, oldest first, tell of. An event that this package does not know is
// listed too: the operator must see it.
func changesOf(rows []connect.AuditRow) (found []Change) {
	rows = withoutUndone(rows)
	for _, r := range rows {
		t, known := treatments[r.Event]
		if !known {
			t.advice = "see what it was, and do it again by hand"
		}
		if t.advice != "" {
			found = append(found, Change{AuditRow: r, Applies: t.applies, Advice: t.advice})
		}
	}
	return found
}

// withoutUndone leaves out that a tenant was disabled where it was enabled after that, and the
// other way round: what counts is the last, unless the backup has the tenant like that.
func withoutUndone(rows []connect.AuditRow) (left []connect.AuditRow) {
	toggles := func(e connect.Event) bool { return e == connect.TenantDisabled || e == connect.TenantEnabled }
	first, last := make(map[string]connect.Event), make(map[string]int64)
	for _, r := range rows {
		if !toggles(r.Event) {
			continue
		}
		if first[r.Tenant] == "" {
			first[r.Tenant] = r.Event
		}
		last[r.Tenant] = r.ID
	}
	for _, r := range rows {
		if !toggles(r.Event) || last[r.Tenant] == r.ID && first[r.Tenant] == r.Event {
			left = append(left, r)
		}
	}
	return left
}

// apply makes the changes again that can be, oldest first.
func apply(ctx context.Context, store *store.Store, changes []Change) error {
	for i := range changes {
		c := &changes[i]
		if !c.Applies {
			continue
		}
		done, err := store.Redo(ctx, c.AuditRow)
		if err != nil {
			return fmt.Errorf("applying %s of %s again: %w", c.Event, c.At.Format("2006-01-02T15:04:05Z"), err)
		}
		c.Applied, c.Advice = done, treatments[c.Event].after
	}
	return nil
}
