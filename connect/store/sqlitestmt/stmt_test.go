package sqlitestmt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// row is what a Step finds.
type row struct {
	name, kind string
	size       int64
	data       []byte
}

func find(t *testing.T, s *Stmt, name, kind string) (r row, found bool) {
	t.Helper()
	found, err := s.Step(name, kind)
	if err != nil {
		t.Fatal(err)
	}
	if found {
		texts := s.Texts(&r.name, &r.kind)
		size, isInt := s.Int(2)
		data, isBlob := s.Blob(3)
		if !texts || !isInt || !isBlob {
			t.Errorf("texts %t, integer %t, blob %t", texts, isInt, isBlob)
		}
		r.size, r.data = size, data
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	return r, found
}

func TestStep(t *testing.T) {
	path, writer := database(t)
	s := open(t, path, "")
	long := strings.Repeat("x", 3*usualArgs)
	for _, c := range []row{
		{"a", "b", 1, []byte{0, 1, 2}},
		{"ä\x00b", "", -1 << 62, nil},
		{long, long, 0, bytes.Repeat([]byte{7}, 100_000)},
		{"", "k", 1<<63 - 1, []byte("x")},
	} {
		if r, found := find(t, s, c.name, c.kind); found {
			t.Errorf("%q is there before it was stored: %v", c.name, r)
		}
		run(t, writer, `INSERT INTO things VALUES (?, ?, ?, ?)`, c.name, c.kind, c.size, c.data)
		got, found := find(t, s, c.name, c.kind)
		if !found || got.name != c.name || got.kind != c.kind || got.size != c.size || !bytes.Equal(got.data, c.data) ||
			(got.data == nil) != (c.data == nil) {
			t.Errorf("%.20q: found %t, %d, %d bytes", c.name, found, got.size, len(got.data))
		}
		if s.argsSize > max(usualArgs, len(c.name)+len(c.kind)) {
			t.Errorf("%d bytes are kept for arguments", s.argsSize)
		}
		if _, found := find(t, s, c.name, c.kind+"x"); found {
			t.Errorf("%.20q: found as of another kind", c.name)
		}
	}
}

// TestRow checks that what was read of a row survives Reset, and a change of the row.
func TestRow(t *testing.T) {
	path, writer := database(t)
	s := open(t, path, "")
	run(t, writer, `INSERT INTO things VALUES ('a', 'b', 1, x'0102')`)
	first, _ := find(t, s, "a", "b")
	run(t, writer, `UPDATE things SET size = 2, data = x'0304'`)
	second, _ := find(t, s, "a", "b")
	if first.name != "a" || first.kind != "b" || !bytes.Equal(first.data, []byte{1, 2}) ||
		second.size != 2 || !bytes.Equal(second.data, []byte{3, 4}) {
		t.Errorf("%v, then %v", first, second)
	}
}

func TestTypes(t *testing.T) {
	path, writer := database(t)
	s := open(t, path, "")
	for _, values := range []string{`x'00', 1, x'00'`, `NULL, 1.5, 1`, `'b', 'c', 'd'`} {
		run(t, writer, `DELETE FROM things`)
		run(t, writer, `INSERT INTO things VALUES ('a', `+values+`)`)
		s, err := Open(path, "", `SELECT name, kind, size, data FROM things WHERE name = ?`)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := s.Step("a"); !found || err != nil {
			t.Fatal(found, err)
		}
		var name, kind string
		texts := s.Texts(&name, &kind)
		_, isInt := s.Int(2)
		_, isBlob := s.Blob(3)
		if texts && isInt && isBlob {
			t.Errorf("%s: all columns have the type that is expected", values)
		}
		if err := errors.Join(s.Reset(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	// A change of the schema: the statement is prepared again.
	run(t, writer, `ALTER TABLE things ADD COLUMN more TEXT`)
	run(t, writer, `INSERT INTO things (name, kind, size) VALUES ('z', 'k', 5)`)
	if r, found := find(t, s, "z", "k"); !found || r.size != 5 {
		t.Errorf("after a change of the schema: %v, %t", r, found)
	}
}

// TestReset checks that no read transaction outlasts a read: it would keep SQLite from emptying the
// write-ahead log.
func TestReset(t *testing.T) {
	path, writer := database(t)
	s := open(t, path, "")
	run(t, writer, `INSERT INTO things VALUES ('a', 'b', 1, NULL)`)
	for _, name := range []string{"a", "missing"} {
		find(t, s, name, "b")
		var busy, pages, folded int
		if err := writer.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &folded); err != nil || busy != 0 {
			t.Errorf("after reading %q: busy %d, %v", name, busy, err)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	path, writer := database(t)
	run(t, writer, `INSERT INTO things VALUES ('a', 'b', 1, NULL)`)
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.db")
	for name, c := range map[string]struct {
		path, setup, query string
		code               int
	}{
		"missing":        {missing, "", query, sqlite3.SQLITE_CANTOPEN},
		"no database":    {garbage, "", query, sqlite3.SQLITE_NOTADB},
		"no such table":  {path, "", `SELECT * FROM others`, sqlite3.SQLITE_ERROR},
		"a setup":        {path, `PRAGMA busy_timeout=1; nonsense`, query, sqlite3.SQLITE_ERROR},
		"a NUL in query": {path, "", "SELECT 1\x00", 0},
	} {
		s, err := Open(c.path, c.setup, c.query)
		var e *Error
		if s != nil || err == nil || errors.As(err, &e) != (c.code != 0) || e != nil && e.Code()&0xff != c.code {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a file was made")
	}
	s := open(t, path, "PRAGMA query_only(1);PRAGMA busy_timeout(1)")
	run(t, writer, `DROP TABLE things`)
	_, err := s.Step("a-value", "b-value")
	var e *Error
	if !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_ERROR || strings.Contains(err.Error(), "-value") {
		t.Errorf("after the table was dropped: %v", err)
	}
	if w, err := Open(path, "PRAGMA query_only(1)", `CREATE TABLE other (x)`); err == nil {
		if _, err := w.Step(); err == nil {
			t.Error("the statements of setup have no effect")
		}
		_ = w.Close()
	}
}

func TestAllocations(t *testing.T) {
	path, writer := database(t)
	s := open(t, path, "")
	run(t, writer, `INSERT INTO things VALUES ('a', 'b', 1, ?)`, make([]byte, 400))
	var name, kind string
	n := testing.AllocsPerRun(100, func() {
		if found, err := s.Step("a", "b"); !found || err != nil {
			t.Fatal(found, err)
		}
		_ = s.Texts(&name, &kind)
		_, _ = s.Int(2)
		_, _ = s.Blob(3)
		_ = s.Reset()
	})
	if n != 2 {
		t.Errorf("%v allocations, want one for the texts and one for the blob", n)
	}
}
