package sqlitestmt

import (
	"fmt"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error is an error of SQLite. It tells nothing of what was bound.
type Error struct {
	code int32
	text string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// Code returns SQLite's extended result code (https://sqlite.org/rescode.html).
func (e *Error) Code() int { return int(e.code) }

// check returns the error that SQLite's result code is, or nil.
func (s *Stmt) check(code int32) error {
	if code == sqlite3.SQLITE_OK {
		return nil
	}
	if s.db == 0 { // not even allocated
		return &Error{code: code, text: libc.GoString(sqlite3.Xsqlite3_errstr(s.tls, code))}
	}
	// open_v2 returns the primary code alone.
	if more := sqlite3.Xsqlite3_extended_errcode(s.tls, s.db); more&0xff == code {
		code = more
	}
	e := &Error{code: code, text: libc.GoString(sqlite3.Xsqlite3_errstr(s.tls, code))}
	if message := libc.GoString(sqlite3.Xsqlite3_errmsg(s.tls, s.db)); message != e.text {
		e.text += ": " + message
	}
	return e
}
