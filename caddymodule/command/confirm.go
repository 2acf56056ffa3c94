package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// errNotConfirmed says that the operator did not type what was asked for.
var errNotConfirmed = errors.New("not confirmed: nothing was changed")

// yesFlag adds the flag that answers a question beforehand.
func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVar(yes, "yes", false, "do not ask: needed where standard input is not a terminal")
}

// confirm asks an operator at a terminal to type word before something is done that cannot be
// undone. Without a terminal, --yes must have been given.
func confirm(cmd *cobra.Command, yes bool, what, word string) error {
	switch {
	case yes:
		return nil
	case !isTerminal(cmd.InOrStdin()):
		return fmt.Errorf("%s; this cannot be undone: write --yes to do it", what)
	}
	return ask(cmd.InOrStdin(), cmd.ErrOrStderr(), what, word)
}

func ask(in io.Reader, out io.Writer, what, word string) error {
	if _, err := fmt.Fprintf(out, "%s; this cannot be undone.\nType %s to go on: ", what, word); err != nil {
		return err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(line) != word {
		return errNotConfirmed
	}
	return nil
}

// isTerminal reports whether people type what is read. A device other than a terminal reads as
// empty, and so confirms nothing.
func isTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
