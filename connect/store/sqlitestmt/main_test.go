package sqlitestmt

import (
	"database/sql"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const query = `SELECT name, kind, size, data FROM things WHERE name = ? AND kind = ?`

// database makes a database in WAL mode, and returns its file and a connection that writes.
func database(t *testing.T) (path string, writer *sql.DB) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a base%20.db")
	writer, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close() })
	writer.SetMaxOpenConns(1)
	run(t, writer, `PRAGMA journal_mode=WAL`)
	run(t, writer, `CREATE TABLE things (name TEXT NOT NULL, kind TEXT, size, data, PRIMARY KEY (name))`)
	return path, writer
}

func run(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path, setup string) *Stmt {
	t.Helper()
	s, err := Open(path, setup, query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
