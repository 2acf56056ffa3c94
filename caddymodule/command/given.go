package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/given"
)

// refuseEmpty makes a command and all below it refuse flags and arguments that are given and empty,
// and flags whose value is the next flag, before anything runs.
func refuseEmpty(cmd *cobra.Command) {
	given.RefuseEmpty(cmd.PersistentFlags())
	given.RefuseEmpty(cmd.Flags())
	if takes := cmd.Args; takes != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := takes(cmd, args); err != nil {
				return fmt.Errorf("%w; write `%s`", err, cmd.UseLine())
			}
			return checkArguments(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		refuseEmpty(sub)
	}
}

func checkArguments(cmd *cobra.Command, args []string) error {
	for i, arg := range args {
		if given.IsBlank(arg) {
			return fmt.Errorf("argument %d of `%s` is empty; a shell variable in it may not be set", i+1, cmd.CommandPath())
		}
	}
	return nil
}
