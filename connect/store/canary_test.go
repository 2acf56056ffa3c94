package store

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// TestNothingInTheClear stores canaries in every way there is and looks for them in the log and in
// all files, before and after the WAL is folded in.
func TestNothingInTheClear(t *testing.T) {
	storetest.On(t, testNothingInTheClear, storetest.SQLite, storetest.PostgreSQL)
}

func testNothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	o := optionsAt(t, dir)
	o.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	canaries := []string{"canary-access-1", "canary-refresh-1", "canary-access-2", "canary-refresh-2", "canary-api-key"}
	key, err := s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.RotateKey(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	canaries = append(canaries, key, key[len(policy.KeyPrefix):], second[len(policy.KeyPrefix):])
	id, err := s.ImportConnection(t.Context(), gmail("alice@example.com"), oauthGrant(canaries[0], canaries[1]))
	if err != nil {
		t.Fatal(err)
	}
	c := gmail("alice@example.com")
	c.AuthType = vending.APIKey
	if _, err := s.ImportConnection(t.Context(), c,
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: canaries[4]}}})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateGrant(t.Context(), id, 1, oauthGrant(canaries[2], canaries[3]), false); err != nil {
		t.Fatal(err)
	}
	canaries = append(canaries, manage(t, s)...)
	if _, err := s.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A row that does not open is logged.
	execSQL(t, s, `UPDATE connections SET app = 'evil' WHERE id = ?`, id)
	if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id); err == nil {
		t.Error("a moved grant opened")
	}
	if storetest.Of(t) == storetest.SQLite {
		search(t, "the write-ahead log", readFile(t, dir, DatabaseName+"-wal"), canaries)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files := storetest.Files(t, storetest.At(t, dir))
	for name, content := range files {
		search(t, name, string(content), canaries)
	}
	if dump, ok := files["dump"]; ok && !bytes.Contains(dump, []byte(id)) {
		t.Error("the dump has not even the id of a connection")
	}
	if !strings.Contains(log.String(), id) {
		t.Error("the row that does not open was not logged")
	}
	search(t, "the log", log.String(), canaries)
}

// manage stores, and hands out, what the connection manager has beside grants, and returns the
// canaries.
func manage(t *testing.T, s *Store) (canaries []string) {
	t.Helper()
	used, renewed, left := createLink(t, s), createLink(t, s), createLink(t, s)
	fresh := renewLink(t, s, renewed.Connection.ID)
	a := authRequestOf(left)
	a.Verifier, a.Fields = vending.NewSecret("canary-verifier"), []vending.Field{
		{Name: "client_secret", Value: "canary-field"}}
	for _, taken := range []bool{true, false} { // one stays
		if err := s.CreateAuthRequest(t.Context(), connect.DigestOf(fmt.Sprint("canary-state-", taken)),
			connect.DigestOf("canary-browser"),
			a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ConsumeAuthRequest(t.Context(), connect.DigestOf("canary-state-true"),
		connect.DigestOf("canary-browser")); err != nil {
		t.Fatal(err)
	}
	must[connect.LinkState](t)(s.AcceptLink(t.Context(), digestOf(used)))
	must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(used), connect.DigestOf("canary-browser"),
		vending.OAuth,
		oauthGrant("canary-linked", "canary-linked-refresh")))
	if _, _, err := s.TakeConnection(t.Context(), "acme", "", used.Connection.ID); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"canary-secret-1", "canary-secret-2"} {
		setClient(t, s, "acme", "gmail", client("id", secret))
	}
	if err := s.BeginSession(t.Context(), connect.DigestOf("canary-cookie"),
		connect.Session{Tenant: "acme", Key: connect.DigestOf("canary-key")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		canaries = append(canaries, must[vending.Secret](t)(s.IssueMCPURL(t.Context(), "acme")).Reveal())
	}
	called := importGmail(t, s, "canary-called")
	for _, revoked := range []bool{true, false} {
		key, made := createCallerKey(t, s, callerKey(called))
		canaries = append(canaries, key.Reveal(), key.Reveal()[len(policy.CallerKeyPrefix):])
		if !revoked {
			continue
		}
		if err := s.RevokeCallerKey(t.Context(), made.ID); err != nil {
			t.Fatal(err)
		}
	}
	return append(canaries, used.Token.Reveal(), renewed.Token.Reveal(), fresh.Token.Reveal(), left.Token.Reveal(),
		"canary-verifier", "canary-field",
		"canary-state", "canary-browser", "canary-linked", "canary-secret", "canary-cookie", "canary-key")
}

func search(t *testing.T, where, content string, canaries []string) {
	t.Helper()
	for i, c := range canaries {
		for _, form := range []string{c, base64.StdEncoding.EncodeToString([]byte(c))[:8], hex.EncodeToString([]byte(c))} {
			if strings.Contains(content, form) {
				t.Errorf("canary %d stands in %s", i, where)
			}
		}
	}
}
