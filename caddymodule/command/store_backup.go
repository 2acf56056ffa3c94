package command

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/backup"
	"github.com/vendgate/vendgate/connect/store"
)

// maxPassphrase bounds a passphrase file, in bytes.
const maxPassphrase = 4 << 10

func backupCommand(parent *cobra.Command, f *storeFlags) {
	var withKeyset bool
	var passphraseFile string
	cmd := subcommand(parent, "backup FILE", "Writes a copy of the store to a new file; a gateway may be running", 1,
		f.withSQLite(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			if withKeyset != (passphraseFile != "") {
				return errors.New("write both --with-keyset and --passphrase-file, or neither")
			}
			passphrase, err := readPassphrase(cmd, passphraseFile)
			if err != nil {
				return err
			}
			c, err := backup.Write(cmd.Context(), store, args[0], passphrase)
			if err != nil {
				return err
			}
			keyset := "not in it: keep keyset.json, apart from it"
			if c.KEK != "" {
				keyset = "in it, sealed by the key-encryption key " + c.KEK + ": keep that, apart from it"
			}
			if withKeyset {
				keyset = "in it, sealed by the passphrase"
			}
			return f.printCopy(cmd, args[0], c, keyset)
		}))
	cmd.Long = `Writes a copy of the store to FILE, which must not exist. A gateway may be running, and writes
meanwhile are not held up. The copy has mode 0600 and is checked; if anything fails, there is no file.

The credentials in it are sealed, and the keyset is not in it, unless a key-encryption key seals that
in the database: keep the keyset, or that key, apart, because anyone with both can read all. With
--with-keyset the copy holds the keyset, sealed by a passphrase (age, scrypt): then it is all that a
restore needs, and as safe as the passphrase.`
	cmd.Flags().BoolVar(&withKeyset, "with-keyset", false, "put the keyset into the backup, sealed by a passphrase")
	passphraseFlag(cmd, &passphraseFile)
}

// errBackupPostgres is of commands for SQLite alone.
var errBackupPostgres = errors.New("the store of the configuration is in a database of PostgreSQL: back it up by " +
	"pg_dump --format=custom, and keep the key-encryption key apart from that")

// withSQLite is withExisting for commands that have nothing to do with a store in PostgreSQL.
func (f *storeFlags) withSQLite(run storeRun) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a, err := f.configuration()
		if err != nil {
			return err
		}
		if a.Store.Postgres != "" {
			return errBackupPostgres
		}
		return f.withExisting(run)(cmd, args)
	}
}

func passphraseFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "passphrase-file", "",
		"file with the passphrase in its first line, of at least 12 bytes; - for standard input")
}

// readPassphrase returns the first line of a file, or nil where none is named.
func readPassphrase(cmd *cobra.Command, file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := readInput(cmd, file, "passphrase", maxPassphrase)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return nil, errors.New("the passphrase is empty: write it in the first line of --passphrase-file")
	}
	return line, nil
}

// copyRow is a backup as machines are told of it.
type copyRow struct {
	File        string     `json:"file"`
	Made        *time.Time `json:"made"`
	Schema      int        `json:"schema"`
	Tenants     int        `json:"tenants"`
	Connections int        `json:"connections"`
	Key         uint32     `json:"keyset_key"`
	HasKeyset   bool       `json:"has_keyset"`
	// KEK seals the keyset that is in it without a passphrase.
	KEK string `json:"key_encryption_key,omitempty"`
}

func newCopyRow(file string, c store.Copy) copyRow {
	row := copyRow{file, nil, c.Schema, c.Tenants, c.Connections, c.Key, c.SealedKeyset != nil, c.KEK}
	if !c.At.IsZero() {
		row.Made = &c.At
	}
	return row
}

// printCopy prints what a backup is; keyset says more of where its keyset is.
func (f *storeFlags) printCopy(cmd *cobra.Command, file string, c store.Copy, keyset string) error {
	row := newCopyRow(file, c)
	if f.json {
		return printJSON(cmd.OutOrStdout(), row)
	}
	made := "unknown"
	if row.Made != nil {
		made = row.Made.Format(time.RFC3339)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(),
		"%s\n  made        %s\n  schema      %d\n  tenants     %d\n  connections %d\n  keyset      %s (key %d)\n",
		file, made, c.Schema, c.Tenants, c.Connections, keyset, c.Key)
	return err
}

