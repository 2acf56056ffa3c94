package pipedream

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// Source vends from Pipedream Connect. It is safe for concurrent use.
type Source struct {
	connect     string // the project's URL, without a trailing slash
	project     string
	environment string
	transport   http.RoundTripper
	tenants     map[string]bool // whose accounts the project holds
	externalIDs bool
	catalog     *catalog.Catalog
	apps        map[string]App
	named       map[string]bool // the name slugs in apps
	timeout     time.Duration
	logger      *slog.Logger
	tokens      tokenCache
	found       atomic.Bool // whether any account was found since the start
	warned      atomic.Bool // whether the log says that none was
}

var (
	_ vending.Source        = (*Source)(nil)
	_ vending.ExternalUsers = (*Source)(nil)
	_ vending.TenantBound   = (*Source)(nil)
)

// NamesUsersByExternalID implements [vending.ExternalUsers].
func (s *Source) NamesUsersByExternalID() bool { return s.externalIDs }

// Tenants implements [vending.TenantBound].
func (s *Source) Tenants() []string { return slices.Sorted(maps.Keys(s.tenants)) }

// Vend asks Pipedream for the account that r.Connection names. Refusals are a *[vending.Error]. If
// ctx ends first, its error is wrapped.
func (s *Source) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	if !s.tenants[r.Tenant] || !validID(r.Connection, "apn_") || r.User == "" {
		return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cred, err := s.vend(limited, r)
	if err == nil {
		return cred, nil
	}
	if ctx.Err() != nil {
		return vending.Credential{}, fmt.Errorf("vending from Pipedream: %w", ctx.Err())
	}
	return vending.Credential{}, err
}

func (s *Source) vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	a, bearer, err := s.account(ctx, r.Connection)
	if err != nil {
		return vending.Credential{}, err
	}
	if !s.found.Load() {
		s.found.Store(true)
	}
	app, ok := s.catalog.App(r.App)
	switch {
	case a.ID != r.Connection:
		return vending.Credential{}, unreadable("reading the account", errOtherAccount)
	case !s.isUser(a.ExternalID, r.User):
		return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
	case !ok || !s.isApp(a.NameSlug, r.App):
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, nil)
	case a.Dead || a.failing() && !a.exposes(app):
		return vending.Credential{}, vending.Errorf(vending.NeedsReconnection, nil)
	case a.keepsBack(app):
		return s.relayed(a, app, bearer, r.Force)
	}
	cred, err := a.credential(app, s.apps[r.App].Fields)
	if err != nil {
		return vending.Credential{}, err
	}
	return cred.Advised(func(field string) string { return lineFor(app, field) }), nil
}

// isUser reports whether the account belongs to the end user.
func (s *Source) isUser(externalID, user string) bool {
	if !s.externalIDs {
		externalID = lowerASCII(strings.Trim(externalID, " \t"))
	}
	return externalID == user
}

// lowerASCII leaves all but A to Z alone: Unicode folds distinct characters (U+212A becomes "k"),
// and two end users must never become one.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Close ends the fetch in flight, if there is one. Nothing is vended afterwards but with an access
// token at hand.
func (s *Source) Close() { s.tokens.close() }
