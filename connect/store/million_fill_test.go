package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// load adds rows to a table in one transaction, the fastest way that the database has.
func (m *million) load(tb testing.TB, table, columns string, n int, row func(i int) []any) {
	tb.Helper()
	ctx := tb.Context()
	if m.url != "" {
		conn := must[*pgx.Conn](tb)(pgx.Connect(ctx, m.url))
		_, err := conn.CopyFrom(ctx, pgx.Identifier{table}, strings.Split(columns, ", "),
			pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
		if err := errors.Join(err, conn.Close(ctx)); err != nil {
			tb.Fatal(err)
		}
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", strings.Count(columns, ",")+1), ", ")
	err := m.update(ctx, "filling", func(tx *tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO `+table+` (`+columns+`) VALUES (`+marks+`)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for i := 0; i < n && err == nil; i++ {
			_, err = insert.ExecContext(ctx, row(i)...)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func digestAt(kind string, i int) []byte {
	d := connect.DigestOf(fmt.Sprint(kind, i))
	return d[:]
}

// keyAt is the key of the i-th tenant.
func keyAt(i int) string { return fmt.Sprintf("%s%043d", policy.KeyPrefix, i) }

// fill stores tenants with a key and a caller key each, connections with their grants, links and
// audit trail. The connections of one tenant lie apart, as they do when tenants grow side by side.
func (m *million) fill(b *testing.B) {
	b.Helper()
	begun, at := time.Now(), time.Now().UnixMilli()
	m.load(b, "tenants", "id, email, capabilities, created_at", m.tenants, func(i int) []any {
		return []any{tenantOf(i), "ops@example.com", string(policy.CapToken), at}
	})
	m.load(b, "tenant_keys", "digest, tenant, generation, created_at", m.tenants, func(i int) []any {
		d := connect.DigestOf(keyAt(i))
		return []any{d[:], tenantOf(i), 1, at}
	})
	m.load(b, "connections", "id, tenant, end_user, app, name, status, auth_type, via_link, needs_reconnection, "+
		"verified, created_at, updated_at, version, sealed", m.connections, func(i int) []any {
		c := m.connection(i)
		var sealed []byte
		if c.Status == connect.Active {
			sealed = m.seal(b, c)
		}
		return []any{c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), string(c.AuthType), 1,
			oneIf(c.NeedsReconnection), 1, at + int64(i), at + int64(i), c.Version, sealed}
	})
	m.fillAround(b, at)
	m.settle(b)
	b.Logf("filled in %v", time.Since(begun).Round(time.Second))
}

// fillAround stores what belongs to connections.
func (m *million) fillAround(b *testing.B, at int64) {
	m.load(b, "links", "digest, connection, status, renews, created_at, expires_at", m.connections, func(i int) []any {
		return []any{digestAt("link", i), m.rows[i].ID, string(m.rows[i].Status), 0, at,
			at + connect.LinkLifetime.Milliseconds()}
	})
	m.load(b, "caller_keys", "id, digest, tenant, end_user, connection, name, apps, methods, paths, budget, created_at",
		min(m.tenants, m.connections), func(i int) []any {
			c := m.rows[i]
			return []any{connect.NewCallerKeyID(), digestAt("caller", i), c.Tenant, "", c.ID, "agent", "", "", "", 0, at}
		})
	events := [auditRows]connect.Event{connect.LinkCreated, connect.LinkOpened, connect.LinkAccepted,
		connect.ConnectionCreated}
	m.load(b, "audit", "at, tenant, event, actor, request, connection, end_user, app, detail", auditRows*m.connections,
		func(i int) []any {
			c := m.rows[i/auditRows]
			return []any{at, c.Tenant, string(events[i%auditRows]), "api key 0123456789ab",
				"7d0c5b1e-0d0e-4d8e-9b3a-0a6c5b1e0d0e", c.ID, c.User, c.App, ""}
		})
}

// settle does what the databases do by themselves within the first minutes.
func (m *million) settle(b *testing.B) {
	if m.url != "" {
		m.server.Query("VACUUM ANALYZE")
		m.server.Query("CHECKPOINT")
	}
	for range m.connections/foldAtMost + 1 {
		if _, err := m.Sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if m.url != "" { // what the folded rows leave behind, which no store has that grew in time
		m.server.Query("VACUUM FULL connection_counts")
	}
	m.rows = slices.DeleteFunc(m.rows, func(c connect.Connection) bool {
		return c.Status != connect.Active || c.Tenant == tenantOf(0)
	})
}

func oneIf(set bool) int {
	if set {
		return 1
	}
	return 0
}

// connection makes the i-th. Of a hundred, one waits for its end user, three never came to be and
// two need to be reconnected.
func (m *million) connection(i int) connect.Connection {
	tenant, n := i%m.tenants, i/m.tenants
	if every := millionRows / largeTenant; i%every == every-1 {
		tenant, n = 0, i/every
	}
	c := connect.Connection{
		ID: connect.NewConnectionID(), Tenant: tenantOf(tenant), User: fmt.Sprintf("user%d@example.com", n/5),
		App: fmt.Sprintf("app%d", i%20), Name: fmt.Sprintf("Connection %d of a customer", n), AuthType: vending.OAuth,
		Status: connect.Active, Version: 1,
	}
	switch kind := i * 7919 / 100 % 100; {
	case kind == 0:
		c.Status = connect.Pending
	case kind <= 2:
		c.Status = connect.Expired
	case kind == 3:
		c.Status = connect.Rejected
	default:
		c.NeedsReconnection = kind <= 5
	}
	m.rows = append(m.rows, c)
	return c
}

// seal returns a grant of the size of Google's: an access token of 220 bytes, a refresh token of
// 103.
func (m *million) seal(tb testing.TB, c connect.Connection) []byte {
	g := connect.NewGrant(connect.GrantValues{
		AccessToken:  "ya29." + strings.Repeat(rand.Text(), 9)[:215],
		RefreshToken: "1//" + strings.Repeat(rand.Text(), 4)[:100],
		TokenType:    "Bearer", Scope: "mail.read", Expiry: time.Now().Add(connect.LinkLifetime).UTC().Truncate(time.Second),
	})
	plain, err := g.Reveal().Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return must[[]byte](tb)(m.vault.Seal(plain, bindingOf(c).associatedData()))
}
