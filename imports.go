// Package vendgate is a credential-injection gateway: a Caddy module. Importing it registers the
// module, so that `xcaddy build --with github.com/vendgate/vendgate` works; the code is in
// caddymodule.
package vendgate

import _ "github.com/vendgate/vendgate/caddymodule"
