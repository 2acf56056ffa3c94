package caddymodule

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
)

// parse reads `catalog { … }`.
func (c *Catalog) parse(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{
		"community": func(d *caddyfile.Dispenser) error {
			if c.Community = d.RemainingArgs(); len(c.Community) == 0 {
				c.Community = []string{"*"}
			}
			_, err := c.embedded()
			return located(d, err)
		},
		"file": text(&c.File),
	})
}

// parseApps reads the `app` blocks, once it is known which apps of the catalog are on.
func (a *App) parseApps(blocks []*caddyfile.Dispenser) error {
	if len(blocks) == 0 {
		return nil
	}
	embedded, err := a.Catalog.embedded()
	if err != nil {
		return err
	}
	for _, d := range blocks {
		if err := a.parseApp(d, embedded); err != nil {
			return err
		}
	}
	return nil
}

// parseApp reads `app SLUG { … }`. A block with an auth_type is all there is of the app, whatever
// the catalog has under that slug, now or in a later version. Without one, an app of the embedded
// catalog keeps what the block does not state; its placement is replaced as a whole.
func (a *App) parseApp(d *caddyfile.Dispenser, embedded *catalog.Catalog) error {
	resited := (states(d, "upstream") || states(d, "extra_hosts")) && !states(d, "sdk")
	whole := states(d, "auth_type")
	renamed := states(d, "name") && !states(d, "short_name")
	relabelled := states(d, "host_label")
	d.Next()
	entry := AppEntry{DefinedAt: place(d)}
	if err := named(d, &entry.Slug, "SLUG { … }"); err != nil {
		return err
	}
	for _, other := range a.Apps {
		if other.Slug == entry.Slug {
			return d.Errf("app %s is defined twice: join the blocks; the first is at %s", entry.Slug, other.DefinedAt)
		}
	}
	known, ok := embedded.App(entry.Slug)
	switch {
	case whole:
	case ok:
		entry.App = *known
		entry.Categories = slices.Clip(entry.Categories) // appending must not reach the embedded entry
	case embedded.Off(entry.Slug):
		return d.Errf("app %s: %s", entry.Slug,
			gateway.TurnOn(entry.Slug)+", or write an auth_type and all else to define the app yourself")
	}
	if err := parseBlock(d, appOptions(&entry.App),
		"allow_private", "categories", "default_header", "extra_hosts", "field", "header", "host_label", "host_rename",
		"query", "refused"); err != nil {
		return err
	}
	if !relabelled {
		entry.HostLabels = keptLabels(entry.HostLabels, entry.ExtraHosts)
	}
	if entry.Name == "" {
		entry.Name = entry.Slug
	}
	if renamed { // pages would call it by the embedded short name
		entry.ShortName = ""
	}
	if resited { // the embedded SDK's base URL is at another host now
		entry.SDK = nil
	}
	if err := checkApp(&entry.App); err != nil {
		return at(entry.DefinedAt, err)
	}
	a.Apps = append(a.Apps, entry)
	return nil
}

// keptLabels returns those of an embedded entry's labels whose hosts the block has left the app.
func keptLabels(labels map[string]string, hosts []string) map[string]string {
	left := maps.Clone(labels)
	maps.DeleteFunc(left, func(_, host string) bool { return !slices.Contains(hosts, host) })
	return left
}

// states reports whether the block that d is before has an option of that name.
func states(d *caddyfile.Dispenser, name string) bool {
	defer d.Reset()
	d.Next()
	d.RemainingArgs()
	for nesting := d.Nesting(); d.NextBlock(nesting); d.NextSegment() {
		if d.Val() == name {
			return true
		}
	}
	return false
}

