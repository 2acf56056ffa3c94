package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
)

// parseBeside reads `beside [HOST] { … }`.
func parseBeside(d *caddyfile.Dispenser, app *catalog.App) error {
	b := new(catalog.Beside)
	switch args := d.RemainingArgs(); len(args) {
	case 0:
	case 1:
		b.Host = args[0]
	default:
		return d.Errf("beside has too many arguments; write beside [HOST] { … }")
	}
	app.Beside = b
	opts := options{"api": text(&b.API), "paths": texts(&b.Paths)}
	addRequestOptions(opts, &b.Placement)
	return parseBlock(d, opts, "paths", "header", "query")
}

// parseKeyPlaces reads `key_places { … }`.
func parseKeyPlaces(d *caddyfile.Dispenser, app *catalog.App) error {
	k := new(catalog.KeyPlaces)
	app.KeyPlaces = k
	return parseBlock(d, options{"headers": texts(&k.Headers), "query": texts(&k.Query)}, "headers", "query")
}
