// Package caddymodule is the Caddy face of Vendgate: the app `vendgate`, the handlers
// `vendgate_health`, `vendgate_proxy`, `vendgate_connect` and `vendgate_not_found`, their Caddyfile
// syntax, metrics, and access-log fields. Caddy and zap are known here and in the packages below
// alone: `command` adds the commands, `playground` the playground, and a build may leave out
// either.
//
// It must only translate: who may call, what is vended and how it is injected is decided by the
// packages it puts together. It must never hold a resolved secret in an exported field, because
// Caddy's request trace and its admin API print those.
package caddymodule
