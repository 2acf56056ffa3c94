//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// lock uses flock(2), which is of the open file and not of the process: a process can hold the
// locks of several stores, and excludes itself too. The kernel drops it when a process dies.
func lock(f *os.File, exclusive bool) (got bool, err error) {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case err != nil:
			return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
		return true, nil
	}
}
