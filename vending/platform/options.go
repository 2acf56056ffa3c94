package platform

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2" // the Go ecosystem's standard bounded LRU; no goroutines, no dependencies

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// The defaults of [Options].
const (
	// DefaultTimeout bounds one vend.
	DefaultTimeout = 10 * time.Second
	// DefaultCacheSize is how many connections' apps are remembered: at most about 10 MB, since
	// the ids that make up an entry are bounded.
	DefaultCacheSize = 10_000
)

// Options say which server to ask and with whose key.
type Options struct {
	// BaseURL is the root of the API, e.g. https://connect.pabbly.com/platform/v1. It has no
	// user info, query or fragment; a trailing slash does not matter.
	BaseURL string
	// AllowHTTP permits a plain `http` BaseURL. The tenant key then travels in the clear.
	AllowHTTP bool
	// Transport makes the calls. It is required, so that no call is unguarded by omission; its
	// idle connections are the caller's to close. Redirects are not followed whatever it is.
	Transport http.RoundTripper
	// Key returns the key that a tenant has with the server. Exactly one of Key and Passthrough
	// is set.
	Key func(tenant string) (vending.Secret, bool)
	// Passthrough sends the caller's own key, Request.Key.
	Passthrough bool
	// Aliases map the server's app ids and slugs to slugs of the catalog. What has no alias
	// counts by its slug as it is; an id without an alias counts for nothing.
	Aliases map[string]string
	// Catalog returns an app by its slug. Of the fields that the server answers, only those count
	// that the app declares. Nil means that all count, and that a key which may not read
	// connections is of no use: nothing would say what a credential of an app looks like.
	Catalog func(slug string) (*catalog.App, bool)
	// Timeout bounds one vend with all its calls; 0 means [DefaultTimeout].
	Timeout time.Duration
	// CacheSize bounds how many connections' apps are remembered; 0 means [DefaultCacheSize].
	CacheSize int
	// Logger is told when the server refuses a configured tenant key, or does not let it read
	// connections; nil means that neither is logged.
	Logger *slog.Logger
}

// New makes a source. An unusable option is an error that names it, and never holds a secret: a
// BaseURL is not repeated, as it may carry a password.
func New(o Options) (*Source, error) {
	base, err := vending.ParseEndpoint(o.BaseURL, o.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("configuring a platform source: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.CacheSize == 0 {
		o.CacheSize = DefaultCacheSize
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	apps, err := lru.New[connectionKey, string](o.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("making the cache of a platform source: %w", err)
	}
	limited, err := newLimitedKeys()
	if err != nil {
		return nil, fmt.Errorf("making the memory of a platform source: %w", err)
	}
	return &Source{
		base: base, transport: o.Transport, ownKey: o.Key, aliases: maps.Clone(o.Aliases),
		timeout: o.Timeout, catalog: o.Catalog, apps: apps, limited: limited, logger: o.Logger,
	}, nil
}

func (o *Options) check() error {
	switch {
	case o.Transport == nil:
		return errors.New("a transport is required")
	case o.Passthrough && o.Key != nil:
		return errors.New("either the caller's key is passed through or a key is configured, not both")
	case !o.Passthrough && o.Key == nil:
		return errors.New("a tenant key is required unless the caller's is passed through")
	case o.Timeout < 0:
		return errors.New("the timeout is negative")
	case o.CacheSize < 0:
		return errors.New("the cache size is negative")
	}
	for from, to := range o.Aliases {
		if from == "" || catalog.CheckSlug(to) != nil {
			return fmt.Errorf("alias %q → %q: write an app id or slug of the server, then a slug of the catalog", from, to)
		}
	}
	return nil
}
