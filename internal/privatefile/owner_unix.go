//go:build unix

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// CheckOwner refuses, by an *OwnerError, a directory of another user than this program's, and one
// of the named files in it. What does not exist is no one else's.
//
// A directory of root's that this user may write to was given to this user by a group, as
// Kubernetes gives volumes away (fsGroup).
func CheckOwner(dir string, names ...string) error {
	self := os.Geteuid()
	owner, exists, err := ownerOf(dir)
	if err != nil || !exists {
		return err
	}
	const writable = 2 // W_OK of access(2)
	if owner != self && (owner != 0 || syscall.Access(dir, writable) != nil) {
		return &OwnerError{Path: dir, Owner: owner, DirOwner: owner, Self: self}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		of, exists, err := ownerOf(path)
		if err != nil {
			return err
		}
		if exists && of != self {
			return &OwnerError{Path: path, Owner: of, DirOwner: owner, Self: self}
		}
	}
	return nil
}

func ownerOf(path string) (id int, exists bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return os.Geteuid(), true, nil
	}
	return int(stat.Uid), true, nil
}

// keepOwner gives f the owner, the group and the mode of old, if that exists. It changes nothing
// where they are the same, so that it needs root only to write another's file.
func keepOwner(f *os.File, old string) error {
	was, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	is, err := f.Stat()
	if err != nil {
		return err
	}
	from, ok := was.Sys().(*syscall.Stat_t)
	to, same := is.Sys().(*syscall.Stat_t)
	if ok && same && (from.Uid != to.Uid || from.Gid != to.Gid) {
		if err := f.Chown(int(from.Uid), int(from.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(was.Mode().Perm())
}
