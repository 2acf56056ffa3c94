package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/filelock"
	"github.com/vendgate/vendgate/internal/presence"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// Why a restore is refused. Each leaves the directory as it was.
var (
	ErrNotEmpty = errors.New("there is a store in the directory already")
	ErrInUse    = errors.New("a gateway or a command has the store open: stop it first")
	ErrWhich    = errors.New("the keyset is missing: name the keyset file, or the passphrase of a backup that holds it")
	ErrTwice    = errors.New("there are two keysets: name the keyset file or the passphrase, not both")
	ErrNoTrail  = errors.New("nothing is known of what changed since the backup")
)

// Options say what to restore, and where.
type Options struct {
	// File is the backup, Dir the directory of the store. Dir is made if it does not exist.
	File, Dir string
	// Keyset is the keyset file; or Passphrase opens the one in the backup. Without either, the keyset
	// in Dir is taken.
	Keyset     string
	Passphrase []byte
	// KeyEncryptionKeys open the keyset that is in the backup as it was in the store, if neither
	// Keyset nor Passphrase is given, and seal the keyset of the restored store.
	KeyEncryptionKeys []vault.KEK
	// Replace allows a store in Dir, which is then kept in a directory below it.
	Replace bool
	// Trail is a store's directory, or a copy of its database, whose audit trail tells what changed
	// since the backup. Empty means Dir.
	Trail string
	// Apply makes those changes again that can be. Without a trail it is ErrNoTrail.
	Apply bool
	// Logger receives what no caller can be told; nil discards it.
	Logger *slog.Logger
}

// Result is what a restore did.
type Result struct {
	Copy store.Copy
	// Aside is the directory with the store that was there before; empty without one.
	Aside string
	// Changes came after the backup, oldest first. NoTrail says why they are not known.
	Changes []Change
	NoTrail error
}

// storeFiles are all that make a store. The database comes last: only with it a directory counts as
// a store.
func storeFiles() []string {
	const database = store.DatabaseName
	return []string{vault.FileName, database + "-wal", database + "-shm", database}
}

// Restore puts a backup into a directory. Nothing is lost by it: what is there before is kept, and
// a restore that fails leaves all as it was.
func Restore(ctx context.Context, o Options) (r Result, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return r, err
	}
	if r.Copy, err = Read(ctx, o.File); err != nil {
		return r, err
	}
	release, err := o.occupy()
	if err != nil {
		return r, fmt.Errorf("restoring into %s: %w", o.Dir, err)
	}
	defer func() { err = errors.Join(err, release()) }()
	keyset, err := o.keyset(r.Copy)
	if err != nil {
		return r, err
	}
	defer clear(keyset)
	if err := o.readTrail(ctx, &r); err != nil {
		return r, err
	}
	stage := filepath.Join(o.Dir, store.RestoringName)
	if err := o.assemble(ctx, stage, keyset, &r); err != nil {
		return r, errors.Join(fmt.Errorf("restoring into %s: %w", o.Dir, err), os.RemoveAll(stage))
	}
	if r.Aside, err = o.exchange(stage); err != nil {
		return r, fmt.Errorf("restoring into %s: %w", o.Dir, err)
	}
	return r, os.RemoveAll(stage)
}

// occupy keeps all others away from the directory until release is called.
func (o *Options) occupy() (release func() error, err error) {
	if err := privatefile.CheckOwner(o.Dir, storeFiles()...); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	lock, free, err := filelock.Exclusive(o.Dir)
	if err != nil {
		return nil, err
	}
	if !free {
		err = ErrInUse
		if others, _ := presence.Others(o.Dir); len(others) > 0 { // commands leave no note
			err = fmt.Errorf("%w: %s", ErrInUse, others[0])
		}
		return nil, err
	}
	if store.Exists(o.Dir) && !o.Replace {
		return nil, errors.Join(ErrNotEmpty, lock.Close())
	}
	return lock.Close, nil
}

