package main

// configDirs are the packages whose structs a configuration is read into.
var configDirs = []string{"caddymodule", "catalog", "policy", "vending/pipedream"}

// sections are the lists of options on pages, by block, and the struct that each describes.
var sections = map[string]string{
	"vendgate": "App", "oauth-client": "OAuthClient", "tenant": "Tenant", "app": "catalog.App",
	"source-local": "LocalSource", "source-platform": "PlatformSource", "source-pipedream": "PipedreamSource",
	"source-static": "StaticSource", "proxy": "Proxy", "health": "Health",
}

// elsewhere are structs that have a section of their own and are not described inside another.
var elsewhere = map[string]bool{"AppEntry": true, "OAuthClient": true, "Tenant": true}

// parsers are the functions that read the options of a struct from a Caddyfile.
var parsers = map[string][]string{
	"App": {"parseApp"}, "Metrics": {"Metrics.parse"}, "Limiter": {"Limiter.parse"}, "Upstream": {"Upstream.parse"},
	"Store":       {"Store.parse"},
	"Catalog":     {"Catalog.parse"},
	"OAuthClient": {"App.parseOAuthClient"}, "Tenant": {"App.parseTenant", "Tenant.addBrandOptions"},
	"TenantPolicy": {"TenantPolicy.parse"}, "LocalSource": {"LocalSource.UnmarshalCaddyfile"},
	"PlatformSource":  {"PlatformSource.UnmarshalCaddyfile"},
	"PipedreamSource": {"PipedreamSource.UnmarshalCaddyfile"}, "StaticSource": {"StaticSource.UnmarshalCaddyfile"},
	"StaticConnection": {"StaticSource.parseConnection"}, "Proxy": {"parseProxy"}, "Health": {"parseHealth"},
	"catalog.App": {"appOptions"}, "catalog.Placement": {"addPlacementOptions", "addRequestOptions"},
	"catalog.Field": {"parseField"}, "catalog.Verify": {"parseVerify"}, "catalog.SiteNames": {"parseSiteNames"},
	"catalog.Steering": {"parseSteering"}, "catalog.Links": {"parseLinks"}, "catalog.RateLimit": {"parseRateLimit"},
	"catalog.Sign": {"parseSign"}, "catalog.Beside": {"parseBeside"}, "catalog.KeyPlaces": {"parseKeyPlaces"},
	"catalog.OAuth1": {"parseOAuth1"}, "catalog.OAuth2": {"parseOAuth2"}, "catalog.Capture": {"parseCapture"},
	"catalog.Refused": {"parseRefused"},
}

// renamed are options of the Caddyfile whose names are neither the JSON name nor its singular.
var renamed = map[string]string{
	"App.apps": "app", "Tenant.key_digests": "key_sha256", "PlatformSource.passthrough": "key",
	"catalog.App.headers": "default_header", "catalog.Verify.headers": "header",
}

// forms are what neither a doc comment nor a message of the parser says of how an option is
// written.
var forms = map[string]string{
	"App.apps": "app SLUG { … }", "App.catalog": "catalog { … }", "App.tenant_defaults": "tenant_defaults { … }",
	"App.metrics": "metrics { … }", "App.limiter": "limiter redis { … }", "App.store": "store { … }",
	"Limiter.on_failure": "on_failure local|closed|open", "App.upstream": "upstream { … }",
	"Catalog.community":      "community [SLUG…]",
	"PlatformSource.aliases": "alias REMOTE SLUG", "PlatformSource.key": "key REF",
	"PlatformSource.keys": "key TENANT REF", "Proxy.prefix": "prefix PATH",
	"PlatformSource.passthrough": "key passthrough",
	"catalog.App.refused":        "refused [STATUS…] [{ … }]",
}

// values are what the argument of an option is, where that is more than a text.
var values = map[string]string{
	"allow_private": "CIDR", "app": "SLUG", "apps": "SLUG", "batch": "PATH", "capabilities": "CAPABILITY", "cut": "PATH",
	"data_dir": "PATH", "email": "ADDRESS", "endpoint": "URL", "extra_hosts": "HOST", "file": "PATH", "host": "HOST",
	"frame_ancestors": "ORIGIN", "headers": "NAME", "hosts": "HOST", "paths": "PATH", "source": "NAME",
	"default_source": "NAME", "trust_ca": "PATH", "upstream": "URL",
}
