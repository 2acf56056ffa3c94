// Command vendgate is Caddy with its standard modules and Vendgate's.
package main

import (
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/vendgate/vendgate"
	"github.com/vendgate/vendgate/internal/version"
)

const description = `Vendgate is a reverse proxy that calls third-party APIs with your customers' credentials,
and the connection manager that gets and keeps them. It is Caddy with modules of its own:
each command and option of Caddy works here, too; where an example says caddy, type vendgate.

To see it at work, without any configuration:

	$ vendgate playground

To run it with the Caddyfile of the current directory:

	$ vendgate run

Its own commands are app, audit, caller-key, connection, keyset, oauth-client, playground,
tenant and user: https://github.com/vendgate/vendgate/blob/main/docs/commands.md`

// replacing are Caddy's commands that download a program from caddyserver.com and put it in the
// place of this one. What is built there has Vendgate in it as a module at best, under another name
// and version.
var replacing = map[string]bool{"upgrade": true, "add-package": true, "remove-package": true}

const replacement = `%s would put a Caddy from caddyserver.com in the place of this program, and is off.
To upgrade, install a newer Vendgate: https://github.com/vendgate/vendgate/blob/main/docs/upgrading.md
For other modules of Caddy, build one with both, as docs/installing.md there says.
`

func main() {
	if len(os.Args) > 1 && replacing[os.Args[1]] {
		fmt.Fprintf(os.Stderr, replacement, os.Args[1])
		os.Exit(1)
	}
	caddy.CustomBinaryName = "vendgate"
	caddy.CustomLongDescription = description
	// Caddy writes its own version behind it.
	v := version.Get()
	caddy.CustomVersion = fmt.Sprintf("Vendgate %s (commit %s), Caddy", v.Version, v.Commit)
	caddycmd.Main()
}
