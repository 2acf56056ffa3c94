package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/privatefile"
)

func kekCommands(parent *cobra.Command) {
	cmd := subcommand(parent, "kek", "Manages the key-encryption key that seals a keyset in the database", 0, noSubcommand)
	cmd.Args = cobra.ArbitraryArgs
	cmd.Long = `With a key_encryption_key in the store block of the configuration, the keyset is kept in the
database, sealed by that key. Gateways on several machines need that, because each needs the keyset.
Keep a copy of the key apart from the database and its backups: without it they cannot be read, and
anyone who has both can read all credentials.`
	createKEKCommand(cmd)
}

func createKEKCommand(parent *cobra.Command) {
	var out string
	var asJSON bool
	cmd := subcommand(parent, "create", "Creates a key-encryption key and prints it, or writes it to a new file", 0,
		func(cmd *cobra.Command, _ []string) error {
			text, fingerprint := vault.CreateKEK()
			if out == "" {
				return printKEK(cmd, text, fingerprint, asJSON)
			}
			if err := writeNewFile(out, text+"\n"); err != nil {
				return err
			}
			if asJSON {
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
}

func printKEK(cmd *cobra.Command, text, fingerprint string, asJSON bool) error {
	if asJSON {
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
