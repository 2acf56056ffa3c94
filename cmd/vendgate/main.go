// Command vendgate is Caddy with its standard modules and Vendgate's.
package main

import (
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/vendgate/vendgate"
)

const description = `Vendgate is a reverse proxy that calls third-party APIs with your customers' credentials,
and the connection manager that gets and keeps them. It is Caddy with modules of its own:
each command and option of Caddy works here, too; where an example says caddy, type vendgate.

To see it at work, without any configuration:

	$ vendgate playground

To run it with the Caddyfile of the current directory:

	$ vendgate run

Its own commands are app, audit, caller-key, connection, keyset, oauth-client, playground
and tenant.`

func main() {
	caddy.CustomBinaryName = "vendgate"
	caddy.CustomLongDescription = description
	caddycmd.Main()
}
