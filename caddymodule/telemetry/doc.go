// Package telemetry says what becomes of a request: in metrics, in Caddy's access log, by
// placeholders and in Caddy's span. It is where the gateway's events meet Caddy, zap and
// Prometheus.
//
// It must see to it that nothing of all that has a secret: a key, the token of a link, or what is
// where an app's SDKs put a credential. Caddy itself redacts Authorization and cookies only.
package telemetry
