package connect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// creating is held while createPrivate has a file open; see there.
var creating sync.Mutex

// createPrivate makes an empty file that only its owner can read, unless there is one. SQLite would
// make it readable by all.
//
// SQLite's locks are POSIX locks: closing any descriptor of a file drops all locks that the process
// holds on it. The mutex keeps another store of this process from locking the database between our
// creating and our closing it. For the same reason nothing else here ever opens the database file.
func createPrivate(path string) error {
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own directory
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeAtomic replaces path by data, readable by its owner only. Whatever happens, path holds
// either all of the old or all of the new, and the new has reached the disk when writeAtomic
// returns nil. The caller holds a lock that keeps other writers of path away.
func writeAtomic(path string, data []byte) (err error) {
	temp := path + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what a crash left: %w", err)
	}
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own directory
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp) // the first error says more
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename or a new file in dir survive a power failure. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) // #nosec G304 -- the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// maxPrivateFile bounds readPrivate, in bytes. A keyset key takes about 200.
const maxPrivateFile = 1 << 20

// errExposed says that others than the owner may read a file.
var errExposed = errors.New("the file is open to others than its owner")

// readPrivate reads a file that nobody but its owner may read or write. Windows has no such mode
// bits; there the directory's access list must do.
func readPrivate(path string) (_ []byte, err error) {
	f, err := os.Open(path) // #nosec G304 -- the operator's own directory
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, errExposed
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPrivateFile+1))
	if err == nil && len(data) > maxPrivateFile {
		err = fmt.Errorf("it is larger than %d bytes", maxPrivateFile)
	}
	return data, err
}
