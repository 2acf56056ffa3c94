package storetest

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/vendgate/vendgate/tests/services"
)

// Files returns what the database at a place has written to disk, by names, when no store is open
// there: the files of the directory, and of a database of PostgreSQL also its own, with what was
// deleted and not yet cleaned up, and what pg_dump makes of it.
func Files(t testing.TB, p Place) map[string][]byte {
	t.Helper()
	files := readFiles(t, p.Dir)
	if p.Postgres == "" {
		return files
	}
	s, ctx := serverOf(t), t.Context()
	u := *s.admin
	u.Path = "/" + databaseOf(t, p)
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var data, oid string
	if _, err = conn.Exec(ctx, `CHECKPOINT`); err == nil {
		err = conn.QueryRow(ctx, `SELECT current_setting('data_directory'), CAST(oid AS TEXT) FROM pg_database
			WHERE datname = current_database()`).Scan(&data, &oid)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range readFiles(t, filepath.Join(data, "base", oid)) {
		files["base/"+name] = content
	}
	dump, err := exec.CommandContext(ctx, filepath.Join(services.BinDir(t), "pg_dump"), "-d", u.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	files["dump"] = dump
	return files
}