// keyset finds the keyset and makes sure that it is that of the backup. It returns none if that is
// to stay in the database.
func (o *Options) keyset(c store.Copy) (keyset []byte, err error) {
	if o.Keyset != "" && o.Passphrase != nil {
		return nil, ErrTwice
	}
	if o.Passphrase != nil {
		if keyset, err = Keyset(c, o.Passphrase); err != nil {
			return nil, fmt.Errorf("opening the keyset of %s: %w", o.File, err)
		}
		return keyset, nil
	}
	file := o.Keyset
	if c.KEK != "" && file == "" && len(o.KeyEncryptionKeys) > 0 {
		return nil, c.OpenedByKEK(o.KeyEncryptionKeys)
	}
	if file == "" {
		file = filepath.Join(o.Dir, vault.FileName)
	}
	keyset, err = privatefile.Read(file)
	switch {
	case errors.Is(err, os.ErrNotExist) && o.Keyset == "" && c.KEK != "":
		return nil, &vault.KEKError{Expected: c.KEK}
	case errors.Is(err, os.ErrNotExist) && o.Keyset == "":
		return nil, fmt.Errorf("%w; the backup needs the one with key %d", ErrWhich, c.Key)
	case errors.Is(err, privatefile.ErrExposed):
		return nil, fmt.Errorf("%s: %w", file, vault.ErrKeysetExposed)
	case err != nil:
		return nil, fmt.Errorf("reading the keyset: %w", err)
	}
	if err := c.OpenedBy(keyset); err != nil {
		return nil, fmt.Errorf("%s: %w; the backup needs the one with key %d", file, err, c.Key)
	}
	return keyset, nil
}

// readTrail finds what changed since the backup.
func (o *Options) readTrail(ctx context.Context, r *Result) error {
	from := o.Trail
	if from == "" && store.Exists(o.Dir) {
		from = o.Dir
	}
	if from == "" {
		r.NoTrail = ErrNoTrail
	} else {
		rows, err := store.ChangesSince(ctx, from, r.Copy)
		r.Changes = changesOf(rows)
		if err != nil {
			r.NoTrail = fmt.Errorf("%w: reading %s: %w", ErrNoTrail, from, err)
		}
	}
	if r.NoTrail != nil && (o.Apply || o.Trail != "") {
		return r.NoTrail
	}
	return nil
}

// assemble makes the store that is to be, in a directory of its own, and opens it: whatever is
// wrong shows here.
func (o *Options) assemble(ctx context.Context, stage string, keyset []byte, r *Result) (err error) {
	if err := os.RemoveAll(stage); err != nil { // of a restore that was interrupted
		return err
	}
	if err := os.Mkdir(stage, 0o700); err != nil {
		return err
	}
	database := filepath.Join(stage, store.DatabaseName)
	if err := copyFile(o.File, database); err != nil {
		return err
	}
	if keyset != nil {
		if err := privatefile.Write(filepath.Join(stage, vault.FileName), keyset); err != nil {
			return err
		}
		if err := store.DropKeyset(ctx, database); err != nil {
			return err
		}
	}
	store, err := store.Open(ctx, store.Options{Dir: stage, Existing: true, Logger: o.Logger,
		KeyEncryptionKeys: o.KeyEncryptionKeys})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }() //nolint:contextcheck // it bounds its own
	if err := store.Adopt(ctx, r.Copy); err != nil || !o.Apply {
		return err
	}
	return apply(ctx, store, r.Changes)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) // #nosec G304 -- the operator's own file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own directory
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// exchange moves what is in the directory aside, and the new store into it. Should the process die
// in between, there is no database and the stage is still there, so that no gateway starts.
func (o *Options) exchange(stage string) (aside string, err error) {
	moved := &moves{}
	defer func() {
		if err != nil {
			err = errors.Join(err, moved.undo())
		}
	}()
	kept := filepath.Join(o.Dir, "replaced-"+time.Now().UTC().Format("20060102T150405.000Z"))
	for _, name := range storeFiles() {
		path := filepath.Join(o.Dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if aside == "" {
			if err := os.Mkdir(kept, 0o700); err != nil {
				return "", err
			}
			aside = kept
		}
		if err := moved.move(path, filepath.Join(kept, name)); err != nil {
			return "", err
		}
	}
	if err := privatefile.SyncDir(o.Dir); err != nil {
		return "", err
	}
	for _, name := range []string{vault.FileName, store.DatabaseName} {
		from := filepath.Join(stage, name)
		if _, err := os.Lstat(from); name == vault.FileName && errors.Is(err, os.ErrNotExist) {
			continue // it is in the database
		}
		if err := moved.move(from, filepath.Join(o.Dir, name)); err != nil {
			return "", err
		}
	}
	return aside, privatefile.SyncDir(o.Dir)
}

// moves are renames that can be taken back.
type moves [][2]string

func (m *moves) move(from, to string) error {
	err := os.Rename(from, to)
	if err == nil {
		*m = append(*m, [2]string{from, to})
	}
	return err
}

func (m *moves) undo() (err error) {
	for i := len(*m) - 1; i >= 0; i-- {
		err = errors.Join(err, os.Rename((*m)[i][1], (*m)[i][0]))
	}
	return err
}
