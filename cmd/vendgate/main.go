// Command vendgate is Caddy with its standard modules and Vendgate's.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/vendgate/vendgate"
)

func main() { caddycmd.Main() }
