// Package privatefile makes and reads files that only their owner may read.
//
// It must never leave half of a file behind, and never read one that others may read or write.
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxSize bounds what Read returns, in bytes.
const maxSize = 1 << 20

// ErrExposed says that others than its owner may read or write a file.
var ErrExposed = errors.New("the file is open to others than its owner")

// Create makes an empty file, unless there is one.
func Create(path string) error {
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
	return SyncDir(filepath.Dir(path))
}

// Write replaces path by data; the file keeps its owner, group and mode. Whatever happens, path
// holds either all of the old or all of the new, and the new has reached the disk when Write
// returns nil. The caller holds a lock that keeps other writers of path away.
func Write(path string, data []byte) (err error) {
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
	if err = keepOwner(f, path); err == nil { // before it holds anything
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Publish gives the finished file temp the name path, and writes it through to the disk. It never
// replaces what is there: that is an error that wraps fs.ErrExist. On any error temp stays.
func Publish(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0) // #nosec G304 -- the operator's own directory
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(temp, path); err == nil {
		return errors.Join(os.Remove(temp), SyncDir(filepath.Dir(path)))
	} else if errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without hard links: the name is taken first, and then the file moved over it.
	taken, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- as above
	if err != nil {
		return err
	}
	if err := errors.Join(taken.Close(), os.Rename(temp, path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes a rename or a new file in dir survive a power failure. Windows has no such call.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) // #nosec G304 -- the operator's own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read reads a file of at most 1 MiB. One that others may read or write is ErrExposed; Windows has
// no such mode bits, there the directory's access list must do.
func Read(path string) (_ []byte, err error) {
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
		return nil, ErrExposed
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	return data, err
}
