// Package sqlitestmt runs one prepared statement of SQLite many times at the lowest cost: by
// SQLite's own C interface, as modernc.org/sqlite/lib translates it to Go. Through the driver of
// database/sql the same read takes more than twice as long, and 42 allocations instead of two.
//
// The driver, modernc.org/sqlite, runs on the same translation, so that its connections and these
// share one table of the files that the process has locked. SQLite needs that: its locks are POSIX
// locks, which a process loses when it closes any descriptor of the file.
package sqlitestmt

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Stmt is a statement on a connection of its own. It is not safe for concurrent use: what SQLite
// would lock for each call of a connection is not locked.
//
// Each call of Step must be followed by one of Reset. What Texts and Blob return is a copy.
type Stmt struct {
	tls      *libc.TLS
	db, stmt uintptr // sqlite3 *, sqlite3_stmt *
	// args holds what is bound, outside of Go's memory, for as long as SQLite may read it.
	args     uintptr
	argsSize int
}

// usualArgs is the size of the memory for arguments, in bytes: an id, a tenant and an address.
// Longer ones get more, until the next Step.
const usualArgs = 1 << 10

// Open opens the database in the file at path, which must exist, runs the statements of setup, and
// prepares query. Errors of SQLite are an *[Error].
func Open(path, setup, query string) (_ *Stmt, err error) {
	s := &Stmt{tls: libc.NewTLS()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.reserve(0); err != nil {
		return nil, err
	}
	if err := s.open(path); err != nil {
		return nil, err
	}
	err = withText(s.tls, setup, func(text uintptr) error {
		return s.check(sqlite3.Xsqlite3_exec(s.tls, s.db, text, 0, 0, 0))
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the connection: %w", err)
	}
	err = withText(s.tls, query, func(text uintptr) error {
		// The memory of arguments is free yet, and takes the pointer to the statement.
		rc := sqlite3.Xsqlite3_prepare_v3(s.tls, s.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, s.args, 0)
		s.stmt = libc.AtomicLoadPUintptr(s.args)
		return s.check(rc)
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the statement: %w", err)
	}
	return s, nil
}

// open connects, without the flag that would create a file.
func (s *Stmt) open(path string) error {
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX
	err := withText(s.tls, path, func(text uintptr) error {
		rc := sqlite3.Xsqlite3_open_v2(s.tls, text, s.args, flags, 0)
		s.db = libc.AtomicLoadPUintptr(s.args) // also on an error, to be closed
		return s.check(rc)
	})
	if err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	return s.check(sqlite3.Xsqlite3_extended_result_codes(s.tls, s.db, 1))
}

// withText calls f with a copy of text as C has it.
func withText(tls *libc.TLS, text string, f func(uintptr) error) error {
	if strings.IndexByte(text, 0) >= 0 {
		return errors.New("a NUL byte would end the text")
	}
	p, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(tls, p)
	return f(p)
}

// reserve makes room for arguments of n bytes.
func (s *Stmt) reserve(n int) error {
	n = max(n, usualArgs)
	if n == s.argsSize {
		return nil
	}
	if n > math.MaxInt32 {
		return errors.New("the arguments are too long")
	}
	p := sqlite3.Xsqlite3_malloc(s.tls, int32(n)) // #nosec G115 -- checked above
	if p == 0 {
		return &Error{code: sqlite3.SQLITE_NOMEM, text: "out of memory"}
	}
	sqlite3.Xsqlite3_free(s.tls, s.args)
	s.args, s.argsSize = p, n
	return nil
}

// Step runs the statement with args bound as text, and reports whether there is a row.
func (s *Stmt) Step(args ...string) (row bool, err error) {
	if err := s.bind(args); err != nil {
		return false, err
	}
	switch rc := sqlite3.Xsqlite3_step(s.tls, s.stmt); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.check(rc)
	}
}

// bind copies args to where SQLite reads them. The memory of earlier arguments may be freed by
// that: SQLite reads no argument of a statement that was reset.
func (s *Stmt) bind(args []string) error {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	if err := s.reserve(size); err != nil {
		return err
	}
	room, at := libc.GoBytes(s.args, s.argsSize), 0
	for i, a := range args {
		copy(room[at:], a)
		const static = 0 // SQLITE_STATIC: SQLite neither copies nor frees it
		// #nosec G115 -- reserve bounds the sizes
		rc := sqlite3.Xsqlite3_bind_text(s.tls, s.stmt, int32(i+1), s.args+uintptr(at), int32(len(a)), static)
		if err := s.check(rc); err != nil {
			return err
		}
		at += len(a)
	}
	return nil
}

// Reset ends a Step, and with it the read transaction.
func (s *Stmt) Reset() error { return s.check(sqlite3.Xsqlite3_reset(s.tls, s.stmt)) }

// Texts puts the text of the first columns of the row into dest, which share one copy. It reports
// whether each of them holds text.
func (s *Stmt) Texts(dest ...*string) bool {
	size := 0
	for i := range dest {
		if s.kind(i) != sqlite3.SQLITE_TEXT {
			return false
		}
		size += len(s.text(i))
	}
	var all strings.Builder
	all.Grow(size)
	for i := range dest {
		all.Write(s.text(i))
	}
	rest := all.String()
	for i, d := range dest {
		n := len(s.text(i))
		*d, rest = rest[:n], rest[n:]
	}
	return true
}

// Int returns the integer in a column of the row; false if it holds anything else.
func (s *Stmt) Int(column int) (int64, bool) {
	return sqlite3.Xsqlite3_column_int64(s.tls, s.stmt, int32(column)), // #nosec G115 -- a column of ours
		s.kind(column) == sqlite3.SQLITE_INTEGER
}

// Blob returns the bytes in a column of the row, nil of NULL; false if it holds anything else.
func (s *Stmt) Blob(column int) ([]byte, bool) {
	switch s.kind(column) {
	case sqlite3.SQLITE_NULL:
		return nil, true
	case sqlite3.SQLITE_BLOB:
		p := sqlite3.Xsqlite3_column_blob(s.tls, s.stmt, int32(column)) // #nosec G115 -- a column of ours
		return append([]byte{}, libc.GoBytes(p, s.size(column))...), true
	}
	return nil, false
}

// text is the text of a column. It is SQLite's memory, until Reset.
func (s *Stmt) text(column int) []byte {
	p := sqlite3.Xsqlite3_column_text(s.tls, s.stmt, int32(column)) // #nosec G115 -- a column of ours
	return libc.GoBytes(p, s.size(column))
}

// size is how many bytes text, or a blob, has. It comes after the call for these, which may convert
// what there is.
func (s *Stmt) size(column int) int {
	return int(sqlite3.Xsqlite3_column_bytes(s.tls, s.stmt, int32(column))) // #nosec G115 -- a column of ours
}

func (s *Stmt) kind(column int) int32 {
	return sqlite3.Xsqlite3_column_type(s.tls, s.stmt, int32(column)) // #nosec G115 -- a column of ours
}

// Close ends statement and connection. It is called once.
func (s *Stmt) Close() error {
	sqlite3.Xsqlite3_finalize(s.tls, s.stmt) // returns the error of the last Step again
	err := s.check(sqlite3.Xsqlite3_close(s.tls, s.db))
	sqlite3.Xsqlite3_free(s.tls, s.args)
	s.tls.Close()
	return err
}
