// Package help says at the end of our commands' help where their documentation is: Caddy's own
// says that for Caddy's.
package help

import "github.com/spf13/cobra"

// Address is the page about the commands.
const Address = "https://github.com/vendgate/vendgate/blob/main/docs/commands.md"

// Point ends the help of a command, and of all below it, with the page's address.
func Point(cmd *cobra.Command) {
	cmd.SetHelpTemplate(cmd.HelpTemplate() + "\nFull documentation is available at:\n" + Address + "\n")
}
