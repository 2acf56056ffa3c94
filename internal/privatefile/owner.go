package privatefile

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// OwnerError says that a directory, or a file in it, belongs to another user than the one who runs
// this program. What that user's programs wrote there, the owner's could not read.
type OwnerError struct {
	// Path is the directory, or the file in it.
	Path string
	// Owner, DirOwner and Self are user ids: who owns Path, who owns the directory, and who runs this
	// program.
	Owner, DirOwner, Self int
}

// Error names the user to run the program as, or how to give the file back.
func (e *OwnerError) Error() string {
	if e.Owner != e.DirOwner && e.Self == e.DirOwner {
		return fmt.Sprintf("%s belongs to %s and not to %s, who owns its directory: "+
			"give it back, as root, with `chown %s %s`", e.Path, userName(e.Owner), userName(e.DirOwner),
			userOr(e.DirOwner, ""), e.Path)
	}
	return fmt.Sprintf("%s belongs to %s, and this program runs as %s: run it as %[2]s: sudo -u %[4]s %[5]s …", e.Path,
		userName(e.Owner), userName(e.Self), userOr(e.Owner, "#"), filepath.Base(os.Args[0]))
}

// userName names a user for people.
func userName(id int) string { return userOr(id, "user id ") }

// userOr is a user's name or, where this machine has none for it, the id after prefix.
func userOr(id int, prefix string) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return prefix + strconv.Itoa(id)
}