func verifyCommand(parent *cobra.Command, f *storeFlags) {
	var keyset, passphraseFile string
	cmd := subcommand(parent, "verify FILE", "Checks a backup, and tells what it holds and which keyset it needs", 1,
		func(cmd *cobra.Command, args []string) error {
			c, err := backup.Read(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			passphrase, err := readPassphrase(cmd, passphraseFile)
			if err != nil {
				return err
			}
			found, err := f.checkKeyset(cmd, c, keyset, passphrase)
			if err != nil {
				return err
			}
			return f.printCopy(cmd, args[0], c, found)
		})
	cmd.Long = `Reads all of a backup and tells when it was made, what it holds, and which key its keyset must have.
With --keyset or --passphrase-file it also checks that this keyset, or the one in the backup, opens it.
With --config it checks that the key-encryption key of that configuration does, if one seals the keyset
of the backup.`
	cmd.Flags().StringVar(&keyset, "keyset", "", "keyset file to check against the backup")
	passphraseFlag(cmd, &passphraseFile)
}

// checkKeyset checks the keyset file and the passphrase that are given against a backup, and tells
// what is known of its keyset.
func (f *storeFlags) checkKeyset(cmd *cobra.Command, c store.Copy, file string, passphrase []byte) (string, error) {
	known := "not in it, and not checked: see --keyset"
	if c.SealedKeyset != nil {
		known = "in it, sealed by a passphrase, and not checked: see --passphrase-file"
	}
	if c.KEK != "" {
		known = "in it, sealed by the key-encryption key " + c.KEK + ", and not checked: see --config"
	}
	if c.KEK != "" && f.config != "" {
		if err := f.checkKEK(c); err != nil {
			return "", err
		}
		known = "in it; the key-encryption key " + c.KEK + " opens it, and it opens the backup"
	}
	if passphrase != nil {
		if _, err := backup.Keyset(c, passphrase); err != nil {
			return "", err
		}
		known = "in it; the passphrase opens it, and it opens the backup"
	}
	if file == "" {
		return known, nil
	}
	raw, err := readInput(cmd, file, "keyset", 1<<20)
	if err != nil {
		return "", err
	}
	if err := c.OpenedBy(raw); err != nil {
		return "", fmt.Errorf("%s: %w; the backup needs the one with key %d", file, err, c.Key)
	}
	return file + " opens the backup", nil
}

func restoreCommand(parent *cobra.Command, f *storeFlags) {
	var o backup.Options
	var passphraseFile string
	cmd := subcommand(parent, "restore FILE", "Puts a backup into a data directory that no gateway uses", 1,
		func(cmd *cobra.Command, args []string) error {
			a, err := f.configuration()
			if err != nil {
				return err
			}
			if o.Passphrase, err = readPassphrase(cmd, passphraseFile); err != nil {
				return err
			}
			named, err := f.named(a)
			if err != nil {
				return err
			}
			if named.Postgres != "" {
				return errRestorePostgres
			}
			o.File, o.Dir, o.Logger, o.KeyEncryptionKeys = args[0], named.Dir, commandLog(cmd), named.KeyEncryptionKeys
			result, err := backup.Restore(asOperator(cmd.Context()), o)
			if err != nil {
				return adviseRestore(err)
			}
			return f.printRestored(cmd, &o, result)
		})
	cmd.Long = `Puts a backup into the data directory. The keyset is the one in the directory, the one that
--keyset names, or the one in the backup, which --passphrase-file or the key_encryption_key of --config
opens. A keyset of another store, a damaged backup and one of a newer version are refused; then nothing
is changed. A store that is there is replaced only with --replace, and kept in a directory replaced-TIME
below the data directory.

The audit trail of the store that is replaced, or of --audit-from, tells what changed since the backup:
the command lists it. With --apply it makes again what it can: keys that were revoked or retired,
tenants that were disabled, links that were used, connections that were deleted or whose grant ended.`
	cmd.Flags().BoolVar(&o.Replace, "replace", false, "replace the store that is there, and keep it aside")
	cmd.Flags().StringVar(&o.Keyset, "keyset", "", "keyset file of the backup (default: the one in the data directory)")
	passphraseFlag(cmd, &passphraseFile)
	cmd.Flags().StringVar(&o.Trail, "audit-from", "",
		"data directory or database that knows what changed since (default: the store that is replaced)")
	cmd.Flags().BoolVar(&o.Apply, "apply", false, "make the changes since the backup again, where that is possible")
}

// checkKEK checks the key-encryption keys of the configuration against a backup.
func (f *storeFlags) checkKEK(c store.Copy) error {
	a, err := f.configuration()
	if err != nil {
		return err
	}
	o, err := a.StoreOptions()
	if err != nil {
		return err
	}
	return c.OpenedByKEK(o.KeyEncryptionKeys)
}

var errRestorePostgres = errors.New("the store of the configuration is in a database of PostgreSQL: " +
	"restore that by pg_restore into an empty database, and run `vendgate store adopt` on it; this command restores " +
	"backups of SQLite")

// adviseRestore adds which flag helps.
func adviseRestore(err error) error {
	for refused, advice := range map[error]string{
		backup.ErrNotEmpty: "write --replace to keep it aside and put the backup in its place",
		backup.ErrWhich:    "write --keyset FILE, or --passphrase-file FILE",
		backup.ErrNoKeyset: "write --keyset FILE in place of --passphrase-file",
		backup.ErrNoTrail:  "name a store that knows with --audit-from, or leave --apply out",
	} {
		if errors.Is(err, refused) {
			return fmt.Errorf("%w; %s", err, advice)
		}
	}
	return err
}

// restoredRow is a restore as machines are told of it.
type restoredRow struct {
	DataDir string      `json:"data_dir"`
	Backup  copyRow     `json:"backup"`
	Aside   *string     `json:"replaced"`
	Known   bool        `json:"changes_known"`
	Changes []changeRow `json:"changes"`
}

type changeRow struct {
	Time       time.Time `json:"time"`
	Event      string    `json:"event"`
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	User       string    `json:"user"`
	App        string    `json:"app"`
	Detail     string    `json:"detail"`
	Advice     string    `json:"advice"`
	CanApply   bool      `json:"can_apply"`
	Applied    bool      `json:"applied"`
}

func (f *storeFlags) printRestored(cmd *cobra.Command, o *backup.Options, r backup.Result) error {
	if f.json {
		row := restoredRow{DataDir: o.Dir, Known: r.NoTrail == nil, Changes: []changeRow{},
			Backup: newCopyRow(o.File, r.Copy)}
		if r.Aside != "" {
			row.Aside = &r.Aside
		}
		for _, c := range r.Changes {
			row.Changes = append(row.Changes, changeRow{c.At, string(c.Event), c.Tenant, c.Connection, c.User, c.App, c.Detail,
				c.Advice, c.Applies, c.Applied})
		}
		return printJSON(cmd.OutOrStdout(), row)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "The store in %s is now that of %s\n", o.Dir, o.File)
	if r.Aside != "" {
		fmt.Fprintf(&text, "The store that was there is in %s\n", r.Aside)
	}
	switch {
	case r.NoTrail != nil:
		fmt.Fprintf(&text, "%v, so keys that were revoked and connections that were deleted since work again\n", r.NoTrail)
	case len(r.Changes) == 0:
		text.WriteString("Nothing has changed since the backup that would have to be done again\n")
	default:
		fmt.Fprintf(&text, "Changes since the backup: %d\n", len(r.Changes))
	}
	if _, err := cmd.OutOrStdout().Write([]byte(text.String())); err != nil || len(r.Changes) == 0 {
		return err
	}
	return printTable(cmd.OutOrStdout(), []string{"TIME", "EVENT", "TENANT", "WHAT", "STATE", "ADVICE"},
		changeCells(r.Changes, o.Apply))
}

func changeCells(changes []backup.Change, applied bool) (rows [][]string) {
	for _, c := range changes {
		state := "by hand"
		switch {
		case c.Applied:
			state = "applied"
		case c.Applies && applied:
			state = "in effect already"
		case c.Applies:
			state = "--apply"
		}
		what := strings.TrimSpace(strings.Join([]string{c.Connection, c.User, c.App, c.Detail}, " "))
		rows = append(rows, []string{c.At.Format(time.RFC3339), string(c.Event), orDash(c.Tenant),
			orDash(strings.Join(strings.Fields(what), " ")), state, orDash(c.Advice)})
	}
	return rows
}

func upgradeCommand(parent *cobra.Command, f *storeFlags) {
	cmd := subcommand(parent, "upgrade", "Brings the store of an older version to this version, and keeps a copy of it", 0,
		func(cmd *cobra.Command, _ []string) (err error) {
			store, _, err := f.openAs(cmd, store.Options{Existing: true})
			if err != nil {
				return err
			}
			u, place := store.Upgraded(), store.Place()
			if err := store.Close(); err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), map[string]any{"from": u.From, "to": u.To, "copy": u.Copy})
			}
			if u.KeysetFile != "" {
				if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "The keyset is in the database now, sealed; keep its file apart from "+
					"the database, and not here: %s\n", u.KeysetFile); err != nil {
					return err
				}
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), upgraded(place, u))
			return err
		})
	cmd.Long = "A new version of the program may need another schema of the database. The gateway upgrades it at " +
		"start, and " +
		"this\ncommand does the same without a start; other commands refuse an older store. The database as it was is kept " +
		"next\nto it, as vendgate.db.schemaN-TIME: going back to the older version means to restore that."
}

// upgraded tells what an upgrade did. Of PostgreSQL there is no copy: pg_dump makes one.
func upgraded(place string, u store.Upgrade) string {
	switch {
	case u.To == 0:
		return "The store in " + place + " has the schema of this version already"
	case u.Copy == "":
		return fmt.Sprintf("The store in %s now has schema %d; it had schema %d", place, u.To, u.From)
	}
	return fmt.Sprintf("The store in %s now has schema %d; it is as it was, with schema %d, in %s", place, u.To, u.From,
		u.Copy)
}
