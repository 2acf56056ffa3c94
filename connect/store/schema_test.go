package store

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestSchemaHoldsTheLine tries what no code does, straight in SQL.
func TestSchemaHoldsTheLine(t *testing.T) { storetest.EachAtOnce(t, testSchemaHoldsTheLine) }

func testSchemaHoldsTheLine(t *testing.T) {
	s := openStore(t, t.TempDir())
	l := createLink(t, s)
	other := connect.DigestOf("other")
	for name, query := range map[string]string{
		"a second pending link": `INSERT INTO links (digest, connection, status, renews, created_at, expires_at) SELECT ` +
			`CAST(? AS BLOB), connection, 'pending', 0, 0, 0 FROM links`,
		"a link of nothing": `INSERT INTO links (digest, connection, status, renews, created_at, expires_at) VALUES ` +
			`(?, 'conn_x', 'active', 0, 0, 0)`,
		"a token, undigested": `INSERT INTO links (digest, connection, status, renews, created_at, expires_at) SELECT ` +
			`substr(CAST(? AS BLOB), 1, 4), connection, 'active', 0, 0, 0 FROM links`,
		"an unknown status": `UPDATE links SET status = 'gone' WHERE digest <> ?`,
		"a hold on nothing": `INSERT INTO holds (connection, name, created_at) VALUES ` +
			`('conn_x', 'sync', length(CAST(? AS BLOB)))`,
		"an authorization request of nothing": `INSERT INTO attempts (state, link, browser, sealed, expires_at) VALUES ` +
			`(?1, ?1, ?1, x'00', 0)`,
	} {
		t.Run(name, func(t *testing.T) {
			const sqliteConstraint = 19
			err := tryExec(t, s, query, other[:])
			if resultCode(err) != sqliteConstraint && !strings.HasPrefix(pgserver.Code(err), "23") {
				t.Errorf("error %v, want that of a constraint", err)
			}
		})
	}
	if got := must[connect.LinkState](t)(s.OpenLink(t.Context(), digestOf(l))); got.Status != connect.Pending {
		t.Errorf("the link is %s", got.Status)
	}
	completeAs := vending.APIKey
	if _, err := s.CompleteLink(t.Context(), digestOf(l), alices, completeAs,
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "k"}}})); err != nil {
		t.Error(err)
	}
}
