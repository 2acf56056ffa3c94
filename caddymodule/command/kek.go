package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/privatefile"
)

func kekCommands(parent *cobra.Command, f *storeFlags) {
	cmd := subcommand(parent, "kek", "Manages the key-encryption key that seals a keyset in the database", 0, noSubcommand)
	cmd.Args = cobra.ArbitraryArgs
	cmd.Long = `With a key_encryption_key in the store block of the configuration, the keyset is kept in the
database, sealed by that key. Gateways on several machines need that, because each needs the keyset.
Keep a copy of the key apart from the database and its backups: without it they cannot be read, and
anyone who has both can read all credentials.`
	f.createKEKCommand(cmd)
	subcommand(cmd, "show", "Lists the key-encryption keys of the configuration, and which of them seals the keyset", 0,
		f.withExisting(f.showKEKs))
	rotate := subcommand(cmd, "rotate", "Seals the keyset by the first key-encryption key of the configuration", 0,
		f.runAs(store.Options{Existing: true}, f.rotateKEK))
	rotate.Long = `Seals the keyset by the first of two key-encryption keys, so that the other one can be left out.
Gateways go on; one that has not been given the first key yet keeps this from being done.`
}

// kekRow is a key-encryption key as machines are told of it.
type kekRow struct {
	Fingerprint string `json:"fingerprint"`
	Seals       bool   `json:"seals"`
}

func (f *storeFlags) showKEKs(cmd *cobra.Command, s *store.Store, a config, _ []string) error {
	seal, err := s.KeySeal(cmd.Context())
	if err != nil {
		return err
	}
	o, err := a.StoreOptions()
	if err != nil {
		return err
	}
	rows, cells := []kekRow{}, [][]string{}
	for _, k := range o.KeyEncryptionKeys {
		row, use := kekRow{k.Fingerprint(), k.Fingerprint() == seal.By}, "opens"
		if row.Seals {
			use = "seals the keyset"
		}
		rows, cells = append(rows, row), append(cells, []string{row.Fingerprint, use})
	}
	switch {
	case f.json:
		return printJSON(cmd.OutOrStdout(), rows)
	case len(rows) == 0:
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "No key-encryption key is configured: the keyset is in "+vault.FileName)
		return err
	}
	return printTable(cmd.OutOrStdout(), []string{"FINGERPRINT", "USE"}, cells)
}

func (f *storeFlags) rotateKEK(cmd *cobra.Command, s *store.Store, _ config, _ []string) error {
	seal, err := s.ChangeKEK(cmd.Context())
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), map[string]any{"fingerprint": seal.By, "changed": seal.Changed})
	}
	text := "The key-encryption key " + seal.By + " seals the keyset already"
	if seal.Changed {
		text = "The key-encryption key " + seal.By + " seals the keyset now"
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

func (f *storeFlags) createKEKCommand(parent *cobra.Command) {
	var out string
	cmd := subcommand(parent, "create", "Creates a key-encryption key and prints it, or writes it to a new file", 0,
		func(cmd *cobra.Command, _ []string) error {
			text, fingerprint := vault.CreateKEK()
			if out == "" {
				return f.printKEK(cmd, text, fingerprint)
			}
			if err := writeNewFile(out, text+"\n"); err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), map[string]string{"fingerprint": fingerprint, "file": out})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The key-encryption key with the fingerprint %s is in %s\n", fingerprint,
				out)
			return err
		})
	cmd.Long = `Creates a key of 32 random bytes, in base64. It is kept nowhere else. Without --out the key alone goes
to standard output, for a secret manager, and its fingerprint to standard error: the first 8 hexadecimal
digits of its SHA-256 hash, by which messages say which key they mean.`
	cmd.Flags().StringVar(&out, "out", "", "file to write the key to, of mode 0600; it must not exist")
}

func (f *storeFlags) printKEK(cmd *cobra.Command, text, fingerprint string) error {
	if f.json {
		return printJSON(cmd.OutOrStdout(), map[string]string{"fingerprint": fingerprint, "key": text})
	}
	if _, err := fmt.Fprintln(cmd.ErrOrStderr(), "fingerprint "+fingerprint); err != nil {
		return err
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

// writeNewFile writes a secret to a file that only its owner can read.
func writeNewFile(file, text string) (err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own file
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists, and may hold a key that is in use: name another file with --out", file)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return privatefile.SyncDir(filepath.Dir(file))
}
