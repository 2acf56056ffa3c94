// Package vendgate is a credential-injection gateway: a Caddy module. Importing it registers the
// module with its commands and its playground, so that `xcaddy build --with
// github.com/vendgate/vendgate` works. A program that wants neither imports caddymodule alone.
package vendgate

import (
	_ "github.com/vendgate/vendgate/caddymodule"
	_ "github.com/vendgate/vendgate/caddymodule/command"
	_ "github.com/vendgate/vendgate/caddymodule/playground"
)
