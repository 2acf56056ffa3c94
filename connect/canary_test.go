package connect

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// TestNothingInTheClear stores canaries in every way there is and looks for them in the log and in
// all files, before and after the WAL is folded in.
func TestNothingInTheClear(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	s, err := Open(t.Context(), Options{Dir: dir, Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	canaries := []string{"canary-access-1", "canary-refresh-1", "canary-access-2", "canary-refresh-2", "canary-api-key"}
	key, err := s.CreateTenant(t.Context(), Tenant{ID: "acme", Email: "ops@acme.example"})
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
	if _, err := s.ImportConnection(t.Context(), c, NewGrant(GrantValues{Fields: []vending.Field{{Name: "api_key", Value: canaries[4]}}})); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateGrant(t.Context(), id, 1, oauthGrant(canaries[2], canaries[3]), false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A row that does not open is logged.
	execSQL(t, s, `UPDATE connections SET app = 'evil' WHERE id = ?`, id)
	if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id); err == nil {
		t.Error("a moved grant opened")
	}
	search(t, "the write-ahead log", readFile(t, dir, databaseName+"-wal"), canaries)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range snapshotDir(t, dir) {
		search(t, name, content, canaries)
	}
	if !strings.Contains(log.String(), id) {
		t.Error("the row that does not open was not logged")
	}
	search(t, "the log", log.String(), canaries)
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
