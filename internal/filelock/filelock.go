// Package filelock locks files and directories against other processes.
//
// It must never lock a file of SQLite's: closing it would drop SQLite's own locks.
package filelock

import "os"

// Lock is a lock that was taken. It ends with Close, and with the process.
type Lock struct{ file *os.File }

// Shared takes a lock on a file or directory that many may hold at once, unless there is an
// exclusive one. It reports whether it got it, and never waits.
func Shared(path string) (*Lock, bool, error) { return take(path, false) }

// Exclusive takes a lock that no other may hold. It reports whether it got it, and never waits.
func Exclusive(path string) (*Lock, bool, error) { return take(path, true) }

func take(path string, exclusive bool) (*Lock, bool, error) {
	f, err := os.Open(path) // #nosec G304 -- the operator's own directory
	if err != nil {
		return nil, false, err
	}
	got, err := lock(f, exclusive)
	if err != nil || !got {
		_ = f.Close() // it was only read
		return nil, false, err
	}
	return &Lock{f}, true, nil
}

// Close gives the lock back. A nil lock has nothing to give.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	return l.file.Close()
}