func appOptions(app *catalog.App) options {
	opts := options{
		"name": text(&app.Name), "short_name": text(&app.ShortName), "help_url": text(&app.HelpURL),
		"icon":       func(d *caddyfile.Dispenser) error { return parseIcon(d, app) },
		"categories": texts(&app.Categories), "auth_type": text(&app.AuthType), "upstream": text(&app.Upstream),
		"redirects": text(&app.Redirects), "links": func(d *caddyfile.Dispenser) error { return parseLinks(d, app) },
		"errors": text(&app.Errors), "error_form": text(&app.ErrorForm), "allow_http": flag(&app.AllowHTTP),
		"allow_private": texts(&app.AllowPrivate),
		"verify":        func(d *caddyfile.Dispenser) error { return parseVerify(d, app) },
		"oauth1":        func(d *caddyfile.Dispenser) error { return parseOAuth1(d, app) },
		"oauth2":        func(d *caddyfile.Dispenser) error { return parseOAuth2(d, app) },
		"sign":          func(d *caddyfile.Dispenser) error { return parseSign(d, app) },
		"rate_limit":    func(d *caddyfile.Dispenser) error { return parseRateLimit(d, app) },
		"site_names":    func(d *caddyfile.Dispenser) error { return parseSiteNames(d, app) },
		"steering":      func(d *caddyfile.Dispenser) error { return parseSteering(d, app) },
		"beside":        func(d *caddyfile.Dispenser) error { return parseBeside(d, app) },
		"sdk":           func(d *caddyfile.Dispenser) error { return parseSDK(d, app) },
		"key_places":    func(d *caddyfile.Dispenser) error { return parseKeyPlaces(d, app) },
	}
	// The first one stated replaces the embedded ones.
	opts["field"] = replacing(func() {
		app.Fields = nil
	}, func(d *caddyfile.Dispenser) error { return parseField(d, app) })
	opts["host_rename"] = replacing(func() {
		app.HostRenames = nil
	}, func(d *caddyfile.Dispenser) error { return pair(d, &app.HostRenames) })
	opts["extra_hosts"] = replacing(func() {
		app.ExtraHosts = nil
	}, func(d *caddyfile.Dispenser) error { return texts(&app.ExtraHosts)(d) })
	opts["host_label"] = replacing(func() {
		app.HostLabels = nil
	}, func(d *caddyfile.Dispenser) error { return pair(d, &app.HostLabels) })
	opts["default_header"] = replacing(func() {
		app.Headers = nil
	}, func(d *caddyfile.Dispenser) error { return pair(d, &app.Headers) })
	refused := func(d *caddyfile.Dispenser) error { return parseRefused(d, app) }
	opts["refused"] = replacing(func() { app.Refused = nil }, refused)
	addPlacementOptions(opts, app)
	return opts
}

// parseIcon reads `icon FILE`, relative to the Caddyfile.
func parseIcon(d *caddyfile.Dispenser, app *catalog.App) error {
	if err := text(&app.Icon)(d); err != nil {
		return err
	}
	if !filepath.IsAbs(app.Icon) {
		app.Icon = filepath.Join(filepath.Dir(d.File()), app.Icon)
	}
	return nil
}

// replacing calls forget before the first time that read is called.
func replacing(forget func(), read option) option {
	once := sync.OnceFunc(forget)
	return func(d *caddyfile.Dispenser) error { once(); return read(d) }
}

// addPlacementOptions adds `header`, `query`, `basic`, `path_prefix` and `other_prefixes`.
func addPlacementOptions(opts options, app *catalog.App) {
	placement := addRequestOptions(opts, &app.Placement)
	opts["path_prefix"] = func(d *caddyfile.Dispenser) error { return text(&placement().PathPrefix)(d) }
	opts["other_prefixes"] = func(d *caddyfile.Dispenser) error { return texts(&placement().OtherPrefixes)(d) }
}

// addRequestOptions adds `header`, `query` and `basic`, and returns the placement that they write
// to: a new one in p, from the first one stated on.
func addRequestOptions(opts options, p **catalog.Placement) (placement func() *catalog.Placement) {
	stated := false
	placement = func() *catalog.Placement {
		if !stated {
			*p, stated = new(catalog.Placement), true
		}
		return *p
	}
	opts["header"] = func(d *caddyfile.Dispenser) error { return pair(d, &placement().Header) }
	opts["query"] = func(d *caddyfile.Dispenser) error { return pair(d, &placement().Query) }
	opts["basic"] = func(d *caddyfile.Dispenser) error {
		b := new(catalog.Basic)
		if !d.Args(&b.Username, &b.Password) {
			return missing(d, "basic", "{username} {password}")
		}
		placement().Basic = b
		return nil
	}
	return placement
}
