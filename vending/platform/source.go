package platform

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/net/http/httpguts" // net/http's own rule for what a header value may hold

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// maxID bounds a connection id in bytes. The API's ids are opaque, but an unbounded one would
// fill the cache's memory and be refused by servers with errors that mean something else.
const maxID = 512

// Source vends from a Platform API server. It is safe for concurrent use.
type Source struct {
	base      string
	transport http.RoundTripper
	ownKey    func(tenant string) (vending.Secret, bool) // nil: the caller's key is passed through
	aliases   map[string]string
	timeout   time.Duration
	catalog   func(slug string) (*catalog.App, bool) // nil: none is known
	apps      *lru.Cache[connectionKey, string]
	limited   limitedKeys
	logger    *slog.Logger
}

var (
	_ vending.Source   = (*Source)(nil)
	_ vending.KeyTaker = (*Source)(nil)
)

// TakesCallerKey implements [vending.KeyTaker].
func (s *Source) TakesCallerKey() bool { return s.ownKey == nil }

// connectionKey is under whose eyes a connection's app was seen. The digest of a key passed
// through is part of it, so that no caller learns an app by another's key.
type connectionKey struct {
	tenant, user, connection string
	key                      [sha256.Size]byte
}

// call is what all HTTP calls of one vend have in common.
type call struct {
	connectionKey
	secret vending.Secret
}

// Vend asks the server for a fresh credential of one connection. The connection's app comes first,
// from memory or by one more call; only if it is r.App is a credential asked for. With a key that
// may not read connections the credential must have the form of r.App's instead. Nothing
// vended is kept, so Force needs no more than asking again: the server refreshes on demand.
//
// Refusals are a *[vending.Error]. If ctx ends first, its error is wrapped.
func (s *Source) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	c, err := s.prepare(r)
	if err != nil {
		return vending.Credential{}, err
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cred, err := s.vend(limited, c, r.App)
	if err == nil {
		return cred.Advised(advice), nil
	}
	if ctx.Err() != nil {
		return vending.Credential{}, fmt.Errorf("vending from the platform: %w", ctx.Err())
	}
	return vending.Credential{}, err
}

func (s *Source) vend(ctx context.Context, c *call, want string) (vending.Credential, error) {
	app, err := s.app(ctx, c)
	if err != nil {
		return vending.Credential{}, err
	}
	switch {
	case app == "":
		return s.vendByPath(ctx, c, want)
	case want != "" && app != want:
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, nil)
	}
	t, asked, err := s.token(ctx, c)
	if err != nil {
		return vending.Credential{}, err
	}
	return t.credential(app, s.entry(app), asked)
}

// entry returns what the catalog knows of an app, or nil.
func (s *Source) entry(slug string) *catalog.App {
	if s.catalog == nil {
		return nil
	}
	app, _ := s.catalog(slug)
	return app
}

// prepare refuses what no call could answer. In particular an id that is a dot segment never
// reaches a URL: escaping leaves dots as they are, and servers resolve them.
func (s *Source) prepare(r vending.Request) (*call, error) {
	switch id := r.Connection; {
	case id == "", id == ".", id == "..", len(id) > maxID:
		return nil, vending.Errorf(vending.ConnectionDeleted, nil)
	case r.User == "", !httpguts.ValidHeaderFieldValue(r.User):
		return nil, vending.Errorf(vending.InvalidUserEmail, nil)
	}
	c := &call{connectionKey: connectionKey{tenant: r.Tenant, user: r.User, connection: r.Connection}}
	if s.ownKey == nil {
		if !sendable(r.Key) {
			return nil, vending.Errorf(vending.InvalidTenantKey, nil)
		}
		c.secret, c.key = r.Key, sha256.Sum256([]byte(r.Key.Reveal()))
		return c, nil
	}
	secret, ok := s.ownKey(r.Tenant)
	if !ok || !sendable(secret) {
		return nil,
			vending.Errorf(vending.InternalError, fmt.Errorf("tenant %q has no usable key with the platform", r.Tenant))
	}
	c.secret = secret
	return c, nil
}

// sendable reports whether a header can carry key; one read with its file's last newline cannot.
func sendable(key vending.Secret) bool {
	return !key.IsZero() && httpguts.ValidHeaderFieldValue(key.Reveal())
}

// remember keeps the connection's app, and nothing else that was answered. The strings are
// cloned: they may be parts of a large request that the cache would hold on to.
func (s *Source) remember(c *call, app string) {
	k := c.connectionKey
	k.tenant, k.user, k.connection = strings.Clone(k.tenant), strings.Clone(k.user), strings.Clone(k.connection)
	s.apps.Add(k, strings.Clone(app))
}
