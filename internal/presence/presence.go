// Package presence lets the processes that work in one directory know of each other: each says in a
// file what it is, and holds a lock on that for as long as it runs.
//
// A note is only ever information. Nothing may depend on it: a process of an earlier version leaves
// none.
package presence

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vendgate/vendgate/internal/filelock"
)

// folder holds the notes, below the directory that the processes share.
const folder = "processes"

// maxNote bounds what is read of a note, in bytes.
const maxNote = 64 << 10

// Process is what one says of itself.
type Process struct {
	// PID is its process id, in its own container if it runs in one.
	PID int `json:"pid"`
	// Host is the name of its machine, or container.
	Host string `json:"host"`
	// Started is when the process began, in UTC.
	Started time.Time `json:"started"`
	// Network names its network stack: two processes with different ones do not share a port.
	Network string `json:"network"`
	// Listeners are the addresses that it accepts connections at.
	Listeners []string `json:"listeners"`
	// Run tells one run of a program from all others.
	Run string `json:"run"`
}

// What is the same of all notes of this process, whatever it has reloaded since.
var (
	run     = rand.Text()
	started = time.Now().UTC().Truncate(time.Second)
)

// Self describes this process.
func Self(listeners []string) Process {
	host, _ := os.Hostname() // only to be shown
	return Process{PID: os.Getpid(), Host: host, Started: started, Network: network(),
		Listeners: listeners, Run: run}
}

// network is the network namespace where there are such (namespaces(7)).
func network() string {
	name, _ := os.Readlink("/proc/self/ns/net") // a machine without has one network
	return name
}

// String names a process for people.
func (p Process) String() string {
	return fmt.Sprintf("process %d on %s, since %s", p.PID, p.Host, p.Started.Format(time.RFC3339))
}

// Note is what this process says of itself, until it is closed.
type Note struct {
	path string
	lock *filelock.Lock
}

// Leave says in dir that p works there.
func Leave(dir string, p Process) (*Note, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	in := filepath.Join(dir, folder)
	err = os.Mkdir(in, 0o700) // #nosec G703 -- the operator's own directory
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	// Written under a name that no one reads, and locked before it has the other: a note that is not
	// locked is one of a process that has ended.
	n := &Note{path: filepath.Join(in, rand.Text()+suffix)}
	temp := n.path + ".tmp"
	if err := os.WriteFile(temp, text, 0o600); err != nil { // #nosec G703 -- as above
		return nil, err
	}
	lock, _, err := filelock.Exclusive(temp)
	if err == nil {
		err = os.Rename(temp, n.path) // #nosec G703 -- as above
	}
	if n.lock = lock; err != nil {
		return nil, errors.Join(err, lock.Close(), os.Remove(temp)) // #nosec G703 -- as above
	}
	return n, nil
}

const suffix = ".json"

// Close takes the note back. A nil note has nothing to take back.
func (n *Note) Close() error {
	if n == nil {
		return nil
	}
	return errors.Join(os.Remove(n.path), n.lock.Close())
}

// Others returns the processes, other than this one, that work in dir. It removes the notes of
// those that ended without doing so.
func Others(dir string) (found []Process, err error) {
	in := filepath.Join(dir, folder)
	entries, err := os.ReadDir(in)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		p, running, readErr := read(filepath.Join(in, e.Name()))
		if readErr != nil {
			err = errors.Join(err, readErr)
		} else if running && p.Run != run {
			found = append(found, p)
		}
	}
	return found, err
}

func read(path string) (p Process, running bool, err error) {
	lock, free, err := filelock.Exclusive(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil // it has just ended
	}
	if err != nil {
		return p, false, err
	}
	if free {
		return p, false, errors.Join(os.Remove(path), lock.Close())
	}
	f, err := os.Open(path) // #nosec G304 -- in the operator's own directory
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := io.ReadAll(io.LimitReader(f, maxNote))
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err == nil, err
}
