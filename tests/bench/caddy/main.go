// Command caddy is Caddy with its standard modules and nothing else: what the gateway is measured
// against. It is built without profile-guided optimisation, as Caddy's own releases are.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() { caddycmd.Main() }
